// Exact decimals. Nothing floats: unit prices are millionths, quantities thousandths, amounts minor units, all bigint
// inside; amounts leave as number, which is exact below 2^53.
// Errors: parse_* give null for what is not a plain decimal within the range; they never round. What is counted from it is
//         null beyond the range. Null is never nothing: no caller may put 0 in its place.

// What the node counts with (core/base/values.h).
export const price_max = 10n ** 15n; // a milliard of the major unit
export const quantity_max = 10n ** 12n; // a milliard pieces
export const money_max = 10n ** 15n; // minor units

function parse_scaled(text: string, decimals: number, max: bigint): bigint | null {
  const match = /^(\d{1,16})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match) return null;
  const fraction = match[2] ?? '';
  if (fraction.length > decimals) return null;
  const value = BigInt(match[1]! + fraction.padEnd(decimals, '0'));
  return value <= max ? value : null;
}

function show_scaled(value: bigint, decimals: number, at_least: number): string {
  const digits = value.toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  let fraction = digits.slice(digits.length - decimals);
  while (fraction.length > at_least && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return fraction ? `${whole}.${fraction}` : whole;
}

/** "2.55" -> 2550000n (millionths). */
export const parse_price = (text: string): bigint | null => parse_scaled(text, 6, price_max);
/** "0.250" -> 250n (thousandths). */
export const parse_quantity = (text: string): bigint | null => parse_scaled(text, 3, quantity_max);
export const show_price = (millionths: bigint): string => show_scaled(millionths, 6, 2);
export const show_quantity = (thousandths: bigint): string => show_scaled(thousandths, 3, 0);

/** What a person types as money, to minor units: "12,5" -> 1250 with 2 decimals. Below a milliard, so that no barcode of 12 digits or more is one. */
export function parse_amount(text: string, decimals: number): number | null {
  const value = parse_scaled(text, decimals, 10n ** BigInt(9 + decimals) - 1n);
  return value === null ? null : Number(value);
}

const half_up = (numerator: bigint, denominator: bigint): bigint => (numerator * 2n + denominator) / (denominator * 2n);

/** Line amount in minor units, rounded half up; price and quantity are never negative here. */
export function line_amount(price_millionths: bigint, quantity_thousandths: bigint, decimals: number): number | null {
  const amount = half_up(price_millionths * quantity_thousandths, 10n ** BigInt(9 - decimals));
  return amount <= money_max ? Number(amount) : null;
}

/** VAT inside a gross amount, half up: amount × rate / (100 + rate); rate "20" or "5.5" percent. */
export function vat_inside(amount: number, rate: string): number {
  const millionths = parse_scaled(rate, 6, 1_000_000_000n) ?? 0n;
  return Number(half_up(BigInt(amount) * millionths, 100_000_000n + millionths));
}
