import { describe, expect, it } from 'vitest';
import { line_amount } from '../lib/decimal';
import { vat_sums } from './basket';
import { left, pick, rate_of, type Picked } from './refund';

const line = (more = {}) => ({ line: 4, quantity: '3', unit_price: '1.00', refunded: '0', ...more });

describe('what comes back of a line', () => {
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
