// The line that always says what is safe. Pure: what is known in, level and sentences out (i18n keys with values).
// Never says more than is known: `copied` counts mirrors that hold everything this till was told is copied; what is not
// copied yet is counted beside it.

import type { Hole, Safety } from '../lib/api';
import type { Key, Values } from '../lib/i18n';
import type { Counts } from './queue';
import { day_ms, type Room } from './room';

export interface Sentence {
  key: Key;
  values?: Values;
}
export interface SafetyLine {
  level: 'good' | 'care' | 'alarm';
  parts: Sentence[];
}

export interface Known {
  safety: Safety | null;
  silent_since: string | null; // RFC 3339; null while the node answers
  elsewhere?: string | null; // address of the store's other machine, while the till speaks to that one
  counts: Counts;
  last: { origin: string; index: number } | null; // this till's last acknowledged write
  till_unknown: boolean;
  uncovered_since: string | null; // something of this till has had no known copy since
  room: Room | null;
  now_ms: number;
}

export const a_day_without_copy = (known: Pick<Known, 'uncovered_since' | 'now_ms'>): boolean =>
  known.uncovered_since !== null && known.now_ms - Date.parse(known.uncovered_since) >= day_ms;

const lost_entries = (damage: Hole[]): number => damage.reduce((sum, { first, end }) => sum + end - first, 0);

export function copies(safety: Safety, last: Known['last'], uncopied: number): number {
  const all = last && last.origin === safety.origin ? last.index + 1 : safety.size;
  const needed = uncopied > 0 ? safety.cosigned_size : Math.min(all, safety.size);
  return safety.mirrors.filter((m) => m.held !== null && m.held >= needed).length;
}

export function safety_line(known: Known): SafetyLine {
  const { safety, counts } = known;
  const parts: Sentence[] = [];
  let level: SafetyLine['level'] = 'good';
  const raise = (to: SafetyLine['level']) => {
    if (level === 'good' || to === 'alarm') level = to;
  };

  // A sealed store sells on; whoever stands at the till must not think that it may not.
  if (known.silent_since === null && safety && (safety.posture === 'sealed' || safety.posture === 'rejoining')) {
    raise('care');
    const since = safety.posture_since ? { since: safety.posture_since } : undefined;
    parts.push({ key: since ? `safe.${safety.posture}` : `safe.${safety.posture}_now`, ...(since ? { values: since } : {}) });
  } else if (known.silent_since === null && safety?.posture === 'guarded') {
    parts.push({ key: 'safe.guarded' });
  }
  if (known.silent_since !== null) {
    raise('alarm');
    parts.push({ key: 'safe.no_answer', values: { n: counts.waiting, since: known.silent_since } });
  } else if (!safety) {
    raise('care');
    parts.push({ key: 'safe.asking' });
  } else if (safety.replaced_by || safety.signing === 'stopped') {
    raise('alarm');
    parts.push(
      safety.replaced_by
        ? { key: 'safe.replaced', values: { origin: safety.replaced_by.origin } }
        : { key: 'safe.stopped' },
    );
  } else if (safety.waits_for) {
    raise('alarm');
    parts.push({ key: 'safe.waits_for_journal' });
  } else if (safety.provisional) {
    raise('care');
    parts.push({ key: 'safe.provisional' });
  } else if (safety.no_copy_elsewhere_since !== null) {
    raise('care');
    parts.push({ key: 'safe.here_only', values: { since: safety.no_copy_elsewhere_since } });
  } else if (safety.cosigned_at === null) {
    raise('care');
    parts.push({ key: 'safe.not_yet_copied' });
  } else {
    const k = copies(safety, known.last, counts.uncopied);
    if (k < safety.quorum) raise('care');
    parts.push({ key: 'safe.copied', values: { k, n: safety.mirrors.length, at: safety.cosigned_at } });
  }

  if (known.silent_since === null && known.elsewhere) {
    raise('care');
    parts.push({ key: 'safe.elsewhere', values: { machine: known.elsewhere.replace('https://', '') } });
  }
  if (a_day_without_copy(known)) {
    raise('alarm');
    parts.push({ key: 'safe.day_without_copy', values: { since: known.uncovered_since! } });
  }
  if (known.room && known.room.state !== 'good') {
    raise(known.room.state === 'nearly_full' ? 'alarm' : 'care');
    parts.push({ key: known.room.state === 'nearly_full' ? 'safe.room_nearly_full' : 'safe.room_small', values: { n: known.room.left } });
  }

  if (known.silent_since === null) {
    if (safety?.machines_here === 2) parts.push({ key: 'safe.two_machines' });
    if (safety?.signing === 'asking' && !safety.provisional) {
      raise('care');
      parts.push({ key: 'safe.asks_first' });
    }
    if (known.till_unknown) {
      raise('alarm');
      parts.push({ key: 'safe.till_unknown', values: { n: counts.waiting + counts.again } });
    } else {
      const unanswered = counts.waiting - counts.not_taken;
      if (unanswered > 0) parts.push({ key: 'safe.waiting', values: { n: unanswered } });
      if (counts.not_taken > 0) {
        raise('care'); // no journal has it, and nobody knows when one will
        parts.push({ key: 'safe.not_taken', values: { n: counts.not_taken } });
      }
    }
    if (counts.again > 0) {
      raise('care');
      parts.push({ key: 'safe.again', values: { n: counts.again } });
    }
  } else if (counts.uncopied + counts.again > 0) {
    parts.push({ key: 'safe.kept_here', values: { n: counts.uncopied + counts.again } });
  }
  if (known.silent_since === null && counts.uncopied > 0) {
    parts.push({ key: 'safe.uncopied', values: { n: counts.uncopied } });
  }
  if (counts.needs_manager > 0) {
    raise('care');
    parts.push({ key: 'safe.needs_manager', values: { n: counts.needs_manager } });
  }
  if (counts.refused > 0) {
    raise('care');
    parts.push({ key: 'safe.refused', values: { n: counts.refused } });
  }
  const lost = lost_entries(safety?.damage ?? []);
  if (lost > 0) {
    raise('care');
    parts.push({ key: 'safe.damage', values: { n: lost } });
  }
  if (safety && safety.not_taken_in > 0) {
    raise('care');
    parts.push({ key: 'safe.not_taken_in', values: { n: safety.not_taken_in } });
  }
  if (safety && safety.listed > 0) parts.push({ key: 'safe.listed', values: { n: safety.listed } });
  return { level, parts };
}
