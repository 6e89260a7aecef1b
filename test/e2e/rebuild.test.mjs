// Promise 7: a destroyed site comes back from its mirrors, and the old machine, should it live, stops and hands over its tail
// (protocol 5, 6; Must show 10).
import { cpSync } from 'node:fs';
import { test } from 'node:test';
import { overwriteAll } from '../../demo/lib/chain.mjs';
import { checkAcknowledged } from '../../demo/lib/audit.mjs';
import { exportAll, ledgersOf, verifyAll } from '../../demo/lib/journals.mjs';
import { Desk } from '../../demo/lib/trade.mjs';
import { assert, claimOf, join, openTill, pen, sell, taken, tradingChain, waitUntil, write } from './lib.mjs';

const product = (sku, unit_price) => ({ kind: 'list_products', products: [{ sku, name: `Product ${sku}`, unit_price, vat: 'S', goods: true }] });

test('head office is destroyed, rebuilt, and its old machine comes back', { timeout: 240_000 }, async (t) => {
  const chain = await tradingChain('rebuild');
  const office = chain.headOffice;
  const [store] = chain.stores;
  const till = await openTill(store);
  const desk = new Desk(office);
  const aside = join(chain.dir, 'old-machine');
  const old = { dir: null, origin: null, tail: [] };
  let before;

  await t.test('it trades, then is cut off and acknowledges what nobody has a copy of', async () => {
    await desk.write(product('A', '1.00'));
    for (let n = 0; n < 10; n++) await sell(till);
    await office.cosigned();
    before = await exportAll(chain, join(chain.dir, 'before'));
    for (const { site } of (await office.local().get('/v1/links')).links) await office.cut(site);
    for (const sku of ['TAIL-1', 'TAIL-2', 'TAIL-3']) old.tail.push(await taken(office.local(), product(sku, '2.00')));
    old.origin = (await office.about()).origin;
  });

  await t.test('its machine is gone: stores sell on', async () => {
    await office.kill();
    cpSync(office.dir, aside, { recursive: true });
    overwriteAll(office.dir);
    for (let n = 0; n < 10; n++) await sell(till);
    await store.cosigned();
  });

  await t.test('it is rebuilt from its mirrors and serves', async () => {
    await chain.rebuild('head-office');
    await office.start();
    await office.signing();
    await office.enrol();
    const about = await office.about();
    assert.equal(about.epoch, 2);
    assert.equal((await office.local().get('/v1/products/A')).unit_price, '1.00');
    assert.equal((await office.local().call('GET', '/v1/products/TAIL-1')).status, 404);
    const report = await office.client.get('/v1/recovery');
    assert.equal(report.old_origin, old.origin);
    assert.equal(report.new_origin, about.origin);
    assert.ok(report.cosigned > 0);
  });

  await t.test('what its buyer holds is sent again and is there once', async () => {
    const { again, known } = await desk.resendAll();
    assert.deepEqual({ again, known }, { again: 0, known: 1 });
  });

  await t.test('the totals of its stores are what they say themselves', async () => {
    const mine = await claimOf(store);
    await waitUntil('the rebuilt head office to follow', async () => (await claimOf(office, store.name)).gross === mine.gross);
  });

  await t.test('the old machine comes back alive: it is shown the registration and stops', async () => {
    await office.stop();
    const rebuilt = office.dir;
    office.dir = aside;
    await office.start();
    for (const { site } of (await office.local().get('/v1/links')).links) await office.heal(site);
    const safety = await waitUntil('the old machine to stop', async () => {
      const now = await office.safety();
      return now.signing === 'stopped' && now;
    }, { seconds: 60 });
    assert.equal(safety.replaced_by.origin.split('/').at(-1), '2');
    const { replies } = await office.local().post('/v1/writes', { writes: [{ key: 'ab'.repeat(16), ...product('LATE', '3.00') }] });
    assert.equal(replies[0].ok, false, 'a stopped machine takes nothing');
    await waitUntil('mirrors to have its tail', async () => (await office.safety()).not_taken_in === 0, { seconds: 30 });
    await office.stop();
    office.dir = rebuilt;
    await office.start();
    await office.signing();
  });

  await t.test('its tail is re-admitted or listed: nothing is in no place', async () => {
    await waitUntil('the tail to be taken in', async () => {
      const found = await Promise.all(['TAIL-1', 'TAIL-2', 'TAIL-3'].map((sku) => office.local().call('GET', `/v1/products/${sku}`)));
      const { listed } = await office.local().get('/v1/listed');
      return found.filter((answer) => answer.status === 200).length + listed.length >= 3 && (await office.safety()).not_taken_in === 0;
    }, { seconds: 60 });
  });

  await t.test('the journals before and after hold together, told by another program', async () => {
    for (const site of chain.sites.values()) await site.cosigned();
    const after = await exportAll(chain, join(chain.dir, 'after'));
    const verified = await verifyAll(before, after);
    assert.deepEqual(verified.failed, []);
    const ledgers = await ledgersOf(after);
    const kept = [...desk.replies, ...till.replies.map((each) => ({ ...each, till: till.number, site: store.name }))];
    assert.deepEqual(checkAcknowledged(ledgers, kept), { found: kept.length, listed: [], problems: [] });
    assert.deepEqual(ledgers.get(store.name).gaps(), []);
    assert.deepEqual(ledgers.get(store.name).doubled, []);
  });
});

test('a store is destroyed and rebuilt: its tills come under their own numbers and send again what they hold', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('rebuild-store');
  const [store] = chain.stores;
  const till = await openTill(store);
  for (let n = 0; n < 10; n++) await sell(till);
  await store.cosigned();
  for (const { site } of (await store.local().get('/v1/links')).links) await store.cut(site);
  for (let n = 0; n < 5; n++) await sell(till);
  await store.kill();
  overwriteAll(store.dir);
  // In one command, and while none of its mirrors is there: it answers, says what it waits for, and takes nothing.
  const others = [...chain.sites.values()].filter((site) => site !== store);
  await Promise.all(others.map((site) => site.stop()));
  await chain.rebuildAndServe(store.name);
  assert.match((await store.client.get('/v1/chain')).rebuilding, /sealing the old epoch|waiting for mirrors/);
  const early = await write(store.local(), { kind: 'count', lines: [{ sku: 'PEN', counted: '7' }] });
  assert.equal(early.problem?.code, 'node/rebuilding');
  await Promise.all(others.map((site) => site.start()));
  await store.signing();
  assert.equal(store.starts, 2, 'it was not started again');
  assert.match(store.said, /serves at [^]*registered; this machine can serve[^]*cosigned and kept/);
  await store.enrol();
  assert.equal((await till.client.call('POST', '/v1/writes', { writes: [] })).status, 401, 'the old key of the till is gone with the machine');
  till.enter({ ...(await store.session.post('/v1/tills', { name: 'Till 1', till: till.number })), staff: till.staff, session: store.session });
  await till.settle({ resend: true });
  await sell(till, [pen()]);
  await waitUntil('the till to be safe', async () => (await till.settle()) === 0);
  for (const { reply } of till.replies) {
    const receipt = await till.client.get(`/v1/receipts/${reply.receipt}`);
    assert.equal(receipt.total, reply.total);
  }
  const report = await store.client.get('/v1/recovery');
  assert.equal(report.resubmitted, 5);
  await store.cosigned();
  const ledgers = await ledgersOf(await exportAll(chain, join(chain.dir, 'after')));
  const kept = till.replies.map((each) => ({ ...each, till: till.number, site: store.name }));
  assert.deepEqual(checkAcknowledged(ledgers, kept), { found: 16, listed: [], problems: [] });
  assert.equal(ledgers.get(store.name).sums.sales, 16n);
});

test('followers that hold more than was sealed, each to another size, all bring it back', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('surplus', { stores: 6 });
  const office = chain.headOffice;
  const desk = new Desk(office);
  await office.cosigned();
  // Its mirrors first: nothing after this is cosigned, or sealed by them. Then one follower after the other.
  for (const name of ['warehouse', 'store-01', 'store-02']) await office.cut(name);
  for (let n = 3; n <= 6; n++) {
    await desk.write(product(`EXTRA-${n}`, '1.00'));
    await desk.write(product(`MORE-${n}`, '1.00'));
    const follower = chain.site(`store-0${n}`), { size } = await office.safety();
    await waitUntil(`${follower.name} to hold it`, async () =>
      (await follower.client.get('/v1/chain')).sites.find(({ site }) => site === office.name).held_here >= size);
    await office.cut(follower.name);
  }
  await office.kill();
  overwriteAll(office.dir);
  await chain.rebuild('head-office');
  await office.start();
  await office.signing();
  await office.enrol();
  const up = async () => (await office.local().get('/v1/links')).links.every((link) => link.state === 'up');
  await waitUntil('every link to be up', up, { seconds: 30 });
  await waitUntil('what followers held to be taken in', async () => {
    const found = await Promise.all([3, 4, 5, 6].flatMap((n) => [`EXTRA-${n}`, `MORE-${n}`])
      .map((sku) => office.local().call('GET', `/v1/products/${sku}`)));
    return found.every((answer) => answer.status === 200);
  }, { seconds: 30 });
  // And they stay up: a link that breaks over what it brings would come and go.
  for (let n = 0; n < 10; n++) {
    await new Promise((done) => setTimeout(done, 200));
    assert.ok(await up(), 'a link broke again');
  }
  const report = await office.client.get('/v1/recovery');
  assert.ok(report.readmitted >= 1, JSON.stringify(report));
  const { again } = await desk.resendAll();
  assert.equal(again, 0, 'nothing was missing any more');
});
