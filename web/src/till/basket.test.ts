import { describe, expect, it } from 'vitest';
import type { Product } from '../lib/api';
import { add_product, amount_of, cash_moved, counted, quick_amounts, sale_lines, set_quantity, total_of, vat_sums, type Line } from './basket';

const product = (sku: string, unit_price = '2.55'): Product => ({ sku, gtin: null, name: sku, unit_price, vat: 'S', goods: true });
const rates = [{ code: 'S', name: 'Standard', rate: '20' }, { code: 'Z', name: 'Zero', rate: '0' }];

describe('the basket', () => {
  it('adds the same product to its line, another price to a line of its own', () => {
    let lines: Line[] = [];
    for (const p of [product('A'), product('B'), product('A'), product('A', '2.00')]) lines = add_product(lines, p).lines;
    expect(lines.map((l) => `${l.sku} ${l.quantity} ${l.unit_price}`)).toEqual(['A 2 2.55', 'B 1 2.55', 'A 1 2.00']);
    expect(total_of(lines, 2)).toBe(255 * 3 + 200);
  });
  it('never joins an open price with a listed product', () => {
    const open: Line = { sku: 'A', name: 'odd', quantity: '1', unit_price: '2.55', vat: 'S', open: true };
    expect(add_product([open], product('A')).lines).toHaveLength(2);
  });
  it('takes a line out at zero and refuses what is no quantity', () => {
    const lines = add_product([], product('A')).lines;
    expect(set_quantity(lines, 0, '0')).toEqual([]);
    expect(set_quantity(lines, 0, '-1')).toBeNull();
    expect(set_quantity(lines, 0, '1,5')?.[0]?.quantity).toBe('1.5');
  });
  it('stops at the largest quantity instead of overflowing', () => {
    const lines = set_quantity(add_product([], product('A')).lines, 0, '1000000000')!;
    expect(add_product(lines, product('A')).lines[0]?.quantity).toBe('1000000000');
  });
  it('sells gold for what it costs', () => {
    const { lines } = add_product([], product('GOLD', '1200000.00'));
    expect(total_of(lines, 2)).toBe(120_000_000);
    expect(total_of(add_product(lines, product('GOLD', '1200000.00')).lines, 3)).toBe(2_400_000_000);
  });
  it('has no total, rather than a smaller one, where something cannot be read or counted', () => {
    const good = add_product([], product('A')).lines;
    for (const bad of [{ unit_price: '-1.50' }, { unit_price: '1000000001' }, { unit_price: '1.2345678' }, { quantity: '?' }, { unit_price: '1000000000', quantity: '1000000000' }]) {
      const lines = [...good, { ...good[0]!, ...bad }];
      expect(amount_of(lines[1]!, 2), JSON.stringify(bad)).toBeNull();
      expect([total_of(lines, 2), counted(lines, 2)], JSON.stringify(bad)).toEqual([null, null]);
    }
    const most = { ...good[0]!, unit_price: '1000000000', quantity: '10000' };
    expect(total_of([most], 2)).toBe(10 ** 15);
    expect(total_of([most, good[0]!], 2)).toBeNull();
    expect(total_of([], 2)).toBe(0);
  });
  it('takes no product whose price it cannot read', () => {
    const { lines } = add_product([], product('A'));
    for (const price of ['', '-1.50', '1000000000.01', 'free']) expect(add_product(lines, product('B', price)), price).toEqual({ lines, at: -1 });
    expect(add_product(lines, product('B', '0.00')).at, 'for nothing is a price').toBe(1);
  });
  it('sends names only for open prices: head office knows the others', () => {
    const [listed] = sale_lines(add_product([], product('A')).lines);
    expect(listed).toEqual({ sku: 'A', quantity: '1', unit_price: '2.55', vat: 'S' });
  });
  it('sums VAT by rate over rounded lines', () => {
    const sums = vat_sums([{ vat: 'S', amount: 255 }, { vat: 'S', amount: 101 }, { vat: 'Z', amount: 90 }], rates);
    expect(sums).toEqual([
      { code: 'S', rate: '20', net: 212 + 84, vat: 43 + 17, gross: 356 },
      { code: 'Z', rate: '0', net: 90, vat: 0, gross: 90 },
    ]);
  });
  it('counts the cash that stays, not the notes that were given', () => {
    const card = { kind: 'card', amount: 10_000, token: 't', masked: '', result: 'approved' } as const;
    expect(cash_moved([{ kind: 'cash', amount: 55_000 }], 48_000)).toBe(48_000);
    expect(cash_moved([card, { kind: 'cash', amount: 55_000 }], 58_000)).toBe(48_000);
    expect(cash_moved([{ kind: 'cash', amount: 30_000 }], 48_000)).toBe(30_000);
    expect(cash_moved([card], 10_000)).toBe(0);
  });
  it('offers the exact sum and the notes above it', () => {
    expect(quick_amounts(1985, 2)).toEqual([1985, 2000, 5000, 10000, 20000]);
    expect(quick_amounts(2000, 2)[0]).toBe(2000);
    expect(quick_amounts(0, 2)).toEqual([]);
  });
});
