// Protocol 3 and Must show 10: a store started from last week's copy of its disk signs nothing that contradicts, repeats no
// receipt number, and ends with every sale; with its mirrors in reach, and without.
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { markDirectory } from '../../demo/lib/chain.mjs';
import { checkAcknowledged } from '../../demo/lib/audit.mjs';
import { exportAll, ledgersOf, verifyAll } from '../../demo/lib/journals.mjs';
import { assert, inParallel, join, openTill, sell, tradingChain, waitUntil } from './lib.mjs';

async function checkAll(chain, store, till, before) {
  await waitUntil('the till to be safe', async () => (await till.settle()) === 0, { seconds: 60 });
  await inParallel(chain.sites.values(), 4, (site) => site.cosigned());
  const after = await exportAll(chain, join(chain.dir, 'after'));
  assert.deepEqual((await verifyAll(before, after)).failed, []);
  const ledger = (await ledgersOf(after)).get(store.name);
  const kept = till.replies.map((each) => ({ ...each, till: till.number, site: store.name }));
  const numbers = kept.map(({ reply }) => reply.receipt);
  assert.equal(new Set(numbers).size, numbers.length, 'a receipt number was given out twice');
  const { found, problems } = checkAcknowledged(new Map([[store.name, ledger]]), kept);
  assert.deepEqual(problems, []);
  assert.equal(found, kept.length);
  assert.deepEqual(ledger.doubled, []);
  assert.deepEqual(ledger.repeats, []);
  assert.equal(ledger.sums.sales, BigInt(kept.length));
  for (const site of chain.sites.values()) {
    assert.deepEqual((await site.client.get('/v1/chain')).contradictions, [], `${site.name} has seen a contradiction`);
  }
}
async function copyThenSell(chain, store, till) {
  for (let n = 0; n < 10; n++) await sell(till);
  await store.cosigned();
  await store.stop();
  const lastWeek = join(chain.dir, 'last-week');
  cpSync(store.dir, lastWeek, { recursive: true });
  await store.start();
  await store.signing();
  for (let n = 0; n < 10; n++) await sell(till);
  await store.cosigned();
  const before = await exportAll(chain, join(chain.dir, 'before'));
  await store.kill();
  rmSync(store.dir, { recursive: true });
  cpSync(lastWeek, store.dir, { recursive: true });
  markDirectory(store.dir);
  return before;
}

test('started from last week\'s copy with its mirrors in reach', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('stale-reach');
  const [store] = chain.stores;
  const till = await openTill(store);
  const before = await copyThenSell(chain, store, till);
  await store.start();
  for (let n = 0; n < 10; n++) await sell(till);
  await store.signing();
  for (let n = 0; n < 5; n++) await sell(till);
  await checkAll(chain, store, till, before);
});

test('started from last week\'s copy with every mirror out of reach, which come back later', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('stale-alone');
  const [store] = chain.stores;
  const till = await openTill(store);
  const before = await copyThenSell(chain, store, till);
  const others = [...chain.sites.values()].filter((site) => site !== store);
  await inParallel(others, 4, (site) => site.stop());
  await store.start();
  for (let n = 0; n < 10; n++) await sell(till);
  const alone = await store.safety();
  assert.equal(alone.signing, 'asking');
  await inParallel(others, 4, (site) => site.start());
  await store.signing();
  for (let n = 0; n < 5; n++) await sell(till);
  await checkAll(chain, store, till, before);
});
