// Promises 1 and 4: a site sells with every link cut, cutting needs nobody else and ends what is established, and what was
// sold alone is copied once the links are open again.
import { test } from 'node:test';
import { assert, openTill, sell, sleep, taken, tradingChain, waitUntil, write } from './lib.mjs';

test('links are cut and healed', { timeout: 180_000 }, async (t) => {
  const chain = await tradingChain('links', { stores: 3 });
  const [store, second] = chain.stores;
  const till = await openTill(store);
  const peers = (await store.local().get('/v1/links')).links.map((link) => link.site);

  await t.test('a cut ends the established connection at once, on both sides', async () => {
    await waitUntil('links to be up', async () => (await store.local().get('/v1/links')).links.every((link) => link.state === 'up'));
    for (const peer of peers) await store.cut(peer);
    const { links } = await store.local().get('/v1/links');
    assert.deepEqual(new Set(links.map((link) => link.state)), new Set(['cut']));
    await waitUntil('the other end to see it', async () =>
      (await second.local().get('/v1/links')).links.find((link) => link.site === store.name)?.state !== 'up', { seconds: 10 });
  });

  await t.test('it sells on; nothing passes', async () => {
    const before = await store.safety();
    const held = before.mirrors.map((mirror) => mirror.held);
    for (let n = 0; n < 20; n++) await sell(till);
    await sleep(2500);
    const safety = await store.safety();
    assert.equal(safety.size, before.size + 20);
    assert.equal(safety.cosigned_size, before.cosigned_size);
    assert.deepEqual(safety.mirrors.map((mirror) => mirror.held), held);
    assert.ok(safety.no_copy_elsewhere_since);
  });

  await t.test('head office changes a price meanwhile: the store keeps the old one', async () => {
    await taken(chain.headOffice.local(), { kind: 'list_products', products: [{ sku: 'PEN', gtin: '4006381333931', name: 'Pen', unit_price: '1.35', vat: 'S', goods: true }] });
    await sleep(1500);
    assert.equal((await store.local().get('/v1/products/PEN')).unit_price, '1.25');
  });

  await t.test('a cut survives a restart', async () => {
    await store.stop();
    await store.start();
    assert.ok((await store.local().get('/v1/links')).links.every((link) => link.state === 'cut'));
    await store.signIn();
    const open = await write(store.local(), { kind: 'count', lines: [{ sku: 'PEN', counted: '3' }] });
    assert.equal(open.ok, true, 'a started node takes writes while it asks');
  });

  await t.test('healed, it catches up and is cosigned to the end', async () => {
    for (const peer of peers) await store.heal(peer);
    await store.cosigned({ seconds: 30 });
    assert.equal(await till.settle(), 0);
    await waitUntil('the new price', async () => (await store.local().get('/v1/products/PEN')).unit_price === '1.35');
  });
});
