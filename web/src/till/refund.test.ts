import { describe, expect, it } from 'vitest';
import { line_amount } from '../lib/decimal';
import type { Receipt, Taken, Tender } from '../lib/api';
import { vat_sums } from './basket';
import { keep, send_again, take_reply, type Kept } from './queue';
import { can_come_back, cash_out, left, must_wait, owed_refunds, pick, rate_of, with_own, type Picked } from './refund';

const line = (more = {}) => ({ line: 4, quantity: '3', unit_price: '1.00', refunded: '0', ...more });

describe('what comes back of a line', () => {
  it('may have cost nothing: a gift, or a gram of something cheap, comes back to the stock as well', () => {
    const gift = pick(line({ unit_price: '0.00' }), '1', 2) as Picked;
    expect(gift).toEqual({ line: 4, quantity: '1', amount: 0 });
    expect(can_come_back(1, gift.amount)).toBe(true);
    expect(can_come_back(0, 0), 'nothing was picked').toBe(false);
    expect(can_come_back(1, null), 'there is no total').toBe(false);
  });
  it('is counted from what came back before, so that the parts add up to the line', () => {
    const amounts = ['0', '1', '2'].map((refunded) => pick(line({ unit_price: '0.335', refunded }), '1', 2));
    expect(amounts).toEqual([34, 33, 34].map((amount) => ({ line: 4, quantity: '1', amount })));
  });
  it('adds up to the line, amount and VAT, whatever the parts', () => {
    for (const parts of [[1, 2], [333, 333, 334], [1000, 1000, 1000], [1, 1, 1, 997]]) {
      let [before, amount, vat] = [0, 0, 0];
      for (const part of parts) {
        const picked = pick(line({ unit_price: '2.049', refunded: String(before / 1000) }), String(part / 1000), 2, '20') as Picked;
        [before, amount, vat] = [before + part, amount + picked.amount, vat + picked.vat_amount!];
      }
      expect(amount).toBe(line_amount(2_049_000n, BigInt(before), 2));
      expect(vat).toBe(vat_sums([{ vat: 'S', amount }], [{ code: 'S', name: '', rate: '20' }])[0]!.vat);
    }
  });
  it('has the rate of the sale, and the one of today only where the receipt says none', () => {
    const today = [{ code: 'S', name: '', rate: '25' }, { code: 'R', name: '', rate: '6' }];
    const receipt = { vat: [{ code: 'S', rate: '20', net: 250, vat: 50, gross: 300 }] };
    expect(['S', 'R', 'X'].map((code) => rate_of(receipt, code, today))).toEqual(['20', '6', undefined]);
    expect(pick(line(), '3', 2, rate_of(receipt, 'S', today))).toMatchObject({ amount: 300, rate: '20', vat_amount: 50 });
    expect(pick(line(), '3', 2)).toEqual({ line: 4, quantity: '3', amount: 300 });
  });
  it('is nothing where nothing is typed, and wrong where it is more than is left or no number', () => {
    for (const typed of ['', ' ', '0']) expect(pick(line(), typed, 2), typed).toBe('nothing');
    for (const typed of ['3.001', 'x', '-1']) expect(pick(line(), typed, 2), typed).toBe('wrong');
    expect(pick(line({ refunded: '2.5' }), '1', 2)).toBe('wrong');
  });
  it('is never taken for nothing, or for everything, where the line cannot be read', () => {
    for (const bad of [{ unit_price: '-1' }, { refunded: '?' }, { quantity: '9999999999' }]) {
      expect(left(line(bad)), JSON.stringify(bad)).toBeNull();
      expect(pick(line(bad), '1', 2), JSON.stringify(bad)).toBe('wrong');
    }
    expect(left(line({ unit_price: '1200000.00' }))).toBe(3000n);
  });
});

const of = '3-AAAAAAAA-1';
const receipt = (refunded = '0'): Receipt => ({
  receipt: of, at: '', staff: '', total: 300, origin: 'N/s/1', index: 0, tenders: [], vat: [], cosigned: true,
  lines: [4, 5].map((number) => (
    { ...line({ line: number, refunded }), sku: 'A', name: 'A', vat: 'S', amount: 300, vat_amount: 0 }
  )),
});
const cash: Tender = { kind: 'cash', amount: 100 };
const card: Tender = { kind: 'card', amount: 100, token: 'sim_a', masked: '**** 4242', result: 'approved' };
const view = { site: 's', till: 3, staff_number: '1', total: 100, change: 0, lines: [], of_receipt: of };
const refund = (tenders: Tender[], quantity = '1', receipt_number = of): Kept => {
  const body = { key: 'a'.repeat(32), staff: 'f', at: '', kind: 'refund' as const, receipt: receipt_number };
  return keep({ ...body, lines: [{ line: 4, quantity }], tenders }, 2, view);
};
const answer = (k: Kept, status: number, code = 'x') =>
  take_reply(k, { key: k.key, ok: false, problem: { code, title: '', detail: '', status } }, 'N/s/1', 1000);
const reply = (key: string): Taken =>
  ({ key, ok: true, duplicate: false, origin: 'N/s/1', index: 1, at: '', receipt: '3-AAAAAAAA-2', total: 100, flags: [] });
const taken = (k: Kept) => take_reply(k, reply(k.key), 'N/s/1', 1000);
const left_of = (kept: Kept[], before = new Set<string>()) => with_own(receipt(), kept, before).lines.map(left);

describe('what this till has refunded of a receipt and the node has not counted', () => {
  it('is not left, while it waits, whatever it waits for', () => {
    expect(left_of([])).toEqual([3000n, 3000n]);
    for (const k of [refund([cash]), answer(refund([cash]), 403, 'auth/role'), send_again(taken(refund([cash])))]) {
      expect(left_of([k])).toEqual([2000n, 3000n]);
    }
    expect(left_of([refund([cash], '2.5'), { ...refund([cash], '0.5'), key: 'b'.repeat(32) }])).toEqual([0n, 3000n]);
    expect(left_of([refund([cash], '1', '3-AAAAAAAA-9')])).toEqual([3000n, 3000n]);
    const again = with_own(receipt('1'), [refund([cash])], new Set());
    const [first] = again.lines;
    expect([first!.refunded, pick(first!, '2', 2), pick(first!, '1', 2)]).toMatchObject(['2', 'wrong', { amount: 100 }]);
  });
  it('is not left where the node took it after it was asked, for its answer may be without it', () => {
    const before = owed_refunds([refund([cash])]);
    expect(left_of([taken(refund([cash]))], before)).toEqual([2000n, 3000n]);
    expect(left_of([taken(refund([cash]))])).toEqual([3000n, 3000n]);
  });
  it('is left again where it is refused for good, unless its money is out', () => {
    const before = owed_refunds([refund([cash])]);
    expect(left_of([answer(refund([cash]), 409)], before)).toEqual([3000n, 3000n]);
    expect(left_of([answer(refund([card]), 409)])).toEqual([2000n, 3000n]);
    expect(left_of([answer(send_again(taken(refund([cash]))), 409)])).toEqual([2000n, 3000n]);
  });
});

describe('cash of a refund', () => {
  it('waits until a node has taken it; what went back to a card has gone', () => {
    expect([cash_out(refund([cash])), cash_out(refund([card]))]).toEqual([100, 0]);
    for (const k of [refund([cash]), answer(refund([cash]), 403), answer(refund([cash]), 503)]) expect(must_wait(k)).toBe(true);
    for (const k of [taken(refund([cash])), send_again(taken(refund([cash]))), refund([card])]) expect(must_wait(k)).toBe(false);
  });
});
