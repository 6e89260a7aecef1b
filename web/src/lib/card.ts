// No card number enters the system (design promise 9). Every text field passes through here before it is kept or sent.
// Shape:  13 to 19 digits that pass Luhn, anywhere in the text: alone, or as whole groups in a row with up to three blanks,
//         dots or hyphens between them; and once more with the dots left out. That is the node's rule
//         (core/till/card_number.cc), so that nothing is kept here which it would refuse for good; test/data/card-numbers.txt
//         holds both to the same texts. Beside it, any stretch of more than 19 digits is looked through.
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

const digits_min = 13; // ISO/IEC 7812-1, the lengths that payment cards use
const digits_max = 19;
const separators_max = 3; // in a row

interface Group {
  digits: string;
  from: number; // where it stands in the text
  to: number;
}
/** The text's groups of digits, in runs that nothing but separators parts. `dots`: false where they count for nothing. */
function runs_of(text: string, between_max: number, dots: boolean): Group[][] {
  const runs: Group[][] = [];
  let group: Group | null = null;
  let between = Infinity; // separators since the last digit
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (c >= '0' && c <= '9') {
      if (!group) {
        group = { digits: '', from: at, to: at };
        if (between > between_max) runs.push([]);
        runs.at(-1)!.push(group);
      }
      group.digits += c;
      group.to = at + 1;
      between = 0;
    } else if (c !== '.' || dots) {
      group = null;
      between += ' .-\u00a0\u202f'.includes(c) ? 1 : Infinity;
    }
  }
  return runs;
}
const product_code = (digits: string): boolean => (digits.length === 13 || digits.length === 14) && gs1_holds(digits);

/** Every row of whole groups that makes up a card's length; the longest of those that begin at one place. */
function card_in_groups(text: string, run: readonly Group[], code: boolean): string | null {
  for (const [place, first] of run.entries()) {
    let digits = '';
    let found: string | null = null;
    for (const group of run.slice(place)) {
      digits += group.digits;
      if (digits.length > digits_max) break;
      if (digits.length < digits_min || (code && product_code(digits))) continue;
      if (luhn_holds(digits)) found = text.slice(first.from, group.to);
    }
    if (found !== null) return found;
  }
  return null;
}
/** A card number may also sit inside a longer run of digits; every window is looked at, up to a bound. */
function window_holds(digits: string): boolean {
  const looked_at = digits.slice(0, 64);
  for (let size = digits_min; size <= digits_max; size++) {
    for (let from = 0; from + size <= looked_at.length; from++) {
      if (luhn_holds(looked_at.slice(from, from + size))) return true;
    }
  }
  return false;
}

/** What in the text may be a card number, as it is written there; `code`: a product code is expected here. */
export function card_in(text: string, code = false): string | null {
  const digits_of = (run: Group[]) => run.map((group) => group.digits).join('');
  for (const dots of [true, false]) {
    for (const run of runs_of(text, separators_max, dots)) {
      if (code && product_code(digits_of(run))) continue;
      const found = card_in_groups(text, run, code);
      if (found !== null) return found;
    }
  }
  // Of at most 19 digits only whole groups count: otherwise one in ten of all numbers would be refused.
  for (const run of runs_of(text, 1, true)) {
    const digits = digits_of(run);
    if (digits.length > digits_max && window_holds(digits)) return text.slice(run[0]!.from, run.at(-1)!.to);
  }
  return null;
}
export const looks_like_card = (text: string, code = false): boolean => card_in(text, code) !== null;
