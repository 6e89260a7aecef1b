// What the till still owes to the journal: every write that has no reply, and every acknowledged write with its whole
// reply until it is cosigned or listed (protocol 8.2, 8.3). Pure: a kept write and what was heard in, the next kept write
// out. pump.ts talks to the node and to the disk.
//
// Shape:  waiting -> acknowledged -> cosigned | listed (done);  waiting | acknowledged -> refused (a person looks at it).
//         An acknowledged write that the node no longer knows goes out again, with its first reply as `prior`.
// After a crash: the state on disk is never ahead of the truth. A write is on disk before it is sent, a reply is on disk
//         before anything is built on it; sending twice is harmless, because the key and the body are the same.
// Units:  *_ms are milliseconds of the till's clock, used for waiting only, never for truth.

import type { Alone, Cover, Prior, Problem, Reply, Taken, Write, WriteBody, WriteStatus } from '../lib/api';

export type KeptState = 'waiting' | 'acknowledged' | 'cosigned' | 'listed' | 'refused';

/** What a person sees of a write; not sent. */
export interface View {
  site: string;
  till: number;
  staff_number: string;
  total: number;
  change: number;
  /** `rate`: of its VAT when it was sold. `vat_amount`: of a refund, what the journal counts of the sale's. */
  lines: { name: string; quantity: string; unit_price: string; vat: string; amount: number; open: boolean; rate?: string; vat_amount?: number }[];
  of_receipt: string | null;
}

export interface Kept {
  key: string;
  seq: number; // order in which the till made them
  body: WriteBody; // byte for byte the same in every retry
  depends_on: string | null; // key of a write of this till that has to be taken first
  state: KeptState;
  first: Taken | null; // the reply as printed
  latest: Taken | null; // where it stands now
  answered_by: string | null; // origin of the epoch that gave `latest`
  replied_ms: number;
  again: boolean; // acknowledged once, but must be sent again
  problem: Problem | null; // why the last try was not taken
  attempts: number;
  next_try_ms: number;
  next_check_ms: number;
  done_ms: number | null;
  view: View;
  alone?: Alone; // it was rung while nobody answered, with this number on the paper
  sale_missing?: { origin: string; since_ms: number }; // of a refund: who does not know its sale, and first said so when
}

export const batch_writes_max = 100;
export const batch_bytes_max = 512 * 1024;
export const status_keys_max = 100;
export const unsure_after_ms = 60_000;
export const sale_waits_ms = 3600 * 1000; // as long as a node waits for what comes back (docs/events.md)
export const keep_done_ms = 7 * 24 * 3600 * 1000;
export const keep_done_max = 500;
export const keep_done_when_full = 100;
export const shown_max = 200;

export function keep(body: WriteBody, seq: number, view: View, depends_on: string | null = null): Kept {
  return {
    key: body.key, seq, body, depends_on, state: 'waiting', first: null, latest: null, answered_by: null, replied_ms: 0,
    again: false, problem: null, attempts: 0, next_try_ms: 0, next_check_ms: 0, done_ms: null, view,
  };
}

export const backoff_ms = (attempts: number): number => Math.min(30_000, 500 * 2 ** Math.min(attempts, 6));

/** Has to go out: never answered, or no longer known to the node. */
export const is_open = (k: Kept): boolean => k.state === 'waiting' || (k.state === 'acknowledged' && k.again);
export const is_done = (k: Kept): boolean => k.state === 'cosigned' || k.state === 'listed';

function prior_of(k: Kept): Prior | null {
  if (!k.first) return null;
  const { origin, index, receipt, at } = k.first;
  return receipt === undefined ? { origin, index, at } : { origin, index, receipt, at };
}

export function request_of(k: Kept): Write {
  const prior = prior_of(k);
  if (prior) return { ...k.body, prior };
  return k.alone ? { ...k.body, alone: k.alone } : k.body;
}

/** The writes to send now, oldest first. A write whose predecessor is still open waits for it (protocol 8.3). */
export function next_batch(all: readonly Kept[], now_ms: number, writes_max = batch_writes_max): Kept[] {
  const open = new Set(all.filter(is_open).map((k) => k.key));
  const batch: Kept[] = [];
  let bytes = 0;
  for (const k of [...all].sort((a, b) => a.seq - b.seq)) {
    if (!open.has(k.key) || k.next_try_ms > now_ms) continue;
    if (k.depends_on !== null && open.has(k.depends_on)) continue;
    bytes += 2 * JSON.stringify(request_of(k)).length;
    if (batch.length > 0 && (batch.length >= writes_max || bytes > batch_bytes_max)) break;
    batch.push(k);
  }
  return batch;
}

/** How things stand with a machine now; what has been rung has happened, and is taken when they stand otherwise. */
const passing_codes = ['till/provisional_cash', 'standby/stands_by'];
/** A refusal that says nothing about the write itself: it goes out again later. */
export const is_passing = ({ status, code }: Pick<Problem, 'status' | 'code'>): boolean =>
  status === 401 || status === 403 || status === 408 || status === 429 || status >= 500 || passing_codes.includes(code);

export function take_reply(k: Kept, reply: Reply, answered_by: string, now_ms: number): Kept {
  if (reply.ok) {
    const first = k.first ?? reply;
    const base = { ...k, first, latest: reply, answered_by, replied_ms: now_ms, again: false, problem: null, attempts: 0 };
    if (reply.listed) return { ...base, state: 'listed', done_ms: now_ms };
    return { ...base, state: 'acknowledged', next_check_ms: 0, done_ms: null };
  }
  if (is_passing(reply.problem)) return try_later({ ...k, problem: reply.problem }, now_ms);
  if (reply.problem.code === 'till/unknown_receipt') {
    // Every refund was paid out on a receipt that a node had shown. Who does not know it has lost it, and whichever till
    // rang it, or the old machine's tail, may bring it back a little later (protocol 8.3).
    const sale_missing = k.sale_missing?.origin === answered_by ? k.sale_missing : { origin: answered_by, since_ms: now_ms };
    if (now_ms - sale_missing.since_ms < sale_waits_ms) return try_later({ ...k, problem: reply.problem, sale_missing }, now_ms);
  }
  return { ...k, state: 'refused', again: false, problem: reply.problem, done_ms: null };
}

export function try_later(k: Kept, now_ms: number): Kept {
  return { ...k, attempts: k.attempts + 1, next_try_ms: now_ms + backoff_ms(k.attempts) };
}

/**
 * What an acknowledged write needs, seen by a safety report that was ASKED FOR at `asked_ms`; a report that set out before
 * the reply came in says nothing about that reply.
 */
export function look(k: Kept, safety: Cover, asked_ms: number): 'nothing' | 'send_again' | 'check' {
  if (k.state !== 'acknowledged' || k.again || !k.latest || asked_ms < k.replied_ms) return 'nothing';
  const here = k.latest.origin === safety.origin;
  if (here && k.latest.index >= safety.size) return 'send_again'; // rolled back (protocol 3.2)
  if (!here && k.answered_by !== safety.origin) return 'send_again'; // a newer epoch (protocol 5, 8.2)
  if (asked_ms < k.next_check_ms) return 'nothing';
  if (!here || k.latest.index < safety.cosigned_size) return 'check';
  return asked_ms - k.replied_ms >= unsure_after_ms ? 'check' : 'nothing';
}

export const send_again = (k: Kept): Kept => ({ ...k, again: true, next_try_ms: 0 });

/** Status is by key, so it holds even where an index would lie. Asked before the last reply: says nothing. */
export function take_status(k: Kept, status: WriteStatus, asked_ms: number, now_ms: number): Kept {
  if (k.state !== 'acknowledged' || k.again || asked_ms < k.replied_ms) return k;
  switch (status.state) {
    case 'cosigned':
    case 'listed':
      return { ...k, state: status.state, done_ms: now_ms };
    case 'unknown':
      return { ...k, again: true, attempts: k.attempts + 1, next_try_ms: now_ms + backoff_ms(k.attempts) };
    case 'durable':
      return { ...k, attempts: k.attempts + 1, next_check_ms: now_ms + Math.min(10_000, backoff_ms(k.attempts)) };
  }
}

/** Done writes are kept for a while, so that their receipts can be printed again. Others are never forgotten. */
export function forgettable(all: readonly Kept[], now_ms: number, keep_max = keep_done_max): Kept[] {
  const done = all.filter(is_done).sort((a, b) => b.seq - a.seq);
  return done.filter((k, place) => place >= keep_max || now_ms - (k.done_ms ?? now_ms) > keep_done_ms);
}

/**
 * What a person sees of `all`, which is newest first: what was refused before anything else and whole, because only there
 * it is dealt with, then what the node does not take for now, then the newest.
 */
export function to_show(all: readonly Kept[], others_max = shown_max): Kept[] {
  const place = (k: Kept) => (k.state === 'refused' ? 0 : is_open(k) && k.problem ? 1 : 2);
  const [refused, stuck, rest] = [0, 1, 2].map((wanted) => all.filter((k) => place(k) === wanted));
  return [...refused!, ...[...stuck!, ...rest!].slice(0, others_max)];
}

export interface Counts {
  waiting: number; // no reply yet
  again: number; // acknowledged, being sent again
  uncopied: number; // acknowledged, not known to be cosigned
  refused: number;
  needs_manager: number;
  not_taken: number; // waiting, because a node that answers does not take it for now
}
export function count(all: readonly Kept[]): Counts {
  const c: Counts = { waiting: 0, again: 0, uncopied: 0, refused: 0, needs_manager: 0, not_taken: 0 };
  for (const k of all) {
    if (k.state === 'waiting') c.waiting++;
    if (k.state === 'acknowledged') k.again ? c.again++ : c.uncopied++;
    if (k.state === 'refused') c.refused++;
    if (!is_open(k) || !k.problem) continue;
    if (k.problem.status === 401 || k.problem.status === 403) c.needs_manager++;
    else if (k.state === 'waiting') c.not_taken++; // what was acknowledged once may lie elsewhere, and is told as sent again
  }
  return c;
}
