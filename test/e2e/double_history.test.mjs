// Must show 8, with real processes: a store's disk, keys included, is stolen. The thief's machine and the store's own sign two
// histories of the same journal. The second that mirrors are shown is cosigned by nobody's quorum, both are kept as
// evidence, and the chain page's data shows it.
import { cpSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Site } from '../../demo/lib/chain.mjs';
import { Till } from '../../demo/lib/till.mjs';
import { assert, join, openTill, sell, sleep, tradingChain, waitUntil } from './lib.mjs';

test('a stolen key signs two histories', { timeout: 240_000 }, async (t) => {
  const chain = await tradingChain('double-history');
  const [store] = chain.stores;
  const till = await openTill(store);
  for (let n = 0; n < 5; n++) await sell(till);
  await store.cosigned();
  await store.stop();
  const stolen = join(chain.dir, 'stolen');
  cpSync(store.dir, stolen, { recursive: true });
  const thief = new Site(chain, store.name, stolen, chain.spare_port);
  await store.start();
  await store.signing();
  await store.cosigned();
  let common;

  await t.test('the store, cut off, goes on signing its own history', async () => {
    for (const { site } of (await store.local().get('/v1/links')).links) await store.cut(site);
    common = (await store.safety()).cosigned_size; // with the first cut itself, if the others were quick to cosign it
    for (let n = 0; n < 5; n++) await sell(till);
    await waitUntil('its own checkpoints', async () => (await store.safety()).signing === 'signing', { seconds: 5 });
    await sleep(500);
  });

  await t.test('the thief\'s machine asks, is told the common part, and gets another one cosigned', async () => {
    await thief.start({ args: ['--links', `127.0.0.1:${chain.spare_port + 1}`] });
    await thief.signing();
    const other = new Till(thief.client, { till: till.number, device_key: till.client.headers.authorization.split('.')[1], staff: till.staff });
    for (let n = 0; n < 6; n++) await sell(other);
    const safety = await thief.cosigned();
    assert.ok(safety.cosigned_size > common);
  });

  await t.test('shown the store\'s history, mirrors refuse it and keep both as evidence', async () => {
    const mirrors = [chain.headOffice, chain.warehouse];
    for (const { site } of (await store.local().get('/v1/links')).links) await store.heal(site);
    for (const mirror of mirrors) {
      const seen = await waitUntil(`${mirror.name} to see the contradiction`, async () => {
        const { contradictions } = await mirror.client.get('/v1/chain');
        return contradictions.length > 0 && contradictions;
      }, { seconds: 60 });
      assert.ok(seen.some(({ origin }) => origin.endsWith(`/${store.name}/1`)), JSON.stringify(seen));
      assert.ok(readdirSync(join(mirror.dir, 'evidence')).length > 0);
    }
  });

  await t.test('nothing of the second history is ever cosigned by a quorum', async () => {
    await sleep(3000);
    assert.ok((await store.safety()).cosigned_size <= common, JSON.stringify(await store.safety()));
  });
  await thief.stop();
});
