// English and French from the first day. A text is a string with {name} places, or one text for each plural category.
// Keys are typed by the English file; fr.ts must have the same keys (compiler) and the same places (i18n.test.ts).

import { en } from './en';
import { fr } from './fr';

export type Text = string | { one: string; other: string };
export type Key = keyof typeof en;
export type Values = Record<string, string | number>;
export type Language = 'en' | 'fr';
export const languages: Language[] = ['en', 'fr'];
export const texts: Record<Language, Record<Key, Text>> = { en, fr };

export function say(language: Language, key: Key, values: Values = {}): string {
  const text: Text = texts[language][key];
  let chosen: string;
  if (typeof text === 'string') chosen = text;
  else chosen = new Intl.PluralRules(language).select(Number(values.n ?? 0)) === 'one' ? text.one : text.other;
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** The first language of the browser that we have; a remembered choice goes first. */
export function choose(remembered: string | null, wanted: readonly string[]): Language {
  for (const one of [remembered ?? '', ...wanted]) {
    const short = one.slice(0, 2).toLowerCase();
    if (short === 'en' || short === 'fr') return short;
  }
  return 'en';
}
