// Exact decimals in BigInt: unit prices in millionths, quantities in thousandths, amounts in minor units (pence).
// Written from the API's words, not from the program's code: half is rounded up.

// "2.55" with 6 decimals -> 2550000n. Throws on anything but a plain decimal of at most that many decimals.
export function parseDecimal(text, decimals) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3] ?? '';
  if (!match || fraction.length > decimals) throw new Error(`"${text}" is no decimal of at most ${decimals} decimals`);
  const value = BigInt(match[2] + fraction.padEnd(decimals, '0'));
  return match[1] ? -value : value;
}

export function formatDecimal(value, decimals, decimalsMin = 0) {
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  let fraction = digits.slice(digits.length - decimals);
  while (fraction.length > decimalsMin && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  return (value < 0n ? '-' : '') + whole + (fraction ? `.${fraction}` : '');
}

// a / b for b > 0, half away from zero.
export function divideHalfUp(a, b) {
  return a < 0n ? -((-a * 2n + b) / (2n * b)) : (a * 2n + b) / (2n * b);
}

export const price = (text) => parseDecimal(text, 6);
export const quantity = (text) => parseDecimal(text, 3);
export const pounds = (minor) => formatDecimal(BigInt(minor), 2, 2);

// Minor units of quantity × price: millionths × thousandths are milliardths, 10,000,000 of them a penny.
export const lineAmount = (unitPrice, pieces) => divideHalfUp(price(unitPrice) * quantity(pieces), 10_000_000n);
export const totalOf = (lines) => lines.reduce((sum, line) => sum + lineAmount(line.unit_price, line.quantity), 0n);
