// What comes back of a line of a receipt, counted as the journal counts it. Pure.

import type { Receipt, ReceiptLine, VatRate } from '../lib/api';
import { line_amount, parse_price, parse_quantity, show_quantity, vat_inside } from '../lib/decimal';
import { is_open, type Kept } from './queue';

export interface Picked {
  line: number;
  quantity: string;
  amount: number;
  /** What the sale's VAT comes to with and without this part; of a rate that nobody has told there is none. */
  rate?: string;
  vat_amount?: number;
}

/** Pays the customer out of the drawer: only once a node has taken it. What goes to a card has gone before it is kept. */
export const cash_out = (k: Pick<Kept, 'body'>): number => {
  const tenders = k.body.kind === 'refund' || k.body.kind === 'refund_no_receipt' ? k.body.tenders : [];
  return tenders.filter((t) => t.kind === 'cash').reduce((sum, t) => sum + t.amount, 0);
};
/** Something comes back, and what it is worth can be told. Goods that cost nothing (a gift, a gram) come back to the stock, too. */
export const can_come_back = (lines: number, total: number | null): total is number => total !== null && lines > 0;
/** Cash that no node has agreed to yet, so nobody hands it over. */
export const must_wait = (k: Pick<Kept, 'body' | 'first'>): boolean => k.first === null && cash_out(k) > 0;

/** Its money is out or may go out, and the node's answer may be without it. */
function is_owed(k: Kept): boolean {
  if (is_open(k)) return true;
  const card = 'tenders' in k.body && k.body.tenders.some((t) => t.kind === 'card');
  return k.state === 'refused' && (k.first !== null || card);
}
/** Keys of this till's refunds that an answer about receipts may be without, as it is asked for. */
export const owed_refunds = (kept: readonly Kept[]): Set<string> =>
  new Set(kept.filter((k) => k.body.kind === 'refund' && is_owed(k)).map((k) => k.key));
/**
 * The receipt with this till's own refunds of it that the node did not count. `before`: those that were owed when it was
 * asked; one that it has taken since may be counted twice until the next look, never left out.
 */
export function with_own(receipt: Receipt, kept: readonly Kept[], before: ReadonlySet<string>): Receipt {
  const own = new Map<number, bigint>();
  for (const k of kept) {
    if (k.body.kind !== 'refund' || k.body.receipt !== receipt.receipt) continue;
    if (!is_owed(k) && (k.state === 'refused' || !before.has(k.key))) continue;
    for (const { line, quantity } of k.body.lines) own.set(line, (own.get(line) ?? 0n) + (parse_quantity(quantity) ?? 0n));
  }
  const lines = receipt.lines.map((line) => {
    const [more, told] = [own.get(line.line), parse_quantity(line.refunded)];
    return more === undefined || told === null ? line : { ...line, refunded: show_quantity(told + more) };
  });
  return { ...receipt, lines };
}

type Of = Pick<ReceiptLine, 'line' | 'quantity' | 'unit_price' | 'refunded'>;

/** Null: this till cannot read the line, so nothing of it is paid back here. */
export function left(line: Of): bigint | null {
  const [all, before] = [parse_quantity(line.quantity), parse_quantity(line.refunded)];
  return all === null || before === null || parse_price(line.unit_price) === null ? null : all - before;
}

/** The rate of the sale itself; the one of today only where its receipt does not say. */
export const rate_of = (receipt: Pick<Receipt, 'vat'>, code: string, rates: readonly VatRate[]): string | undefined =>
  (receipt.vat.find((sum) => sum.code === code) ?? rates.find((r) => r.code === code))?.rate;

/** `typed`: how much of it comes back now. All that has come back is counted with and without it: the parts add up to the line. */
export function pick(line: Of, typed: string, decimals: number, rate?: string): Picked | 'nothing' | 'wrong' {
  if (!typed.trim()) return 'nothing';
  const [now, rest] = [parse_quantity(typed), left(line)];
  const [price, before] = [parse_price(line.unit_price), parse_quantity(line.refunded)];
  if (now === null || rest === null || price === null || before === null || now > rest) return 'wrong';
  if (now === 0n) return 'nothing';
  const [was, is] = [line_amount(price, before, decimals), line_amount(price, before + now, decimals)];
  if (was === null || is === null) return 'wrong';
  const picked = { line: line.line, quantity: show_quantity(now), amount: is - was };
  return rate === undefined ? picked : { ...picked, rate, vat_amount: vat_inside(is, rate) - vat_inside(was, rate) };
}
