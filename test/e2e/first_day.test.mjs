// A whole day at two stores: what the counter needs, from the first sale to the goods from the warehouse.
import { test } from 'node:test';
import { assert, claimOf, lineAmount, milk, newKey, openTill, pen, sell, taken, tradingChain, waitUntil, write } from './lib.mjs';

test('a first whole day', { timeout: 180_000 }, async (t) => {
  const chain = await tradingChain('first-day');
  const [store, other] = chain.stores;
  const till = await openTill(store), second = await openTill(store, 'Till 2');

  await t.test('receipts of a till are numbered without gap, each till for itself', async () => {
    const receipts = [];
    for (let n = 0; n < 3; n++) receipts.push((await sell(till)).receipt);
    receipts.push((await sell(second)).receipt);
    const [number, series] = receipts[0].split('-');
    assert.deepEqual(receipts.slice(0, 3), [1, 2, 3].map((n) => `${number}-${series}-${n}`));
    assert.notEqual(receipts[3].split('-')[0], number);
    assert.equal(receipts[3].split('-')[2], '1');
  });

  await t.test('VAT is worked out by line, half up', async () => {
    const reply = await sell(till, [pen('3'), milk(), { sku: 'COAL', quantity: '0.250', unit_price: '6.40', vat: 'R' }]);
    assert.equal(reply.total, 375 + 85 + 160);
    const receipt = await till.client.get(`/v1/receipts/${reply.receipt}`);
    assert.deepEqual(receipt.lines.map((line) => [line.amount, line.vat_amount]), [[375, 63], [85, 0], [160, 8]]);
    assert.equal(receipt.total, 620);
  });

  await t.test('a refund against a receipt counts once, in parts that add up', async () => {
    const { receipt } = await sell(till, [{ sku: 'PEN', quantity: '3', unit_price: '0.335', vat: 'S' }]);
    const amounts = [34, 33, 34];  // A(1), A(2) - A(1), A(3) - A(2) of 0.335: 0.34, 0.67, 1.01
    for (const amount of amounts) {
      const reply = await taken(till.client, { kind: 'refund', staff: till.staff, receipt, lines: [{ line: 0, quantity: '1' }], tenders: [{ kind: 'cash', amount }] });
      assert.equal(reply.total, amount);
    }
    const more = await write(till.client, { kind: 'refund', staff: till.staff, receipt, lines: [{ line: 0, quantity: '1' }], tenders: [{ kind: 'cash', amount: 34 }] });
    assert.equal(more.ok, false);
    assert.equal(more.problem.code, 'till/refund_too_much');
  });

  await t.test('two refunds of one line in the same batch: one is taken', async () => {
    const { receipt } = await sell(till, [pen()]);
    const refund = () => ({ key: newKey(), kind: 'refund', staff: till.staff, receipt, lines: [{ line: 0, quantity: '1' }], tenders: [{ kind: 'cash', amount: 125 }] });
    const { replies } = await till.client.post('/v1/writes', { writes: [refund(), refund()] });
    assert.deepEqual(replies.map((reply) => reply.ok), [true, false]);
  });

  await t.test('a retry is answered in the same words, and its key is good for no other body', async () => {
    const key = newKey();
    const sale = { key, kind: 'sale', staff: till.staff, lines: [pen()], tenders: [{ kind: 'cash', amount: 125 }] };
    const first = (await till.client.post('/v1/writes', { writes: [sale] })).replies[0];
    const again = (await till.client.post('/v1/writes', { writes: [sale] })).replies[0];
    assert.equal(again.duplicate, true);
    assert.deepEqual([again.receipt, again.index, again.total, again.at], [first.receipt, first.index, first.total, first.at]);
    const changed = { ...sale, lines: [pen('2')], tenders: [{ kind: 'cash', amount: 250 }] };
    const refused = (await till.client.post('/v1/writes', { writes: [changed] })).replies[0];
    assert.equal(refused.ok, false);
    assert.equal(refused.problem.status, 409);
  });

  await t.test('what head office has not listed sells by open price, flagged; a listed price that differs is flagged', async () => {
    const open = await sell(till, [{ sku: 'GIFT', quantity: '1', unit_price: '9.99', vat: 'S', name: 'Gift', open: true }]);
    assert.ok(open.flags.includes('open_price'));
    const reduced = await sell(till, [{ sku: 'PEN', quantity: '1', unit_price: '0.60', vat: 'S' }]);
    assert.ok(reduced.flags.includes('price_differs'));
    assert.ok(reduced.flags.includes('below_zero'));
  });

  await t.test('card tenders keep token and masked number only', async () => {
    const tender = { kind: 'card', amount: 125, token: 'tok_8f2c', masked: '**** 1111', result: 'approved' };
    const reply = await taken(till.client, { kind: 'sale', staff: till.staff, lines: [pen()], tenders: [tender] });
    const receipt = await till.client.get(`/v1/receipts/${reply.receipt}`);
    assert.equal(receipt.tenders[0].masked, '**** 1111');
    const typed = await write(till.client, { kind: 'sale', staff: till.staff, lines: [pen()], tenders: [{ ...tender, token: '4111 1111 1111 1111' }] });
    assert.equal(typed.problem.code, 'till/card_number');
  });

  await t.test('goods travel from the warehouse to a store and are conserved', async () => {
    const { warehouse } = chain;
    await taken(warehouse.local(), { kind: 'receive', lines: [{ sku: 'LAMP', quantity: '40' }], reference: 'PO 77' });
    const { dispatch } = await taken(warehouse.local(), { kind: 'dispatch', to: other.name, lines: [{ sku: 'LAMP', quantity: '15' }] });
    const onWay = await warehouse.local().get('/v1/dispatches');
    assert.equal(onWay.outgoing.find((each) => each.dispatch === dispatch).state, 'in_transit');
    await waitUntil('the store to see it', async () => (await other.local().get('/v1/dispatches')).incoming.some((each) => each.dispatch === dispatch));
    await taken(other.local(), { kind: 'receive_dispatch', from: 'warehouse', dispatch, lines: [{ sku: 'LAMP', quantity: '15' }] });
    const twice = await write(other.local(), { kind: 'receive_dispatch', from: 'warehouse', dispatch, lines: [{ sku: 'LAMP', quantity: '15' }] });
    assert.equal(twice.problem.code, 'stock/received_before');
    const stock = await other.local().get('/v1/stock?q=LAMP&limit=5');
    assert.equal(Number(stock.products.find(({ sku }) => sku === 'LAMP').on_hand), 15);
    await waitUntil('the warehouse to hear of the arrival', async () =>
      (await warehouse.local().get('/v1/dispatches')).outgoing.find((each) => each.dispatch === dispatch)?.state === 'received');
  });

  await t.test('head office knows each site\'s sums a moment later', async () => {
    const mine = await claimOf(store);
    await waitUntil('head office to follow', async () => {
      const there = await claimOf(chain.headOffice, store.name);
      return there.gross === mine.gross && there.sales === mine.sales && there.refunds === mine.refunds;
    });
    assert.equal(lineAmount('0.335', '3'), 101n);
  });

  await t.test('what a till was told becomes safe, and then it forgets', async () => {
    await waitUntil('the till to be safe', async () => (await till.settle()) === 0);
    const safety = await store.cosigned();
    assert.ok(safety.mirrors.filter(({ held }) => held >= safety.cosigned_size).length >= safety.quorum);
  });
});
