import { describe, expect, it } from 'vitest';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { choose, languages, say, texts, type Key, type Text } from './index';

const places = (text: Text): string[] =>
  [...new Set((typeof text === 'string' ? text : text.one + text.other).match(/\{\w+\}/g) ?? [])].sort();

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(Object.keys(texts.fr).sort()).toEqual(Object.keys(texts.en).sort());
  });
  it('have each key on one page only', () => {
    for (const language of languages) {
      const dir = fileURLToPath(new URL(language, import.meta.url));
      const keys = readdirSync(dir).flatMap((name) => readFileSync(join(dir, name), 'utf8').match(/^ {2}'[^']+'(?=:)/gm) ?? []);
      expect(keys.length, language).toBe(Object.keys(texts[language]).length);
    }
  });
  it('have the same places and plurals under each key', () => {
    for (const key of Object.keys(texts.en) as Key[]) {
      expect(places(texts.fr[key]), key).toEqual(places(texts.en[key]));
      expect(typeof texts.fr[key], key).toBe(typeof texts.en[key]);
    }
  });
  it('have no empty text, and no French sentence that was left in English', () => {
    const same: string[] = [];
    for (const key of Object.keys(texts.en) as Key[]) {
      for (const language of languages) {
        const text: Text = texts[language][key];
        for (const one of typeof text === 'string' ? [text] : [text.one, text.other]) expect(one.trim(), key).not.toBe('');
      }
      const en: Text = texts.en[key];
      if (typeof en === 'string' && en === texts.fr[key] && en.split(' ').length > 2) same.push(key);
    }
    expect(same.filter((key) => key !== 'recovery.from_to')).toEqual([]);
  });
  it('have a use for every key', () => {
    const sources = (dir: string): string =>
      readdirSync(dir, { withFileTypes: true })
        .filter((e) => e.name !== 'i18n' && !e.name.endsWith('.test.ts'))
        .map((e) => (e.isDirectory() ? sources(join(dir, e.name)) : readFileSync(join(dir, e.name), 'utf8')))
        .join('\n');
    const all = sources(fileURLToPath(new URL('../../', import.meta.url)));
    const unused = Object.keys(texts.en).filter((key) => {
      const group = key.slice(0, key.lastIndexOf('.') + 1);
      return !all.includes(`'${key}'`) && !(group && all.includes(`\`${group}\${`));
    });
    expect(unused).toEqual([]);
  });
  it('say that nothing was changed only of a sign-in: of another act that nobody answered, nobody knows (lib/api.ts)', () => {
    const web = fileURLToPath(new URL('../../', import.meta.url));
    const files = readdirSync(web, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.svelte'));
    const saying = (key: Key) => files.filter((name) => readFileSync(join(web, name), 'utf8').includes(`'${key}'`)).sort();
    expect(saying('sign_in.no_answer')).toEqual([join('lib', 'SignInForm.svelte')]);
    const acts = ['EnrolSite', 'EnrolTill', 'Manage', 'TakeOver'].map((name) => join('till', `${name}.svelte`));
    expect(saying('sign_in.not_known')).toEqual(acts);
    for (const [language, known] of [['en', /nothing/i], ['fr', /rien/i]] as const) {
      expect(say(language, 'sign_in.no_answer')).toMatch(known);
      for (const key of ['sign_in.not_known', 'chain.no_answer'] as const) expect(say(language, key)).not.toMatch(known);
    }
  });
  it('count as their grammar does', () => {
    expect(say('en', 'safe.waiting', { n: 1 })).toBe('1 waits for the node’s answer');
    expect(say('en', 'safe.waiting', { n: 0 })).toBe('0 wait for the node’s answer');
    expect(say('fr', 'safe.waiting', { n: 0 })).toBe('0 attend la réponse du nœud');
    expect(say('fr', 'safe.waiting', { n: 2 })).toBe('2 attendent la réponse du nœud');
  });
  it('are chosen by what was remembered, then by the browser', () => {
    expect(choose(null, ['de-DE', 'fr-CA', 'en'])).toBe('fr');
    expect(choose('en', ['fr-FR'])).toBe('en');
    expect(choose('xx', ['de'])).toBe('en');
  });
});
