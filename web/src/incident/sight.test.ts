import { describe, expect, it } from 'vitest';
import type { ChainSite } from '../lib/api';
import { look_of, tiles_of } from './sight';
import type { Posture, SiteSight } from './types';

const sight = (site: string, posture: Posture, is_here = false): SiteSight => {
  const hour = { hour: '', count: 0, gross: 0, weeks: 0, usual_min: null, usual_max: null };
  const figures = { as_of_entries: 0, is_sealed: false, sealed_seconds: 0, sales: 0, gross: 0, waiting: 0, alerts: 0 };
  return { site, is_here, posture, posture_since: null, as_of: null, prices_as_of: null, stock_as_of: null, this_hour: hour, hour_before: hour, figures };
};
const site = (name: string, trading: ChainSite['trading'], last_heard_at: string | null = null): ChainSite => ({
  site: name, kind: 'store', is_here: false, origin: '', epoch: 1, trading, last_heard_at, size: null, cosigned_size: null, cosigned_at: null,
  lag: null, held_here: null, posture: 'open', links: [], sales: null, contradictions: 0,
});
const at = '2026-11-22T03:00:00Z';

describe('the tile of a site', () => {
  it('that is not heard tells what it said last, and is not shown as open', () => {
    const [dark, heard] = tiles_of([sight('dark', 'open'), sight('heard', 'open')], [site('dark', 'not yet known', at), site('heard', 'yes', at)]);
    expect(dark).toMatchObject({ site: 'dark', silent: true, heard_at: at });
    expect(look_of(dark!)).toBe('unknown');
    expect(heard).toMatchObject({ site: 'heard', silent: false });
    expect(look_of(heard!)).toBe('open');
  });
  it('keeps the alarm of a sealed site, which says nothing more', () => {
    const [tile] = tiles_of([sight('a', 'sealed')], [site('a', 'not yet known', at)]);
    expect([tile!.silent, look_of(tile!)]).toEqual([true, 'sealed']);
  });
  it('is good for this site itself, and not for one that does not trade', () => {
    const tiles = tiles_of([sight('here', 'open', true), sight('b', 'open')], [site('here', 'yes'), site('b', 'no')]);
    expect(tiles.map((each) => [each.site, each.silent, each.stopped, look_of(each)])).toEqual([
      ['here', false, false, 'open'], ['b', false, true, 'unknown'],
    ]);
  });
  it('says nothing of a site of which nothing is known, and takes nothing for heard while the chain is not read', () => {
    expect(tiles_of([], [site('far', 'not yet known')]).map((each) => [each.silent, look_of(each)])).toEqual([[false, 'unknown']]);
    expect(tiles_of([sight('a', 'open')], []).map(look_of)).toEqual(['unknown']);
  });
});
