// What the auditor of demo/lib makes of events, made up here: no chain is started.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Ledger } from '../../demo/lib/audit.mjs';

test('a declined card has moved no money, for the auditor either', () => {
  const sale = { till: 1, series: 7n, n: 1n, total: 125n, change: 0n,
    tenders: [{ kind: 'card', amount: 125n, result: 'declined' }, { kind: 'card', amount: 100n, result: 'approved' }, { kind: 'cash', amount: 25n, result: 'approved' }],
    lines: [{ sku: 'PEN', quantity: 1000n, vat: 'S', amount: 125n, vat_amount: 21n, goods: true }] };
  const { sums } = new Ledger('store-01', [{ origin: 'o', index: 0n, kind: 'SaleRecorded', write: { till: 1, key: 'k' }, body: sale }]);
  assert.deepEqual([sums.gross, sums.card, sums.cash], [125n, 100n, 25n]);
});
