import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { card_in, gs1_holds, looks_like_card } from './card';

// Numbers that the schemes publish for tests.
const cards = ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117', '30569309025904', '4222222222222', '6304000000000000000'];

const shared = readFileSync(new URL('../../../test/data/card-numbers.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'))
  .map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)] as const);

describe('card numbers', () => {
  it('are seen as the node sees them, so that nothing is kept which it refuses for good', () => {
    expect(new Set(shared.map(([is]) => is))).toEqual(new Set(['card', 'none']));
    for (const [is, text] of shared) expect(looks_like_card(text) ? 'card' : 'none', text).toBe(is);
  });
  it('are found bare, spaced, hyphened, and inside a sentence', () => {
    for (const card of cards) {
      expect(looks_like_card(card), card).toBe(true);
      expect(looks_like_card(`please charge ${card.replace(/(.{4})/g, '$1 ')}today`), card).toBe(true);
      expect(looks_like_card(card.replace(/(.{4})(?=.)/g, '$1-')), card).toBe(true);
      expect(looks_like_card(card.replace(/(.{4})(?=.)/g, '$1\u00a0')), card).toBe(true);
    }
  });
  it('are found inside a longer run of digits', () => {
    expect(looks_like_card(`000000${cards[0]}99`)).toBe(true);
    expect(looks_like_card('0041 1111 1111 1111 1199 00')).toBe(true);
  });
  it('are not seen in shorter numbers, receipts, or a number that Luhn does not hold for', () => {
    for (const text of ['', '12', '4711', '3-7KQ2M9XA-15', '411111111111', '4111111111111112', 'gift, no receipt', '01.02.2026 14:03']) {
      expect(looks_like_card(text), text).toBe(false);
    }
  });
  it('are told as they are written; words between numbers part them', () => {
    expect(card_in('please charge 4111 1111 1111 1111 today')).toBe('4111 1111 1111 1111');
    expect(card_in('with its code: 4111 - 1111 - 1111 - 1111 123.')).toBe('4111 - 1111 - 1111 - 1111');
    expect(card_in('dots: 4111.1111...1111.....1111.')).toBe('4111.1111...1111.....1111');
    // Addresses of machines in a row: one in ten of such texts.
    expect(card_in('seen at 10.0.0.1 10.0.0.2 10.0.0.1')).toBe('10.0.0.1 10.0.0.2 10.0.0.1');
    expect(card_in('seen at 10.0.0.1, 10.0.0.2 and 10.0.0.1')).toBeNull();
  });
  it('leave a GTIN alone where a product code is expected, and only there', () => {
    // A real 13-digit GTIN that also passes Luhn: one in ten does.
    let gtin = '';
    for (let n = 5_000_000_000_000; !gtin; n++) if (gs1_holds(String(n)) && looks_like_card(String(n))) gtin = String(n);
    expect(looks_like_card(gtin, true)).toBe(false);
    expect(looks_like_card(gtin, false)).toBe(true);
    expect(looks_like_card('4111111111111111', true)).toBe(true);
  });
});
