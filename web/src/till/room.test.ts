import { describe, expect, it } from 'vitest';
import type { Safety, WriteBody } from '../lib/api';
import { keep, take_reply, type Kept } from './queue';
import { hand_out, left_warn, room_of, room_wanted, uncovered_since, write_bytes } from './room';

const view = { site: 's', till: 3, staff_number: '1', total: 85, change: 0, lines: [], of_receipt: null };
const body = (n: number, at: string): WriteBody => ({
  key: n.toString(16).padStart(32, '0'), staff: 'a'.repeat(32), at, kind: 'sale',
  lines: [{ sku: 'MILK', quantity: '1', unit_price: '0.85', vat: 'Z' }], tenders: [{ kind: 'cash', amount: 85 }],
});
const waiting = (n: number, at: string): Kept => keep(body(n, at), n, view);
const acknowledged = (n: number, at: string): Kept =>
  take_reply(waiting(n, at), { key: body(n, at).key, ok: true, duplicate: false, origin: 'N/s/1', index: n, at, receipt: `3-ABCDEFGH-${n}`, flags: [] }, 'N/s/1', 0);
const cosigned = (n: number, at: string): Kept => ({ ...acknowledged(n, at), state: 'cosigned' });
const safety = (since: string | null) => ({ no_copy_elsewhere_since: since }) as Safety;

describe('room on the device', () => {
  it('is good where a hundred thousand writes fit, those that are here counted', () => {
    expect(room_of({ usage: 0, quota: room_wanted * write_bytes }, 0)?.state).toBe('good');
    expect(room_of({ usage: 0, quota: (room_wanted - 1) * write_bytes }, 0)).toEqual({ left: room_wanted - 1, state: 'small' });
    expect(room_of({ usage: 0, quota: (room_wanted - 1) * write_bytes }, 1)?.state).toBe('good');
  });
  it('warns before it is full, however much there was', () => {
    const quota = 10 * room_wanted * write_bytes;
    expect(room_of({ usage: quota - left_warn * write_bytes, quota }, 9 * room_wanted)?.state).toBe('good');
    expect(room_of({ usage: quota - left_warn * write_bytes + 1, quota }, 9 * room_wanted)).toEqual({ left: left_warn - 1, state: 'nearly_full' });
    expect(room_of({ usage: quota + 1, quota }, 0)).toEqual({ left: 0, state: 'nearly_full' });
  });
  it('is not known where the browser does not say', () => expect(room_of(null, 5)).toBeNull());
});

describe('since when there is no copy', () => {
  const [monday, tuesday, wednesday] = ['2026-11-23T09:00:00.000Z', '2026-11-24T09:00:00.000Z', '2026-11-25T09:00:00.000Z'];
  it('is the oldest write that waits or is not cosigned', () => {
    expect(uncovered_since([cosigned(1, monday), acknowledged(2, tuesday), waiting(3, wednesday)], null, true)).toBe(tuesday);
    expect(uncovered_since([cosigned(1, monday)], null, true)).toBeNull();
  });
  it('is the store’s own word where that is older, but only while the node answers', () => {
    expect(uncovered_since([waiting(3, wednesday)], safety(monday), false)).toBe(monday);
    expect(uncovered_since([waiting(3, wednesday)], safety(monday), true)).toBe(wednesday);
    expect(uncovered_since([waiting(3, tuesday)], safety(wednesday), false)).toBe(tuesday);
  });
});

describe('the file of what is not safe', () => {
  it('has each write as the node takes it, in order, with the till and the reply it got; and nothing else', () => {
    const at = '2026-11-24T09:00:00.000Z';
    const made = hand_out([waiting(4, at), cosigned(1, at), acknowledged(2, at)], { chain: 'c', site: 's', till: 3, made_at: at });
    expect(made.writes).toEqual([
      { ...body(2, at), till: 3, prior: { origin: 'N/s/1', index: 2, receipt: '3-ABCDEFGH-2', at } },
      { ...body(4, at), till: 3 },
    ]);
  });
  it('has what was refused, too, until a person has dealt with it: it lies nowhere else', () => {
    const at = '2026-11-24T09:00:00.000Z';
    const problem = { code: 'till/unknown_sku', title: '', detail: '', status: 422 };
    const refused = take_reply(waiting(1, at), { key: body(1, at).key, ok: false, problem }, 'N/s/1', 0);
    expect(hand_out([refused], { chain: 'c', site: 's', till: 3, made_at: at }).writes).toEqual([{ ...body(1, at), till: 3 }]);
    expect(uncovered_since([refused], null, true), 'it is told as refused, not as uncovered').toBeNull();
  });
});
