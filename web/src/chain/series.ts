// Sales per minute as chart and table need them. Pure.

import type { ChainSite } from '../lib/api';

export interface Series {
  minutes: number[]; // start of each minute, Unix seconds, oldest first, without gap
  all: number[]; // whole chain, as far as it is known here
  by_site: Map<string, (number | null)[]>; // null: not yet known, as is what a silent site has sold since
}

export const minutes_shown = 60;

/** Unix seconds from which on a minute without a sale is not one without sales, but one that nothing is known of yet. */
function known_until(site: ChainSite, counts: Map<number, number> | undefined): number {
  if (site.is_here || site.trading !== 'not yet known') return Infinity;
  const heard = Date.parse(site.last_heard_at ?? '') / 1000; // of a minute that it was heard in, the rest is missing
  const newest = Math.max(0, ...(counts?.keys() ?? []));
  return Number.isFinite(heard) ? Math.max(newest, Math.floor(heard / 60) * 60) : newest;
}

/** The hour that ends with the newest minute known of any site; a minute left out is a minute without a sale. */
export function series_of(sites: readonly ChainSite[]): Series {
  const known = new Map<string, Map<number, number>>();
  let newest = 0;
  for (const site of sites) {
    if (!site.sales) continue;
    const counts = new Map<number, number>();
    for (const minute of site.sales.minutes) {
      const at = Math.floor(Date.parse(minute.at) / 60_000) * 60;
      if (!Number.isFinite(at)) continue;
      counts.set(at, (counts.get(at) ?? 0) + minute.count);
      newest = Math.max(newest, at);
    }
    known.set(site.site, counts);
  }
  const minutes: number[] = [];
  if (newest > 0) for (let i = minutes_shown - 1; i >= 0; i--) minutes.push(newest - i * 60);
  const by_site = new Map<string, (number | null)[]>();
  const all = minutes.map(() => 0);
  for (const site of sites) {
    const counts = known.get(site.site);
    const end = known_until(site, counts);
    const values = minutes.map((at) => (counts ? (counts.get(at) ?? (at < end ? 0 : null)) : null));
    values.forEach((value, i) => (all[i]! += value ?? 0));
    by_site.set(site.site, values);
  }
  return { minutes, all, by_site };
}

/** The last whole minute's sales; the running one would always look like a fall, unless it is the first. */
export function per_minute(site: ChainSite, series: Series): number | null {
  const values = series.by_site.get(site.site);
  return values ? values.at(-2) || (values.at(-1) ?? null) : null;
}

export type SortKey = 'site' | 'kind' | 'trading' | 'size' | 'cosigned' | 'lag' | 'links' | 'posture' | 'sales' | 'heard';

export const needs_attention = (s: ChainSite): boolean =>
  s.trading !== 'yes' || s.contradictions > 0 || (s.posture !== 'open' && s.posture !== 'not yet known') || s.links.some((l) => l.state !== 'up');

export function sort_sites(sites: readonly ChainSite[], by: SortKey, down: boolean, series: Series): ChainSite[] {
  const value = (s: ChainSite): string | number => {
    switch (by) {
      case 'site': return s.site;
      case 'kind': return s.kind;
      case 'trading': return { no: 0, 'not yet known': 1, yes: 2 }[s.trading];
      case 'size': return s.size ?? -1;
      case 'cosigned': return s.cosigned_size ?? -1;
      case 'lag': return s.lag ?? -1;
      case 'links': return s.links.filter((l) => l.state !== 'up').length;
      case 'posture': return s.posture;
      case 'sales': return per_minute(s, series) ?? -1;
      case 'heard': return s.last_heard_at ?? '';
    }
  };
  return [...sites].sort((a, b) => {
    const x = value(a);
    const y = value(b);
    const order =
      typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en', { numeric: true });
    return (down ? -order : order) || a.site.localeCompare(b.site, 'en', { numeric: true });
  });
}
