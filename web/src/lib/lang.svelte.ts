// The language of this device: from the browser, switchable, remembered. Formats of money and time follow it.
import { choose, say, type Key, type Language, type Values } from './i18n';

const remembered = 'holdfast-language';
function read(): string | null {
  try {
    return localStorage.getItem(remembered);
  } catch {
    return null;
  }
}

class Words {
  language = $state<Language>(choose(read(), navigator.languages));
  use(language: Language): void {
    this.language = language;
    document.documentElement.lang = language;
    try {
      localStorage.setItem(remembered, language);
    } catch {
      // A browser without storage forgets the choice; nothing else depends on it.
    }
  }
}
export const words = new Words();
document.documentElement.lang = words.language;

/** British English for dates and money: the chain's English is that of its shops, not of the browser's maker. */
const locale = (): string => (words.language === 'en' ? 'en-GB' : 'fr-FR');

export const t = (key: Key, values?: Values): string => say(words.language, key, values);
export const number = (value: number): string => new Intl.NumberFormat(locale()).format(value);
export function money(minor: number, currency: string, decimals: number): string {
  // toFixed on an integer below 2^53 is exact up to 15 digits, which is what an amount may have.
  const format = new Intl.NumberFormat(locale(), { style: 'currency', currency, minimumFractionDigits: decimals });
  return format.format(minor / 10 ** decimals);
}
export function clock(at: string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return at;
  const today = new Date().toDateString() === time.toDateString();
  const hours: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', second: '2-digit' };
  return new Intl.DateTimeFormat(
    locale(),
    today ? hours : { day: '2-digit', month: '2-digit', ...hours },
  ).format(time);
}
export function full_time(at: string): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return at;
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(time);
}
export function short_time(at: string): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }).format(new Date(at));
}
/** Decimal strings of the API ("2.55", "0.250") as a person of this language reads them. */
export const decimal = (text: string): string => (words.language === 'fr' ? text.replace('.', ',') : text);
