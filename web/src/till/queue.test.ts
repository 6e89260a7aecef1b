import { describe, expect, it } from 'vitest';
import type { Reply, Taken, WriteBody } from '../lib/api';
import * as q from './queue';

const view: q.View = { site: 's', till: 3, staff_number: '1', total: 100, change: 0, lines: [], of_receipt: null };
const key_of = (n: number) => n.toString(16).padStart(32, '0');
const body = (n: number): WriteBody => ({
  key: key_of(n), staff: 'f'.repeat(32), at: '2026-11-22T14:03:05Z', kind: 'sale',
  lines: [{ sku: 'A', quantity: '1', unit_price: '1.00', vat: 'S' }], tenders: [{ kind: 'cash', amount: 100 }],
});
const made = (n: number, depends_on: string | null = null) => q.keep(body(n), n, view, depends_on);
const taken = (n: number, more: Partial<Taken> = {}): Taken => ({
  key: key_of(n), ok: true, duplicate: false, origin: 'N/s/1', index: n, at: '2026-11-22T14:03:06Z', receipt: `3-AAAAAAAA-${n}`, total: 100, flags: [], ...more,
});
const refused = (n: number, status: number): Reply => ({ key: key_of(n), ok: false, problem: { code: 'x', title: 'x', detail: 'x', status } });
const acknowledged = (n: number, at_ms = 1000) => q.take_reply(made(n), taken(n), 'N/s/1', at_ms);
const cover = (size: number, cosigned_size: number, origin = 'N/s/1') => ({ origin, size, cosigned_size, cosigned_at: null });

describe('a kept write', () => {
  it('goes out without prior until it has a reply, and with its first reply ever after', () => {
    expect(q.request_of(made(1))).toEqual(body(1));
    const moved = q.take_reply(q.send_again(acknowledged(1)), taken(1, { origin: 'N/s/2', index: 7, receipt: '3-BBBBBBBB-1' }), 'N/s/2', 2000);
    expect(q.request_of(moved)).toEqual({ ...body(1), prior: { origin: 'N/s/1', index: 1, receipt: '3-AAAAAAAA-1', at: '2026-11-22T14:03:06Z' } });
    expect(moved.latest?.index).toBe(7);
  });
  it('keeps its body byte for byte through every step', () => {
    let k = made(1);
    const before = JSON.stringify(k.body);
    k = q.take_reply(k, refused(1, 503), 'N/s/1', 1);
    k = q.take_reply(k, taken(1), 'N/s/1', 2);
    k = q.take_status(k, { key: k.key, state: 'unknown' }, 3, 3);
    k = q.take_reply(k, taken(1, { duplicate: true }), 'N/s/1', 4);
    expect(JSON.stringify(k.body)).toBe(before);
  });
  it('is tried later after 401, 403, 429 and 5xx, and refused for good after the rest', () => {
    for (const status of [401, 403, 408, 429, 500, 503]) {
      const k = q.take_reply(made(1), refused(1, status), '', 1000);
      expect([k.state, k.next_try_ms > 1000], String(status)).toEqual(['waiting', true]);
    }
    for (const status of [400, 404, 409, 422]) {
      expect(q.take_reply(made(1), refused(1, status), '', 1000).state, String(status)).toBe('refused');
    }
  });
  it('is tried later by a machine that takes it once it is registered, or once the site sells again', () => {
    for (const [code, status] of [['till/provisional_cash', 422], ['standby/stands_by', 409]] as const) {
      const k = q.take_reply(made(1), { key: key_of(1), ok: false, problem: { code, title: '', detail: '', status } }, 'N/s/2', 1000);
      expect([k.state, k.next_try_ms > 1000, k.problem?.code]).toEqual(['waiting', true, code]);
    }
  });
  it('waits for an hour when its sale is unknown, whichever till rang that: the node has lost it, and it may come back', () => {
    const unknown: Reply = { key: key_of(2), ok: false, problem: { code: 'till/unknown_receipt', title: '', detail: '', status: 404 } };
    const first = q.take_reply(made(2), unknown, 'N/s/2', 1000);
    const later = q.take_reply(first, unknown, 'N/s/2', 1000 + q.sale_waits_ms - 1);
    expect([first.state, later.state, later.problem?.code]).toEqual(['waiting', 'waiting', 'till/unknown_receipt']);
    expect(q.take_reply(later, unknown, 'N/s/2', 1000 + q.sale_waits_ms).state).toBe('refused');
    expect(q.take_reply(later, taken(2), 'N/s/2', 1000 + q.sale_waits_ms).state).toBe('acknowledged');
  });
  it('waits anew when a machine that was opened since does not know its sale either', () => {
    const unknown: Reply = { key: key_of(2), ok: false, problem: { code: 'till/unknown_receipt', title: '', detail: '', status: 404 } };
    const first = q.take_reply(made(2), unknown, 'N/s/2', 1000);
    const moved = q.take_reply(first, unknown, 'N/s/3', 1000 + q.sale_waits_ms);
    expect(moved.state).toBe('waiting');
    expect(q.take_reply(moved, unknown, 'N/s/3', 1000 + 2 * q.sale_waits_ms).state).toBe('refused');
  });
  it('that was acknowledged and is refused when sent again stays for a person, never away', () => {
    const k = q.take_reply(q.send_again(acknowledged(1)), refused(1, 409), 'N/s/2', 2000);
    expect([k.state, k.first?.receipt]).toEqual(['refused', '3-AAAAAAAA-1']);
    expect(q.forgettable([k], 1e15)).toEqual([]);
  });
  it('is done when it is cosigned or listed, and by nothing else', () => {
    const k = acknowledged(1);
    for (const state of ['durable', 'unknown'] as const) expect(q.is_done(q.take_status(k, { key: k.key, state }, 2000, 2000))).toBe(false);
    for (const state of ['cosigned', 'listed'] as const) expect(q.take_status(k, { key: k.key, state }, 2000, 2000).state).toBe(state);
    expect(q.take_reply(made(1), taken(1, { listed: true }), 'N/s/1', 1).state).toBe('listed');
  });
});

describe('what a safety report means for an acknowledged write', () => {
  const k = acknowledged(5);
  it('nothing while it is merely durable', () => expect(q.look(k, cover(6, 5), 2000)).toBe('nothing'));
  it('a question by key when the index is covered', () => expect(q.look(k, cover(6, 6), 2000)).toBe('check'));
  it('sending again when the node was rolled back behind it (protocol 3.2)', () => expect(q.look(k, cover(5, 5), 2000)).toBe('send_again'));
  it('sending again in a newer epoch (protocol 8.2)', () => expect(q.look(k, cover(90, 90, 'N/s/2'), 2000)).toBe('send_again'));
  it('nothing when the report set out before the reply came in', () => expect(q.look(k, cover(5, 5), 999)).toBe('nothing'));
  it('a question, not a loop, when the new epoch found it in the kept prefix', () => {
    const found = q.take_reply(q.send_again(k), taken(5, { duplicate: true }), 'N/s/2', 3000);
    expect(q.look(found, cover(90, 90, 'N/s/2'), 4000)).toBe('check');
  });
  it('a question when nothing was heard of it for a minute', () => {
    expect(q.look(k, cover(6, 5), 1000 + q.unsure_after_ms)).toBe('check');
  });
  it('a status that was asked for before the last reply says nothing', () => {
    expect(q.take_status(k, { key: k.key, state: 'unknown' }, 500, 2000)).toBe(k);
  });
});

describe('the next batch', () => {
  it('is in the order in which the writes were made', () => {
    expect(q.next_batch([made(3), made(1), made(2)], 0).map((k) => k.seq)).toEqual([1, 2, 3]);
  });
  it('holds a refund back while its sale is open, and lets it go after (protocol 8.3)', () => {
    const sale = made(1);
    const refund = made(2, sale.key);
    expect(q.next_batch([sale, refund], 0).map((k) => k.seq)).toEqual([1]);
    const again = q.send_again(acknowledged(1));
    expect(q.next_batch([again, refund], 5000).map((k) => k.seq)).toEqual([1]);
    expect(q.next_batch([acknowledged(1), refund], 5000).map((k) => k.seq)).toEqual([2]);
    expect(q.next_batch([q.take_reply(sale, refused(1, 422), '', 1), refund], 5000).map((k) => k.seq)).toEqual([2]);
    expect(q.next_batch([refund], 5000).map((k) => k.seq)).toEqual([2]);
  });
  it('is bounded in writes and bytes, and never empty because one write is large', () => {
    const many = Array.from({ length: 250 }, (_, i) => made(i));
    expect(q.next_batch(many, 0)).toHaveLength(q.batch_writes_max);
    const large = made(1);
    (large.body as { lines: unknown[] }).lines = Array.from({ length: 9000 }, () => ({ sku: 'A', quantity: '1', unit_price: '1.00', vat: 'S' }));
    expect(q.next_batch([large, made(2)], 0)).toHaveLength(1);
  });
  it('leaves out what waits', () => {
    const k = q.try_later(made(1), 1000);
    expect(q.next_batch([k], 1000)).toEqual([]);
    expect(q.next_batch([k], 60_000)).toHaveLength(1);
  });
});

describe('the counts', () => {
  it('part what waits for an answer from what a manager, or nobody knows who, has to come for', () => {
    const not_now = (n: number, status: number) => q.take_reply(made(n), refused(n, status), '', 1);
    const again = q.take_reply(q.send_again(acknowledged(5)), refused(5, 503), '', 1);
    const c = q.count([made(1), not_now(2, 403), not_now(3, 503), not_now(4, 401), again]);
    expect(c).toEqual({ waiting: 4, again: 1, uncopied: 0, refused: 0, needs_manager: 2, not_taken: 1 });
  });
});

describe('what a person sees', () => {
  const cosigned = (n: number) => q.take_status(acknowledged(n), { key: key_of(n), state: 'cosigned' }, 2000, 2000);
  const newest_first = Array.from({ length: 300 }, (_, i) => cosigned(302 - i));
  const seqs = (all: q.Kept[]) => q.to_show(all).map((k) => k.seq);
  it('begins with what was refused, however much came after it, and with what the node does not take for now', () => {
    const [no, not_now] = [q.take_reply(made(1), refused(1, 422), '', 1), q.take_reply(made(2), refused(2, 403), '', 1)];
    const shown = seqs([...newest_first, not_now, no]);
    expect([shown.slice(0, 4), shown.length]).toEqual([[1, 2, 302, 301], 1 + q.shown_max]);
  });
  it('has every one that was refused, and is in the order in which they came otherwise', () => {
    const many = newest_first.map((k) => ({ ...k, state: 'refused' as const }));
    expect(seqs(many)).toHaveLength(300);
    expect(seqs([made(4), acknowledged(3), cosigned(2)])).toEqual([4, 3, 2]);
  });
});

describe('what is forgotten', () => {
  it('is only what is done and old, or done and far more than a person looks at', () => {
    const done = q.take_status(acknowledged(1), { key: key_of(1), state: 'cosigned' }, 2000, 2000);
    expect(q.forgettable([done, made(2), acknowledged(3)], 2000 + q.keep_done_ms + 1).map((k) => k.seq)).toEqual([1]);
    const many = Array.from({ length: q.keep_done_max + 3 }, (_, i) => ({ ...done, key: key_of(i), seq: i }));
    expect(q.forgettable([...many, made(9999)], 2000).map((k) => k.seq).sort()).toEqual([0, 1, 2]);
  });
});
