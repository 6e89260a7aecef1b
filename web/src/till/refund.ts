// What comes back of a line of a receipt, counted as the journal counts it. Pure.

import type { ReceiptLine } from '../lib/api';
import { parse_price, parse_quantity, refund_amount, show_quantity } from '../lib/decimal';

export interface Picked {
  line: number;
  quantity: string;
  amount: number;
}
type Of = Pick<ReceiptLine, 'line' | 'quantity' | 'unit_price' | 'refunded'>;

/** Null: this till cannot read the line, so nothing of it is paid back here. */
export function left(line: Of): bigint | null {
  const [all, before] = [parse_quantity(line.quantity), parse_quantity(line.refunded)];
  return all === null || before === null || parse_price(line.unit_price) === null ? null : all - before;
}

/** `typed`: how much of it comes back now. */
export function pick(line: Of, typed: string, decimals: number): Picked | 'nothing' | 'wrong' {
  if (!typed.trim()) return 'nothing';
  const [now, rest] = [parse_quantity(typed), left(line)];
  const [price, before] = [parse_price(line.unit_price), parse_quantity(line.refunded)];
  if (now === null || rest === null || price === null || before === null || now > rest) return 'wrong';
  if (now === 0n) return 'nothing';
  const amount = refund_amount(price, before, now, decimals);
  return amount === null ? 'wrong' : { line: line.line, quantity: show_quantity(now), amount };
}
