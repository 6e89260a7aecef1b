// Must show 6: two commands that would spend the same receipt's refund twice, sent together 1,000 times: exactly one is
// accepted each time. Half of the pairs come in one request, half from two tills at the same moment.
import { test } from 'node:test';
import { assert, inParallel, newKey, openTill, pen, tradingChain } from './lib.mjs';

test('one refund, asked for twice at once, 1,000 times', { timeout: 180_000 }, async () => {
  const chain = await tradingChain('refund-race');
  const [store] = chain.stores;
  const till = await openTill(store), other = await openTill(store, 'Till 2');
  const tenders = [{ kind: 'cash', amount: 125 }];
  const receipts = [];
  for (let n = 0; n < 10; n++) {
    const writes = Array.from({ length: 100 }, () => ({ key: newKey(), kind: 'sale', staff: till.staff, lines: [pen()], tenders }));
    const { replies } = await till.client.post('/v1/writes', { writes });
    for (const reply of replies) receipts.push(reply.receipt);
  }
  assert.equal(new Set(receipts).size, 1000);
  const refund = (receipt) => ({ key: newKey(), kind: 'refund', staff: till.staff, receipt, lines: [{ line: 0, quantity: '1' }], tenders });
  const outcomes = [];
  for (let at = 0; at < 500; at += 100) {
    const { replies } = await till.client.post('/v1/writes', { writes: receipts.slice(at, at + 100).flatMap((receipt) => [refund(receipt), refund(receipt)]) });
    for (let i = 0; i < replies.length; i += 2) outcomes.push([replies[i], replies[i + 1]]);
  }
  await inParallel(receipts.slice(500), 16, async (receipt) => {
    const both = await Promise.all([till, other].map((each) => each.client.post('/v1/writes', { writes: [refund(receipt)] })));
    outcomes.push(both.map(({ replies }) => replies[0]));
  });
  assert.equal(outcomes.length, 1000);
  for (const pair of outcomes) {
    assert.equal(pair.filter((reply) => reply.ok).length, 1, JSON.stringify(pair));
    assert.equal(pair.find((reply) => !reply.ok).problem.code, 'till/refund_too_much');
  }
});
