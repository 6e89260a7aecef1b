// A full disk, for real: the store's data directory lies on a file system of a few megabytes. The node says so and ends
// (protocol 1.2); with room again it goes on, and everything that was acknowledged is there. Skipped where mounting a file
// system is not allowed (it needs root); src/edge/posix tests the same with a disk that refuses.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { assert, inParallel, join, listCatalogue, manager, newChain, openTill, pen, sell, sleep, top, waitUntil } from './lib.mjs';

const mounts = [];
const command = (name, ...args) => spawnSync(name, args, { encoding: 'utf8' });
after(async () => {
  for (const dir of mounts) {
    for (let n = 0; n < 50 && command('umount', dir).status !== 0; n++) await sleep(100);
    rmSync(dir, { recursive: true });
  }
});

test('a full disk is told, and nothing acknowledged is lost', { timeout: 180_000 }, async (t) => {
  const chain = await newChain('full-disk');
  const [store] = chain.stores;
  const dir = join(top, 'build/e2e', `small-disk-${process.pid}`);
  mkdirSync(dir);
  const mounted = command('mount', '-t', 'tmpfs', '-o', 'size=48m', 'holdfast-test', dir);
  if (mounted.status !== 0) return t.skip(`a file system cannot be mounted here: ${mounted.stderr?.trim() ?? mounted.error?.message}`);
  mounts.push(dir);
  for (const name of readdirSync(store.dir)) cpSync(join(store.dir, name), join(dir, name), { recursive: true });
  store.dir = dir;
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (site) => site.start());
  await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
  await listCatalogue(chain);
  const till = await openTill(store);
  for (let n = 0; n < 20; n++) await sell(till);

  const filler = join(dir, 'somebody-elses-file');
  for (let left = 48; left > 0; left--) {
    try {
      writeFileSync(filler, Buffer.alloc(1 << 20, 1), { flag: 'a' });
    } catch {
      break;  // full
    }
  }
  // What is pre-allocated is used up first; then the node cannot go on, and says why.
  const lines = Array.from({ length: 500 }, () => pen());
  let sold = 0;
  while (store.alive && sold < 2000) {
    await sell(till, lines, { patienceMs: 300 }).then(() => sold++, () => {});
  }
  await waitUntil('the node to end', () => store.ended, { seconds: 20 });
  assert.equal(store.ended.code, 3, store.said);
  assert.match(store.said, /full|space/i);

  rmSync(filler);
  store.child = null;
  await store.start();
  await sell(till);
  for (const { reply } of till.replies) {
    const receipt = await till.client.get(`/v1/receipts/${reply.receipt}`);
    assert.equal(receipt.total, reply.total);
  }
  const numbers = till.replies.map(({ reply }) => reply.receipt);
  assert.equal(new Set(numbers).size, numbers.length);
  await store.stop();
});
