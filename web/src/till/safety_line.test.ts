import { describe, expect, it } from 'vitest';
import type { Safety } from '../lib/api';
import { say } from '../lib/i18n';
import { safety_line, type Known } from './safety_line';

const safety: Safety = {
  origin: 'N/s/1', size: 40, cosigned_size: 40, cosigned_at: '2026-11-22T14:03:05Z', epoch: 1, signing: 'signing', provisional: false, quorum: 2,
  mirrors: [{ site: 'a', held: 40, last_heard_at: null }, { site: 'b', held: 40, last_heard_at: null }, { site: 'c', held: null, last_heard_at: null }],
  no_copy_elsewhere_since: null, replaced_by: null, listed: 0, not_taken_in: 0, missing_receipts: [], registering: null, spare: null, machines_here: 1 as const,
  standby: {
    phase: 'own trade', since: null, taken_over_at: null, as_of: { prices: null, stock: null, orders: null },
    open: { sales: 0, refunds: 0, movements: 0, since: null }, handbacks: 0,
  },
};
const counts = { waiting: 0, again: 0, uncopied: 0, refused: 0, needs_manager: 0, not_taken: 0 };
const line = (known: Partial<Known>) =>
  safety_line({ safety, silent_since: null, counts, last: { origin: 'N/s/1', index: 39 }, till_unknown: false, uncovered_since: null, room: null, now_ms: Date.parse('2026-11-25T12:00:00Z'), ...known });
const keys = (known: Partial<Known>) => line(known).parts.map((p) => p.key);

describe('the safety line', () => {
  it('says that a machine which took the store over is not registered, and that a spare holds a copy', () => {
    const taken_over = { ...safety, signing: 'asking' as const, provisional: true, no_copy_elsewhere_since: '2026-11-22T14:04:00Z' };
    expect(keys({ safety: taken_over })).toEqual(['safe.provisional']);
    expect(keys({ safety: { ...safety, machines_here: 2 as const } })).toContain('safe.two_machines');
  });
  it('says how many mirrors hold this till’s last write, and when', () => {
    expect(line({})).toEqual({ level: 'good', parts: [{ key: 'safe.copied', values: { k: 2, n: 3, at: safety.cosigned_at } }] });
  });
  it('never counts a mirror that does not hold it', () => {
    const behind = { ...safety, mirrors: safety.mirrors.map((m) => ({ ...m, held: 39 })) };
    const said = line({ safety: behind });
    expect(said.parts[0]?.values?.k).toBe(0);
    expect(said.level).toBe('care');
  });
  it('says first that a sealed store sells on, and that limits are tighter in a guarded one', () => {
    const sealed = line({ safety: { ...safety, posture: 'sealed', posture_since: '2026-11-22T03:00:00Z' } });
    expect(sealed.level).toBe('care');
    expect(sealed.parts[0]).toEqual({ key: 'safe.sealed', values: { since: '2026-11-22T03:00:00Z' } });
    expect(keys({ safety: { ...safety, posture: 'guarded' } })[0]).toBe('safe.guarded');
    expect(keys({ safety: { ...safety, posture: 'open' } })).toEqual(['safe.copied']);
    expect(keys({ safety: { ...safety, posture: 'sealed' }, silent_since: '2026-11-22T03:00:00Z' })).not.toContain('safe.sealed');
  });
  it('says that refunds need a manager wherever they do', () => {
    for (const key of ['safe.guarded', 'safe.sealed', 'safe.sealed_now', 'safe.rejoining', 'safe.rejoining_now'] as const) {
      expect(say('en', key), key).toContain('refunds need a manager');
      expect(say('fr', key), key).toContain('un remboursement demande un responsable');
    }
  });
  it('counts what is not copied yet beside it', () => {
    const said = line({ safety: { ...safety, size: 41 }, last: { origin: 'N/s/1', index: 40 }, counts: { ...counts, uncopied: 1 } });
    expect(said.parts.map((p) => p.key)).toEqual(['safe.copied', 'safe.uncopied']);
    expect(said.parts[0]?.values?.k).toBe(2);
  });
  it('says since when there is no copy elsewhere, even if an old checkpoint was copied', () => {
    const said = line({ safety: { ...safety, no_copy_elsewhere_since: '2026-11-22T13:00:00Z' } });
    expect(said.parts[0]).toEqual({ key: 'safe.here_only', values: { since: '2026-11-22T13:00:00Z' } });
    expect(said.level).toBe('care');
  });
  it('says how many sales wait when the node does not answer, and that others are kept', () => {
    const said = line({ silent_since: '2026-11-22T14:04:00Z', counts: { ...counts, waiting: 3, uncopied: 2 } });
    expect(said.level).toBe('alarm');
    expect(said.parts.map((p) => [p.key, p.values?.n])).toEqual([['safe.no_answer', 3], ['safe.kept_here', 2]]);
  });
  it('never says "copied" of a provisional, replaced, stopped or silent node', () => {
    for (const known of [
      { safety: { ...safety, provisional: true } }, { safety: { ...safety, replaced_by: { origin: 'N/s/2' } } },
      { safety: { ...safety, signing: 'stopped' as const } }, { silent_since: '2026-11-22T14:04:00Z' }, { safety: null },
    ]) {
      expect(keys(known)).not.toContain('safe.copied');
      expect(line(known).level).not.toBe('good');
    }
  });
  it('tells that a started node asks before it signs', () => {
    expect(keys({ safety: { ...safety, signing: 'asking' } })).toContain('safe.asks_first');
  });
  it('says after a whole day without a copy since when, and not before', () => {
    const since = '2026-11-24T12:00:00Z';
    expect(line({ uncovered_since: since })).toMatchObject({ level: 'alarm', parts: [{}, { key: 'safe.day_without_copy', values: { since } }] });
    expect(keys({ uncovered_since: '2026-11-24T12:00:01Z' })).not.toContain('safe.day_without_copy');
  });
  it('warns before the device is full', () => {
    expect(line({ room: { left: 50_000, state: 'small' } })).toMatchObject({ level: 'care', parts: [{}, { key: 'safe.room_small', values: { n: 50_000 } }] });
    expect(line({ room: { left: 900, state: 'nearly_full' } })).toMatchObject({ level: 'alarm', parts: [{}, { key: 'safe.room_nearly_full' }] });
    expect(keys({ room: { left: 200_000, state: 'good' } })).toEqual(['safe.copied']);
  });
  it('says that its disk has lost entries, and first of all when nothing can be sold before they are back', () => {
    const damage = [{ origin: 'a/store-01/1', first: 4, end: 9 }, { origin: 'a/store-02/1', first: 7, end: 7 }];
    expect(line({ safety: { ...safety, damage } })).toMatchObject({ level: 'care', parts: [{ key: 'safe.copied' }, { key: 'safe.damage', values: { n: 5 } }] });
    expect(line({ safety: { ...safety, damage, waits_for: 'entries 4 to 8' } })).toMatchObject({ level: 'alarm', parts: [{ key: 'safe.waits_for_journal' }, { key: 'safe.damage' }] });
    expect(line({ safety: { ...safety, damage: [damage[1]!], waits_for: null } })).toMatchObject({ level: 'good' });
  });
  it('is not green while the node does not take a sale: it lies in this till alone', () => {
    const said = line({ counts: { ...counts, waiting: 3, not_taken: 2 } });
    expect(said.level).toBe('care');
    expect(said.parts.map((p) => [p.key, p.values?.n])).toEqual([['safe.copied', 3], ['safe.waiting', 1], ['safe.not_taken', 2]]);
    expect(line({ counts: { ...counts, waiting: 1 } }).level).toBe('good');
    const one = { ...counts, waiting: 1, not_taken: 1 };
    expect(keys({ silent_since: '2026-11-22T14:04:00Z', counts: one })).toEqual(['safe.no_answer']);
    expect(keys({ till_unknown: true, counts: one })).not.toContain('safe.not_taken');
  });
  it('tells what waits for a person', () => {
    const said = line({ safety: { ...safety, not_taken_in: 4, listed: 2 }, counts: { ...counts, refused: 1, needs_manager: 1 } });
    expect(said.parts.map((p) => p.key)).toEqual(['safe.copied', 'safe.needs_manager', 'safe.refused', 'safe.not_taken_in', 'safe.listed']);
    expect(said.level).toBe('care');
  });
});
