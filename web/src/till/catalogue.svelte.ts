// What is sold here: asked of the node, and the till's own copy of it for when none answers.
//
// Shape:  the copy is fetched page by page, every five minutes while a machine of the store answers; it is replaced as a
//         whole or not at all.
// Errors: what nobody answered in time is looked for in the copy; that it is not there says nothing of the catalogue.

import type { Answer, CallOptions, Product } from '../lib/api';
import { as_listed, type Line } from './basket';

export type Found = { kind: 'product'; product: Product } | { kind: 'none' } | { kind: 'no_answer' };

/** The till, as far as this needs it. */
export interface Asks {
  call<T>(path: string, options?: CallOptions): Promise<Answer<T>>;
  is_silent(): boolean;
  now_ms(): number;
  keep(products: Product[]): Promise<void>;
}

const page_size = 1000;
const copy_every_ms = 5 * 60_000;
const look_up_ms = 700;

/** null: no GTIN, by its length or its check digit. */
function in_14_digits(code: string): string | null {
  if (!/^(\d{8}|\d{12,14})$/.test(code)) return null;
  const digits = code.padStart(14, '0');
  return [...digits].reduce((sum, digit, i) => sum + Number(digit) * (i % 2 === 0 ? 3 : 1), 0) % 10 === 0 ? digits : null;
}

export class Catalogue {
  products = $state.raw<Product[]>([]);
  #copied_at = -Infinity;

  constructor(private node: Asks) {}

  /** Copies the catalogue, when it is time. */
  async copy(): Promise<void> {
    if (this.node.now_ms() - this.#copied_at < copy_every_ms) return;
    this.#copied_at = this.node.now_ms();
    const all = new Map<string, Product>();
    for (let after = ''; ; ) {
      const path = `/v1/products?q=&limit=${page_size}${after ? `&after=${encodeURIComponent(after)}` : ''}`;
      const answer = await this.node.call<{ products: Product[] }>(path, { timeout_ms: 10_000 });
      if (answer.kind !== 'ok') return;
      const page = answer.value.products;
      const fresh = page.filter((p) => !all.has(p.sku));
      for (const { sku, gtin, name, unit_price, vat, goods } of fresh) {
        all.set(sku, { sku, gtin, name, unit_price, vat, goods });
      }
      const last = page.at(-1);
      if (!last || page.length < page_size || fresh.length === 0) break;
      after = last.sku;
    }
    this.products = [...all.values()];
    await this.node.keep(this.products);
  }
  /** As the node does (core/catalogue): by SKU, then by GTIN as it is written, then either with or without leading zeros. */
  #copy_of(code: string): Found {
    const number = in_14_digits(code);
    const product =
      this.products.find((p) => p.sku === code) ??
      this.products.find((p) => p.gtin === code) ??
      this.products.find((p) => number !== null && (in_14_digits(p.gtin ?? '') === number || in_14_digits(p.sku) === number));
    return product ? { kind: 'product', product } : { kind: 'no_answer' };
  }
  async find(code: string): Promise<Found> {
    if (this.node.is_silent()) return this.#copy_of(code);
    const answer = await this.node.call<Product>(`/v1/products/${encodeURIComponent(code)}`, { timeout_ms: look_up_ms });
    if (answer.kind === 'ok') return { kind: 'product', product: answer.value };
    if (answer.kind === 'problem' && answer.problem.status === 404) return { kind: 'none' };
    return this.#copy_of(code);
  }
  /** Lines as they can be sold now, by the node's word alone: from where it does not answer, they stay as they are. */
  async as_listed_now(lines: readonly Line[]): Promise<Line[]> {
    const known = new Map<string, Product | null>();
    const out = [...lines];
    for (const [at, line] of lines.entries()) {
      let listed = known.get(line.sku);
      if (listed === undefined) {
        const answer = await this.node.call<Product>(`/v1/products/${encodeURIComponent(line.sku)}`);
        if (answer.kind === 'no_answer') break;
        if (answer.kind === 'problem' && !(answer.problem.status === 404 && answer.problem.code.startsWith('catalogue/'))) break;
        // A SKU that is listed no more may be the barcode of another product.
        listed = answer.kind === 'ok' && answer.value.sku === line.sku ? answer.value : null;
        known.set(line.sku, listed);
      }
      out[at] = as_listed(line, listed);
    }
    return out;
  }
  search_copy(text: string, limit = 30): Product[] {
    const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
    const hits: Product[] = [];
    for (const p of this.products) {
      const all = `${p.name} ${p.sku} ${p.gtin ?? ''}`.toLowerCase();
      if (parts.every((part) => all.includes(part)) && hits.push(p) >= limit) break;
    }
    return hits;
  }
  /** null: nobody answered. */
  async search(text: string): Promise<Product[] | null> {
    if (this.node.is_silent()) return null;
    const path = `/v1/products?q=${encodeURIComponent(text)}&limit=30`;
    const answer = await this.node.call<{ products: Product[] }>(path, { timeout_ms: 2000 });
    return answer.kind === 'ok' ? answer.value.products : null;
  }
}
