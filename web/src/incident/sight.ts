// What a tile may claim of a site. Pure.
import type { ChainSite, Time } from '../lib/api';
import type { Posture, SiteSight } from './types';

export interface Tile {
  site: string;
  sight: SiteSight | null;
  /** What it said of itself was said before it fell silent: it is told as that, and never as good. */
  silent: boolean;
  /** It is heard, and says that it does not trade. */
  stopped: boolean;
  heard_at: Time | null;
}
/** Silent: the node does not know whether it trades, for nothing is heard of it now (GET /v1/chain, as the chain page). */
export function tiles_of(sights: readonly SiteSight[], sites: readonly ChainSite[]): Tile[] {
  const seen = new Map(sights.map((s) => [s.site, s]));
  const known = new Map(sites.map((s) => [s.site, s]));
  const tiles = [...new Set([...known.keys(), ...seen.keys()])].map((site): Tile => {
    const sight = seen.get(site) ?? null;
    const of = known.get(site);
    const trading = of?.trading ?? 'not yet known';
    const silent = sight !== null && !sight.is_here && sight.posture !== 'not yet known' && trading === 'not yet known';
    return { site, sight, silent, stopped: trading === 'no', heard_at: of?.last_heard_at ?? null };
  });
  return tiles.sort((a, b) => weight(b) - weight(a) || a.site.localeCompare(b.site, 'en', { numeric: true }));
}
export type Look = Exclude<Posture, 'not yet known'> | 'unknown';
export function look_of({ sight, silent, stopped }: Tile): Look {
  if (!sight || sight.posture === 'not yet known') return 'unknown';
  return (silent || stopped) && sight.posture === 'open' ? 'unknown' : sight.posture;
}
const weights: Record<Look, number> = { sealed: 4, rejoining: 3, guarded: 2, unknown: 1, open: 0 };
const weight = (tile: Tile) => (tile.sight?.is_here ? 10 : 0) + weights[look_of(tile)];
