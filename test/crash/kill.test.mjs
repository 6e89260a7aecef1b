// kill -9 of a loaded store node at random moments, on the real disk (Must show 5): what was acknowledged is there, once.
//
//   HF_KILLS=200 node --test test/crash/kill.test.mjs       (20 in make test, 200 in make crash-long, or KILLS=1000)
import { test } from 'node:test';
import { Random } from '../../demo/lib/random.mjs';
import { checkAfterCrashes, milk, openTill, pen, sell, sleep, tradingChain, waitUntil } from '../e2e/lib.mjs';

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
  await checkAfterCrashes(chain, store, tills, `${kills} kills`);
});
