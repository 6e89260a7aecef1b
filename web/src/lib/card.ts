// No card number enters the system (design promise 9). Every text field passes through here before it is kept or sent.
// Shape:  13 to 19 digits that pass Luhn, with spaces, dots or hyphens between ignored, anywhere in the text.
// A GTIN of 13 or 14 digits passes Luhn one time in ten, so where a product code is expected (scanner, search) 13 or 14
// digits with a right GS1 check digit are a product code. 15 to 19 digits are refused everywhere.

export function luhn_holds(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let d = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1 && (d *= 2) > 9) d -= 9;
    sum += d;
  }
  return sum % 10 === 0;
}

export function gs1_holds(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const d = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 1 ? d * 3 : d;
  }
  return sum % 10 === 0;
}

/** What in the text may be a card number, as it is written there; `code`: a product code is expected here. */
export function card_in(text: string, code = false): string | null {
  for (const run of text.match(/\d(?:[ .\-\u00a0\u202f]?\d){12,}/g) ?? []) {
    const digits = run.replace(/\D/g, '');
    if (code && (digits.length === 13 || digits.length === 14) && gs1_holds(digits)) continue;
    // A card number may also sit inside a longer run of digits; every window is looked at, up to a bound.
    const windows = digits.slice(0, 64);
    for (let size = 13; size <= 19 && size <= windows.length; size++) {
      for (let from = 0; from + size <= windows.length; from++) {
        // Within a run of at most 19 digits only the whole run counts: otherwise one in ten of all numbers would be refused.
        if (windows.length <= 19 && size !== windows.length) continue;
        if (luhn_holds(windows.slice(from, from + size))) return run;
      }
    }
  }
  return null;
}
export const looks_like_card = (text: string, code = false): boolean => card_in(text, code) !== null;
