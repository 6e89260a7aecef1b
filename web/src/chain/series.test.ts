import { describe, expect, it } from 'vitest';
import type { ChainSite } from '../lib/api';
import { minutes_shown, needs_attention, per_minute, series_of, sort_sites } from './series';

const site = (name: string, more: Partial<ChainSite> = {}): ChainSite => ({
  site: name, kind: 'store', is_here: false, origin: `N/${name}/1`, epoch: 1, trading: 'yes', last_heard_at: null, size: 10, cosigned_size: 10, cosigned_at: null,
  lag: 0, held_here: null, posture: 'open', links: [], sales: null, contradictions: 0, ...more,
});
const sales = (...minutes: [string, number][]) => ({ minutes: minutes.map(([at, count]) => ({ at, count, gross: count })), today_count: 0, today_gross: 0 });

describe('sales per minute', () => {
  it('fill minutes without a sale with zero, and unknown sites with nothing', () => {
    const sites = [site('a', { sales: sales(['2026-11-22T14:00:00Z', 3], ['2026-11-22T14:02:00Z', 5]) }), site('b')];
    const series = series_of(sites);
    expect(series.minutes).toHaveLength(minutes_shown);
    expect(series.by_site.get('a')?.slice(-3)).toEqual([3, 0, 5]);
    expect(series.by_site.get('b')?.every((v) => v === null)).toBe(true);
    expect(series.all.slice(-3)).toEqual([3, 0, 5]);
    expect(per_minute(sites[0]!, series)).toBe(5); // the first minutes of trade: the running one counts
    expect(per_minute(sites[1]!, series)).toBeNull();
  });
  it('of a silent site are unknown after the last that was heard of it, and not zero', () => {
    const sites = [
      site('here', { is_here: true, sales: sales(['2026-11-22T14:00:00Z', 1], ['2026-11-22T14:04:00Z', 1]) }),
      site('dark', { trading: 'not yet known', last_heard_at: '2026-11-22T14:02:30Z', sales: sales(['2026-11-22T14:00:00Z', 3]) }),
      site('since-start', { trading: 'not yet known', sales: sales(['2026-11-22T14:01:00Z', 4]) }),
      site('quiet', { sales: sales(['2026-11-22T14:00:00Z', 2]) }),
      site('stopped', { trading: 'no', sales: sales(['2026-11-22T14:00:00Z', 2]) }),
    ];
    const series = series_of(sites);
    const last = (name: string) => series.by_site.get(name)?.slice(-5);
    expect(last('dark')).toEqual([3, 0, null, null, null]);
    expect(last('since-start')).toEqual([0, 4, null, null, null]);
    expect(last('quiet')).toEqual([2, 0, 0, 0, 0]);
    expect(last('stopped')).toEqual([2, 0, 0, 0, 0]);
    expect(series.all.slice(-5)).toEqual([8, 4, 0, 0, 1]);
    expect(per_minute(sites[1]!, series)).toBeNull();
  });
  it('take in nanoseconds and bad times without breaking', () => {
    const series = series_of([site('a', { sales: sales(['2026-11-22T14:00:00.123456789Z', 2], ['yesterday', 9]) })]);
    expect(series.all.at(-1)).toBe(2);
  });
  it('are empty while nothing is known', () => {
    expect(series_of([site('a')]).minutes).toEqual([]);
  });
});

describe('the list of sites', () => {
  it('sorts names as people count: store-9 before store-10', () => {
    const all = [site('store-10'), site('store-9'), site('head-office')];
    expect(sort_sites(all, 'site', false, series_of(all)).map((s) => s.site)).toEqual(['head-office', 'store-9', 'store-10']);
  });
  it('puts what does not trade first', () => {
    const all = [site('a'), site('b', { trading: 'not yet known' }), site('c', { trading: 'no' })];
    expect(sort_sites(all, 'trading', false, series_of(all)).map((s) => s.site)).toEqual(['c', 'b', 'a']);
  });
  it('calls for attention to silence, cut links, contradictions and postures', () => {
    expect(needs_attention(site('a'))).toBe(false);
    expect(needs_attention(site('a', { trading: 'not yet known' }))).toBe(true);
    expect(needs_attention(site('a', { contradictions: 1 }))).toBe(true);
    expect(needs_attention(site('a', { posture: 'sealed' }))).toBe(true);
    expect(needs_attention(site('a', { links: [{ to: 'b', state: 'cut', roles: ['mirror'] }] }))).toBe(true);
  });
});
