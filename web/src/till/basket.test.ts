import { describe, expect, it } from 'vitest';
import type { Product } from '../lib/api';
import { pick, type Picked } from './refund';
import {
  add_product, amount_of, cash_moved, counted, place_of, quick_amounts, sale_lines, set_quantity, sku_of, total_of, vat_again,
  vat_sums, with_rates, type Line,
} from './basket';

const product = (sku: string, unit_price = '2.55'): Product => ({ sku, gtin: null, name: sku, unit_price, vat: 'S', goods: true });
const rates = [{ code: 'S', name: 'Standard', rate: '20' }, { code: 'Z', name: 'Zero', rate: '0' }];

describe('the basket', () => {
  it('finds a line by what it was when it was shown, and not another in its place', () => {
    const open = { sku: 'OPEN', name: 'Vase', quantity: '1', unit_price: '5', vat: 'S', open: true };
    const shown = [open, { ...open }, { ...open, sku: 'MUG', open: false }];
    const [first, second, mug] = shown as [Line, Line, Line];
    const more = set_quantity(set_quantity(shown, 0, '2')!, 0, '3')!;
    expect([first, second, mug].map((line) => place_of(more, line))).toEqual([0, 1, 2]);
    const less = set_quantity(more, 0, '0')!;
    expect([first, second, mug].map((line) => place_of(less, line)), 'its twin is another line').toEqual([-1, 0, 1]);
    const { lines } = add_product(less, { sku: 'MUG', gtin: null, name: 'Mug', unit_price: '5', vat: 'S', goods: true });
    expect(place_of(lines, mug)).toBe(1);
    expect(place_of(shown, first), 'what was not kept has changed nothing').toBe(0);
  });
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
  it('gives back the VAT that was taken: 50 of three pieces come back as 17, 16 and 17, as in the journal', () => {
    const sold = { line: 0, quantity: '3', unit_price: '1.00' };
    const vats = ['0', '1', '2'].map((refunded) => {
      const { amount, rate, vat_amount } = pick({ ...sold, refunded }, '1', 2, '20') as Picked;
      return vat_sums([{ vat: 'S', amount, rate, vat_amount }], [])[0];
    });
    expect(vats.map((sum) => [sum?.vat, sum?.net, sum?.gross])).toEqual([[17, 83, 100], [16, 84, 100], [17, 83, 100]]);
    expect(vat_sums([{ vat: 'S', amount: 300 }], rates)[0]?.vat).toBe(50);
  });
  it('keeps the rates that something was sold with', () => {
    const lines = with_rates([{ vat: 'S', amount: 120 }, { vat: 'X', amount: 5 }], rates);
    const since = [{ code: 'S', name: 'Standard', rate: '25' }];
    expect(vat_sums(lines, since)[0]).toEqual({ code: 'S', rate: '20', net: 100, vat: 20, gross: 120 });
    expect(vat_sums([{ vat: 'S', amount: 125 }], since)[0], 'kept without its rate').toMatchObject({ rate: '25', vat: 25 });
  });
  it('prints again what the node says, where that is about this receipt', () => {
    const view = { lines: [{ vat: 'S', amount: 100, rate: '20', vat_amount: 16 }], total: 100 };
    const told = [{ code: 'S', rate: '25', net: 80, vat: 20, gross: 100 }];
    expect(vat_again(view, told, rates)).toEqual(told);
    expect(vat_again({ ...view, total: 101 }, told, rates), 'another receipt').toEqual(vat_sums(view.lines, rates));
    expect(vat_again(view, null, rates)).toEqual([{ code: 'S', rate: '20', net: 84, vat: 16, gross: 100 }]);
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

describe('a code that is not listed', () => {
  it('is the line’s where the journal has room for its bytes, not its letters; else there is none', () => {
    for (const code of ['5012345678900', 'A'.repeat(31), 'é'.repeat(15), '']) expect(sku_of(code)).toBe(code);
    const too_long = ['A'.repeat(32), 'Décorations de Noël argentées', 'é'.repeat(16), '😀'.repeat(8)];
    for (const code of too_long) expect(sku_of(code), code).toBe('');
    expect(sku_of('01\u001d17')).toBe(''); // a scanner's separator, say
  });
});
