// `holdfast seal --all`: one person's hand at many doors, all at once; each site seals itself. HF_SEAL_SITES=N (3).
import { test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { assert, inParallel, join, newChain, run, sleep, waitUntil } from '../e2e/lib.mjs';

const count = Number(process.env.HF_SEAL_SITES ?? 3);

test(`${count} sites are sealed at once, each at its own door`, { timeout: 900_000 }, async () => {
  const chain = await newChain('seal-many', { stores: count });
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (site) => site.start({ seconds: 300 }));
  await inParallel(sites, 4, (site) => site.signing({ seconds: 300 }));
  const list = join(chain.dir, 'sites');
  writeFileSync(list, `# every store by its data directory on this machine\n${chain.stores.map((store) => `${store.name} ${store.dir}`).join('\n')}\n`);
  const start = performance.now();
  const { out } = await run(['seal', '--all', '--sites', list, '--reason', 'a drill']);
  const ms = performance.now() - start;
  assert.match(out, new RegExp(`${count} of ${count} sites are sealed`));
  for (const store of chain.stores) {
    assert.equal((await store.local().get('/v1/posture')).posture, 'sealed');
    assert.ok((await store.local().get('/v1/links')).links.every((link) => link.state === 'cut'));
  }
  // Head office was not asked: no site commands another.
  assert.equal((await chain.headOffice.local().get('/v1/posture')).posture, 'open');
  console.log(`${count} sites: all told sealed after ${ms.toFixed(0)} ms (one command, data directories on one machine)`);

  // A machine that accepts and never answers: the others are told all the same, and the command ends.
  const frozen = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise((done) => { frozen.listen(0, '127.0.0.1', done); });
  const [mixed, pin] = ['mixed', 'pin'].map((name) => join(chain.dir, name));
  writeFileSync(mixed, `frozen 127.0.0.1:${frozen.address().port}\n${chain.stores[0].name} ${chain.stores[0].dir}\n`);
  writeFileSync(pin, '000000\n');
  const stuck = await run(['seal', '--all', '--sites', mixed, '--staff', '1', '--pin-file', pin], { mayFail: true });
  frozen.close();
  assert.equal(stuck.code, 1, stuck.out + stuck.err);
  assert.match(stuck.out, new RegExp(`^${chain.stores[0].name} +sealed.*\nfrozen +NOT DONE: .*no answer within 10 s.*\n1 of 2 sites are sealed`, 's'));

  await sleep(500);
  const missing = await run(['seal', 'store-99', '--sites', list], { mayFail: true });
  assert.equal(missing.code, 1);
  assert.match(missing.err, /no line for store-99/);
  await chain.stores[0].kill();
  const partly = await run(['unseal', '--all', '--sites', list, '--reason', 'the drill is over'], { mayFail: true });
  // One machine is down: its switch is turned for its next start, and the others open now.
  assert.equal(partly.code, 1, partly.out + partly.err);
  assert.match(partly.out, /NOT DONE/);
  await waitUntil('the others to open', async () => (await inParallel(chain.stores.slice(1), 8, (store) => store.local().get('/v1/posture')))
    .every((answer) => answer.posture === 'open'));
});
