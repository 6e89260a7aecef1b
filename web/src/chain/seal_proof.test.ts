import { describe, expect, it } from 'vitest';
import { say, type Language } from '../lib/i18n';
import { seal_sentences } from './seal_proof';

type Seal = Parameters<typeof seal_sentences>[0];
const seal = (more: Partial<Seal>): Seal => ({
  state: 'sealed', packet_filter: 'set', not_done: '', our_end: 'not proved', was_probed: false, probed: [], summary: 'in English', ...more,
});
const probed = (name: string, dialled: boolean, answered = false) => ({ name, address: `${name}.example:443`, dialled, answered });
const text = (language: Language, s: Seal) => seal_sentences(s).map((each) => say(language, each.key, each.values)).join(' ');
const keys = (s: Seal) => seal_sentences(s).map((each) => each.key.replace('posture.proof.', ''));

describe('what of a seal was proved', () => {
  it('is never more than was done', () => {
    expect(keys(seal({ state: 'ending' }))).toEqual(['ending']);
    expect(keys(seal({ packet_filter: 'not set', not_done: 'no helper' }))).toEqual(['no_filter']);
    expect(keys(seal({}))).toEqual(['probing']);
    const one = [probed('a', true), probed('b', false)];
    expect(keys(seal({ was_probed: true, our_end: 'proved', probed: one }))).toEqual(['proved', 'not_dialled', 'other_end']);
    expect(keys(seal({ was_probed: true, probed: [probed('b', false)] }))).toEqual(['nobody', 'not_dialled']);
    expect(keys(seal({ was_probed: true, our_end: 'answers', probed: [probed('a', true, true)] }))).toEqual(['answers']);
    expect(keys(seal({ was_probed: true, our_end: 'proved', probed: [probed('a', true)], not_done: 'not kept over a restart' }))).toContain('not_done');
  });
  it('is said in the language of the page, with what was dialled counted and what was not named', () => {
    const s = seal({ was_probed: true, our_end: 'proved', probed: [probed('a', true), probed('c', true), probed('b', false)] });
    expect(text('en', s)).toContain('2 addresses dialled');
    expect(text('en', s)).toContain('b (b.example:443)');
    expect(text('fr', s)).toMatch(/^Prouvé de notre côté : 2 adresses/);
    expect(text('fr', s)).not.toContain('English');
    expect(text('fr', seal({ packet_filter: 'not set', not_done: '/run/x: gone' }))).toContain('(/run/x: gone)');
  });
});
