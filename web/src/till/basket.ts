// The basket and its money. Pure.
// Shape:  a draft has its write key from its first moment, so that a crash between "paid" and "kept" cannot make two sales.

import type { Product, SaleLine, Tender, VatRate, VatSum } from '../lib/api';
import { looks_like_card } from '../lib/card';
import { line_amount, money_max, parse_price, parse_quantity, quantity_max, show_quantity, vat_inside } from '../lib/decimal';

export interface Line {
  sku: string;
  name: string;
  quantity: string;
  unit_price: string;
  vat: string;
  open: boolean;
}
const sku_bytes_max = 31; // the journal's limit, in UTF-8
const fits = (code: string): boolean => new TextEncoder().encode(code).length <= sku_bytes_max && !/\p{Cc}/u.test(code);
/** What was scanned or typed, as the code of an open price; what no node takes as a code sells without it. */
export const sku_of = (code: string): string => (fits(code) ? code : '');

export interface Draft {
  key: string;
  lines: Line[];
  tenders: Tender[];
  /** What the card terminal was asked for and has not answered yet: it may be paid. */
  asking?: { amount: number; reference: string };
  /** Chosen when the sale is completed; a retry after a crash must carry the same time. */
  started_at: string;
}

export const new_draft = (key: string, now: string): Draft => ({ key, lines: [], tenders: [], started_at: now });

/** Null: its price or quantity cannot be read, or they come to more than is counted. Such a line is not sold. */
export function amount_of(line: Pick<Line, 'quantity' | 'unit_price'>, decimals: number): number | null {
  const [price, quantity] = [parse_price(line.unit_price), parse_quantity(line.quantity)];
  return price === null || quantity === null ? null : line_amount(price, quantity, decimals);
}
/** Null: there is no total, because a line has no amount or the sum is beyond what is counted. */
export function counted(lines: readonly Line[], decimals: number): { lines: (Line & { amount: number })[]; total: number } | null {
  const out = { lines: [] as (Line & { amount: number })[], total: 0 };
  for (const line of lines) {
    const amount = amount_of(line, decimals);
    if (amount === null || (out.total += amount) > money_max) return null;
    out.lines.push({ ...line, amount });
  }
  return out;
}
export const total_of = (lines: readonly Line[], decimals: number): number | null => counted(lines, decimals)?.total ?? null;
export const tendered = (tenders: readonly Tender[]): number => tenders.reduce((sum, t) => sum + t.amount, 0);
export const is_locked = (draft: Draft): boolean => draft.asking !== undefined || draft.tenders.some((t) => t.kind === 'card');
/** What the drawer gains when `total` is paid so: cash given, less the change. */
export const cash_moved = (tenders: readonly Tender[], total: number): number =>
  tendered(tenders.filter((t) => t.kind === 'cash')) - Math.max(0, tendered(tenders) - total);

// What each line has become: a press means the line that was shown, wherever the basket has it by now.
const became = new WeakMap<Line, Line>();
function with_quantity(line: Line, quantity: bigint): Line {
  const now = { ...line, quantity: show_quantity(quantity) };
  became.set(line, now);
  return now;
}
/** -1: it is gone. Where a change was not kept, the line is still what it was. */
export function place_of(lines: readonly Line[], line: Line): number {
  for (let now: Line | undefined = line; now; now = became.get(now)) {
    const at = lines.indexOf(now);
    if (at >= 0) return at;
  }
  return -1;
}

/** The same product at the same price is one line; open prices are lines of their own. Gives the line's place; -1: no such price. */
export function add_product(lines: Line[], product: Product, quantity = '1'): { lines: Line[]; at: number } {
  if (parse_price(product.unit_price) === null) return { lines, at: -1 };
  const at = lines.findIndex((l) => l.sku === product.sku && !l.open && l.unit_price === product.unit_price);
  const line = lines[at];
  if (line) {
    const [before, more] = [parse_quantity(line.quantity), parse_quantity(quantity)];
    if (before === null || more === null || before + more > quantity_max) return { lines, at };
    const sum = before + more;
    return { lines: lines.map((l, i) => (i === at ? with_quantity(l, sum) : l)), at };
  }
  const { sku, name, unit_price, vat } = product;
  return { lines: [...lines, { sku, name, unit_price, vat, quantity, open: false }], at: lines.length };
}

/** Null when `quantity` is not one that can be sold; "0" takes the line out. */
export function set_quantity(lines: Line[], at: number, quantity: string): Line[] | null {
  const value = parse_quantity(quantity);
  if (value === null) return null;
  if (value === 0n) return lines.filter((_, i) => i !== at);
  return lines.map((l, i) => (i === at ? with_quantity(l, value) : l));
}

/** The journal refuses a sale that rests on these as the catalogue is now. */
export const is_of_listing = (code: string): boolean => ['till/unknown_sku', 'till/wrong_vat', 'till/bad_line'].includes(code);
/**
 * A line as it can be sold now, `listed` being what its SKU is listed as; null: nothing any more. Its amount stays what the
 * customer has paid: only how it is told changes.
 */
export function as_listed(line: Line, listed: Product | null): Line {
  if (listed) return { ...line, name: line.open ? listed.name : line.name, vat: listed.vat, open: false };
  return { ...line, name: !line.name.trim() || looks_like_card(line.name) ? line.sku : line.name, open: true };
}

export const sale_lines = (lines: readonly Line[]): SaleLine[] =>
  lines.map(({ sku, quantity, unit_price, vat, name, open }) =>
    open ? { sku, quantity, unit_price, vat, name, open: true } : { sku, quantity, unit_price, vat },
  );

/** Lines with the rates of now, so that their receipt keeps them when rates change. */
export const with_rates = <L extends { vat: string }>(lines: readonly L[], rates: readonly VatRate[]): (L & { rate?: string })[] =>
  lines.map((line) => {
    const rate = rates.find((r) => r.code === line.vat)?.rate;
    return rate === undefined ? line : { ...line, rate };
  });
/** VAT by rate over gross line amounts, each line rounded by itself. `rates`: for lines that were kept without theirs. */
export function vat_sums(
  lines: readonly { vat: string; amount: number; rate?: string; vat_amount?: number }[], rates: readonly VatRate[],
): VatSum[] {
  const sums = new Map<string, VatSum>();
  for (const line of lines) {
    const { vat, amount } = line;
    const rate = line.rate ?? rates.find((r) => r.code === vat)?.rate ?? '0';
    const key = `${vat} ${rate}`;
    const sum = sums.get(key) ?? { code: vat, rate, net: 0, vat: 0, gross: 0 };
    const inside = line.vat_amount ?? vat_inside(amount, rate);
    sum.vat += inside;
    sum.gross += amount;
    sum.net += amount - inside;
    sums.set(key, sum);
  }
  return [...sums.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** The VAT on a receipt that is printed again: the node's word, where it is about this total; else as it was kept here. */
export function vat_again(
  view: { lines: Parameters<typeof vat_sums>[0]; total: number }, told: readonly VatSum[] | null, rates: readonly VatRate[],
): VatSum[] {
  if (!told || told.reduce((sum, each) => sum + each.gross, 0) !== view.total) return vat_sums(view.lines, rates);
  return [...told];
}

/** Round sums that a customer is likely to hand over for `due`: exact first, then the next notes. */
export function quick_amounts(due: number, decimals: number): number[] {
  if (due <= 0) return [];
  const unit = 10 ** decimals;
  const notes = [1, 5, 10, 20, 50, 100, 200, 500].map((n) => n * unit);
  const sums = new Set([due]);
  for (const note of notes) {
    const up = Math.ceil(due / note) * note;
    if (up > due && up - due < note) sums.add(up);
  }
  return [...sums].sort((a, b) => a - b).slice(0, 5);
}
