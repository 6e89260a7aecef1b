// kill -9 of a loaded store node at random moments, on the real disk (Must show 5): what was acknowledged is there, once.
//
//   HF_KILLS=200 node --test test/crash/kill.test.mjs       (20 in make test, 200 in make crash-long)
import { test } from 'node:test';
import { checkAcknowledged } from '../../demo/lib/audit.mjs';
import { exportAll, ledgersOf, verifyAll } from '../../demo/lib/journals.mjs';
import { Random } from '../../demo/lib/random.mjs';
import { assert, inParallel, join, milk, openTill, pen, sell, sleep, tradingChain, waitUntil } from '../e2e/lib.mjs';

const kills = Number(process.env.HF_KILLS ?? 20);
const seed = Number(process.env.HF_SEED ?? Date.now() % 1_000_000);

test(`a loaded store is killed ${kills} times (HF_SEED=${seed})`, { timeout: 60_000 + kills * 15_000 }, async () => {
  const random = new Random(seed);
  const chain = await tradingChain('kill');
  const [store] = chain.stores;
  const tills = [];
  for (let n = 1; n <= 4; n++) tills.push(await openTill(store, `Till ${n}`));
  let stop = false;
  const work = tills.map(async (till) => {
    while (!stop) await sell(till, [pen(String(1 + random.below(3))), milk()], { patienceMs: 60_000 });
  });
  let acknowledged = 0;
  const count = () => tills.reduce((sum, till) => sum + till.replies.length, 0);
  for (let n = 0; n < kills; n++) {
    await waitUntil('sales since the last start', () => count() > acknowledged + 3, { seconds: 30, everyMs: 5 });
    await sleep(random.below(400));
    acknowledged = count();
    await store.kill();
    await store.start();
  }
  await waitUntil('sales after the last start', () => count() > acknowledged + 10, { seconds: 30 });
  stop = true;
  await Promise.all(work);
  await store.signing();
  await waitUntil('tills to be safe', async () => (await Promise.all(tills.map((till) => till.settle()))).every((kept) => kept === 0), { seconds: 60 });
  await inParallel(chain.sites.values(), 4, (site) => site.cosigned());
  const trees = await exportAll(chain, join(chain.dir, 'after'));
  assert.deepEqual((await verifyAll([], trees)).failed, []);
  const ledgers = await ledgersOf(trees);
  const kept = tills.flatMap((till) => till.replies.map((each) => ({ ...each, till: till.number, site: store.name })));
  const { found, problems } = checkAcknowledged(ledgers, kept);
  const ledger = ledgers.get(store.name);
  console.log(`${kills} kills, ${kept.length} sales acknowledged, ${found} in the journal, ${ledger.doubled.length} doubled, ${ledger.sums.sales} sales in all`);
  assert.deepEqual(problems, []);
  assert.equal(found, kept.length);
  assert.deepEqual(ledger.doubled, []);
  assert.deepEqual(ledger.repeats, []);
  assert.deepEqual(ledger.gaps(), []);
  // Every write was retried until it was answered, so there is no sale that no till knows of.
  assert.equal(ledger.sums.sales, BigInt(kept.length));
});
