// A process that knows only a path overwrites a store's files as fast as it can, while the store sells: how far it comes
// before the store is sealed, what of the journal is damaged, and what the mirrors give back. All of what was cosigned is.
import { test } from 'node:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { assert, claimOf, join, manager, openTill, pen, run, sell, tradingChain, waitUntil } from './lib.mjs';
import { sizeOf, destroy, sealedIn } from '../../demo/lib/attack.mjs';

test('a store is overwritten while it sells', { timeout: 300_000 }, async () => {
  const chain = await tradingChain('overwrite', { stores: 2 });
  const store = chain.stores[0];
  const till = await openTill(store);
  for (let n = 0; n < 60; n++) await sell(till, [pen()]);
  await store.cosigned();
  await store.stop();
  // Files of the house around the node's own, as they lie on a back-office PC, and canaries among them.
  mkdirSync(join(store.dir, 'office'), { recursive: true });
  for (let n = 0; n < 40; n++) writeFileSync(join(store.dir, 'office', `letter-${String(n).padStart(2, '0')}.doc`), Buffer.alloc(200_000, n));
  const canary = join(store.dir, 'office', 'letter-10.doc');
  writeFileSync(join(store.dir, 'guard.toml'), `[tripwires]\ncanaries = ["${canary}"]\n`);
  await store.start();
  await store.signIn();
  await store.signing();
  till.enter({ till: till.number, device_key: till.client.headers.authorization.split('.')[1], staff: till.staff, session: store.session });
  for (let n = 0; n < 20; n++) await sell(till, [pen()]);
  await store.cosigned();
  const safe = till.replies.length;

  const attack = destroy(store.dir, join(chain.dir, 'destroyed'));
  const sealed = await waitUntil('the seal', () => sealedIn(store), { seconds: 30, everyMs: 5 });
  const sealedAt = sealed.atUs, started = attack.startedUs;
  let sold = 0;
  for (let n = 0; n < 10 && store.alive; n++) sold += (await till.sale([pen()], { patienceMs: 3000 }).then(({ reply }) => reply.ok, () => false)) ? 1 : 0;
  await attack.ended;
  const files = attack.files();
  const before = files.filter((file) => file.at <= sealedAt);
  // Not that the seal came before it was through: nothing is promised about that race, and a slow disk loses it.
  assert.ok(files.length > 40, `it went through ${files.length} files, ${before.length} of them before the seal`);
  // A node whose files are gone may end before it has written that it is sealed (sealedIn).
  if (!store.ended) assert.match(readFileSync(store.log(), 'utf8'), /"event":"sealed"/);
  await store.kill();
  const verified = await run(['journal', 'verify', '--data', store.dir], { mayFail: true });
  assert.notEqual(verified.code, 0, 'what it overwrote is found');

  await chain.rebuild(store.name);
  await store.start();
  await store.enrol({ ...manager });
  await store.signing();
  const claim = await claimOf(store);
  assert.equal(claim.sales >= safe, true, `${claim.sales} of ${safe} cosigned sales came back`);
  assert.equal((await store.local().get('/v1/posture')).posture, 'open', 'a new machine begins open');
  // What was sold between the seal and the end is in the till's memory alone.
  const again = await openTill(store, 'Till 1', till.number);
  till.site = store.client;
  till.enter({ till: again.number, device_key: again.client.headers.authorization.split('.')[1], staff: again.staff, session: store.session });
  await till.settle({ resend: true });
  assert.equal((await claimOf(store)).sales, till.replies.length, 'every acknowledged sale is there once');
  console.log(`sealed ${((sealedAt - started) / 1000).toFixed(0)} ms after the destroyer was started (by ${sealed.by}); destroyed before: ${before.length} files, ` +
    `${(sizeOf(before) / 1e6).toFixed(1)} MB, of the journal ${before.filter((file) => file.name.startsWith('journals/store-01')).length} files; ` +
    `in the end ${files.length} files, ${(sizeOf(files) / 1e6).toFixed(1)} MB; sold after the seal: ${sold}; ` +
    `given back by mirrors: ${claim.sales} sales of ${safe} cosigned, and with what the till held ${till.replies.length}`);
});
