import { describe, expect, it } from 'vitest';
import type { Answer, Product } from '../lib/api';
import { sale_lines, total_of, type Line } from './basket';
import { Catalogue } from './catalogue.svelte';

const product = (sku: string, vat = 'S'): Product => ({ sku, gtin: null, name: `the ${sku}`, unit_price: '9.99', vat, goods: true });
const line = (sku: string, more: Partial<Line> = {}): Line => ({ sku, name: `the ${sku}`, quantity: '2', unit_price: '2.55', vat: 'S', open: false, ...more });
const problem = (status: number, code: string): Answer<never> => ({ kind: 'problem', problem: { code, title: '', detail: '', status }, retry_after_s: null });
const unknown = problem(404, 'catalogue/unknown_sku');

function catalogue(answers: Record<string, Answer<Product>>) {
  const asked: string[] = [];
  const made = new Catalogue({
    call: async <T>(path: string) => {
      const sku = decodeURIComponent(path.slice('/v1/products/'.length));
      asked.push(sku);
      return (answers[sku] ?? unknown) as Answer<T>;
    },
    is_silent: () => false, now_ms: () => 0, keep: async () => {},
  });
  return { made, asked };
}
const ok = (value: Product): Answer<Product> => ({ kind: 'ok', value });

describe('what the catalogue refused, as it can be sold now', () => {
  it('sells at an open price what was delisted, and with its new VAT what has another: the amount is what was paid', async () => {
    const { made, asked } = catalogue({ MILK: ok(product('MILK', 'Z')), BREAD: ok(product('BREAD')) });
    const before = [line('GONE'), line('MILK'), line('BREAD'), line('GONE', { quantity: '1' })];
    const lines = await made.as_listed_now(before);
    expect(lines).toEqual([
      line('GONE', { open: true }), line('MILK', { vat: 'Z' }), line('BREAD'), line('GONE', { quantity: '1', open: true }),
    ]);
    expect(total_of(lines, 2)).toBe(total_of(before, 2));
    expect(sale_lines(lines)[0]).toEqual({ sku: 'GONE', quantity: '2', unit_price: '2.55', vat: 'S', name: 'the GONE', open: true });
    expect(asked, 'each SKU once').toEqual(['GONE', 'MILK', 'BREAD']);
  });
  it('sells as listed what was rung at an open price and is listed since', async () => {
    const { made } = catalogue({ NEW: ok(product('NEW', 'Z')) });
    const [now] = await made.as_listed_now([line('NEW', { open: true, name: 'typed here' })]);
    expect(now).toEqual(line('NEW', { vat: 'Z' }));
  });
  it('does not take another product for it whose barcode is that SKU', async () => {
    const { made } = catalogue({ 50123456: ok({ ...product('OTHER', 'Z'), gtin: '50123456' }) });
    expect(await made.as_listed_now([line('50123456')])).toEqual([line('50123456', { open: true })]);
  });
  it('gives an open price a name that may be kept', async () => {
    const { made } = catalogue({});
    const lines = await made.as_listed_now([line('A', { name: ' ' }), line('B', { name: '4111 1111 1111 1111' })]);
    expect(lines.map((l) => l.name)).toEqual(['A', 'B']);
  });
  it('changes nothing that the node has not said: silence and other refusals are no delisting', async () => {
    for (const answer of [{ kind: 'no_answer' } as const, problem(401, 'auth/till'), problem(503, 'x'), problem(404, 'http/404')]) {
      const { made, asked } = catalogue({ A: ok(product('A', 'Z')), B: answer });
      expect(await made.as_listed_now([line('A'), line('B'), line('C')])).toEqual([line('A', { vat: 'Z' }), line('B'), line('C')]);
      expect(asked).toEqual(['A', 'B']);
    }
  });
});

describe('what a scanner sends', () => {
  it('is not in the catalogue by the node’s word alone: one that was too slow, or failed, has not said so', async () => {
    const { made } = catalogue({ SLOW: { kind: 'no_answer' }, BROKEN: problem(500, 'x') });
    expect((await made.find('GONE')).kind).toBe('none');
    for (const code of ['SLOW', 'BROKEN']) expect((await made.find(code)).kind).toBe('no_answer');
    made.products = [product('SLOW')];
    expect(await made.find('SLOW')).toEqual({ kind: 'product', product: product('SLOW') });
  });
});

describe('what a scanner sends, looked for in the copy', () => {
  it('finds a barcode in any of its spellings, as GTIN and as SKU', async () => {
    const made = new Catalogue({ call: async <T>() => ({ kind: 'no_answer' }) as Answer<T>, is_silent: () => true, now_ms: () => 0, keep: async () => {} });
    made.products = [{ ...product('MILK'), gtin: '96385074' }, product('0012345678905'), product('0007'), product('00001234')];
    const sku_of = async (code: string) => {
      const found = await made.find(code);
      return found.kind === 'product' ? found.product.sku : found.kind;
    };
    for (const code of ['012345678905', '0012345678905', '00012345678905']) expect(await sku_of(code)).toBe('0012345678905');
    expect(await sku_of('0000096385074')).toBe('MILK');
    expect(await sku_of('07')).toBe('no_answer');
    expect(await sku_of('000000001234'), 'a number of the house, no GTIN').toBe('no_answer');
  });
});
