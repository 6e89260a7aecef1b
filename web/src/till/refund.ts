// What comes back of a line of a receipt, counted as the journal counts it. Pure.

import type { Receipt, ReceiptLine, VatRate } from '../lib/api';
import { line_amount, parse_price, parse_quantity, show_quantity, vat_inside } from '../lib/decimal';

export interface Picked {
  line: number;
  quantity: string;
  amount: number;
  /** What the sale's VAT comes to with and without this part; of a rate that nobody has told there is none. */
  rate?: string;
  vat_amount?: number;
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
