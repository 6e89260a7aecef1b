// How old what the old system said is, in words that a person uses: "last night 02:10", "19 h ago". Pure.

import type { Key, Values } from './i18n';

export interface Phrase {
  key: Key;
  values: Values;
}

const hour_ms = 3_600_000;
const day_start = (at: Date): number => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
const hhmm = (at: Date): string =>
  `${String(at.getHours()).padStart(2, '0')}:${String(at.getMinutes()).padStart(2, '0')}`;

/** `as_of` null: not yet known. A time in the future counts as now: clocks differ. */
export function age_phrase(as_of: string | null, now: Date): Phrase {
  const at = new Date(as_of ?? '');
  if (as_of === null || Number.isNaN(at.getTime())) return { key: 'not_yet_known', values: {} };
  const age_ms = Math.max(0, now.getTime() - at.getTime());
  const minutes = Math.floor(age_ms / 60_000);
  if (minutes < 60) return { key: 'age.minutes', values: { n: minutes } };
  const since_midnight = at.getTime() - day_start(now);
  // The night that has just been: from eight in the evening to six in the morning.
  if (since_midnight >= -4 * hour_ms && since_midnight < 6 * hour_ms && now.getHours() >= 6)
    return { key: 'age.last_night', values: { time: hhmm(at) } };
  const hours = Math.floor(age_ms / hour_ms);
  if (hours < 48) return { key: 'age.hours', values: { n: hours } };
  return { key: 'age.days', values: { n: Math.floor(hours / 24) } };
}
/** Older than a night and a day: the feed has missed one, and that is said louder. */
export const is_stale = (as_of: string | null, now: Date): boolean =>
  as_of === null || now.getTime() - new Date(as_of).getTime() > 26 * hour_ms;
