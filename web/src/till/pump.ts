// Moves kept writes towards the journal: one turn sends a batch, takes the replies, asks for what is unsure. One turn
// at a time; whatever happens inside, the store holds the truth before the node hears of it.

import { are_replies, are_statuses, type Answer, type Cover, type Reply, type Safety, type Write, type WriteStatus } from '../lib/api';
import {
  forgettable, keep_done_when_full, look, next_batch, request_of, send_again, status_keys_max, take_reply, take_status, try_later, is_open,
  type Kept,
} from './queue';

/** Durable before the promise resolves. */
export interface Store {
  all(): Promise<Kept[]>;
  change(put: Kept[], forget: string[]): Promise<void>;
}
export interface Node {
  writes(writes: Write[]): Promise<Answer<{ replies: Reply[]; safety: Cover }>>;
  status(keys: string[]): Promise<Answer<{ writes: WriteStatus[] }>>;
}

export class Pump {
  kept = new Map<string, Kept>();
  /** The node does not know this till (a rebuilt site): a manager enrols it again. */
  till_unknown = false;
  #running: Promise<void> | null = null;
  #once_more = false;
  #writes_max: number | undefined;
  #quiet_until_ms = 0;
  #failures = 0;
  #safety: { safety: Cover; asked_ms: number } | null = null;

  constructor(
    private store: Store,
    private node: Node,
    private now_ms: () => number,
    private changed: () => void,
  ) {}

  async load(): Promise<void> {
    // Waiting times of an earlier run mean nothing on this run's clock; everything is tried and asked for at once.
    for (const k of await this.store.all()) {
      this.kept.set(k.key, { ...k, replied_ms: 0, next_try_ms: 0, next_check_ms: 0, sale_missing: undefined });
    }
    this.changed();
  }

  /** Takes in what `also` has made durable together with something else (a sale and the end of its basket). */
  adopt(k: Kept): void {
    this.kept.set(k.key, k);
    this.changed();
  }

  heard(safety: Safety, asked_ms: number): void {
    this.#safety = { safety, asked_ms };
  }

  /** Forgets waiting periods: the node is back, or somebody pressed the button. */
  hurry(): void {
    this.#quiet_until_ms = 0;
    this.#failures = 0;
    for (const k of this.kept.values()) if (is_open(k)) this.kept.set(k.key, { ...k, next_try_ms: 0 });
  }

  /** One turn; a call during a turn asks for one more after it. */
  turn(): Promise<void> {
    if (this.#running) {
      this.#once_more = true;
      return this.#running;
    }
    this.#running = (async () => {
      try {
        // First: with the storage full nothing else can be stored. Where even that fails, what is kept still goes out.
        await this.#prune().catch(() => undefined);
        do {
          this.#once_more = false;
          await this.#send();
          await this.#check();
        } while (this.#once_more);
      } finally {
        this.#running = null;
      }
    })();
    return this.#running;
  }

  async #set(put: Kept[], forget: string[] = []): Promise<void> {
    if (put.length === 0 && forget.length === 0) return;
    try {
      await this.store.change(put, forget);
    } catch (error) {
      // Full, most likely: receipts that could be printed again give way to what is not safe yet.
      const old = forgettable([...this.kept.values()], this.now_ms(), keep_done_when_full).map((k) => k.key);
      if (put.length === 0 || old.length === 0) throw error;
      await this.#set([], old);
      await this.store.change(put, forget);
    }
    for (const k of put) this.kept.set(k.key, k);
    for (const key of forget) this.kept.delete(key);
    this.changed();
  }

  async #send(): Promise<void> {
    const heard = this.#safety;
    if (heard) {
      const lost = [...this.kept.values()].filter((k) => look(k, heard.safety, heard.asked_ms) === 'send_again');
      await this.#set(lost.map(send_again));
    }
    for (;;) {
      const now = this.now_ms();
      if (now < this.#quiet_until_ms) return;
      const batch = next_batch([...this.kept.values()], now, this.#writes_max);
      if (batch.length === 0) return;
      const answer = await this.node.writes(batch.map(request_of));
      if (answer.kind === 'ok' && are_replies(answer.value)) {
        this.#failures = 0;
        this.till_unknown = false;
        await this.#take(batch, answer.value.replies, answer.value.safety.origin);
        continue;
      }
      const status = answer.kind === 'problem' ? answer.problem.status : 0;
      if (answer.kind === 'problem' && [400, 409, 413, 415, 422].includes(status)) {
        // The request as a whole is refused: find the one that spoils it, so that the others go through.
        if (batch.length > 1) {
          this.#writes_max = 1;
          continue;
        }
        this.#writes_max = undefined;
        const [only] = batch;
        await this.#set([take_reply(only!, { key: only!.key, ok: false, problem: answer.problem }, '', now)]);
        continue;
      }
      this.till_unknown = status === 401;
      const asked = answer.kind === 'problem' ? (answer.retry_after_s ?? 0) * 1000 : 0;
      this.#quiet_until_ms = this.now_ms() + Math.max(asked, Math.min(8000, 500 * 2 ** Math.min(this.#failures++, 4)));
      this.changed();
      return;
    }
  }

  async #take(batch: Kept[], replies: Reply[], answered_by: string): Promise<void> {
    const now = this.now_ms();
    const by_key = new Map(replies.map((r) => [r.key, r]));
    // A write without its own answer in the batch has not been answered: it goes out again.
    await this.#set(
      batch.map((sent) => {
        const k = this.kept.get(sent.key) ?? sent;
        const reply = by_key.get(k.key);
        return reply ? take_reply(k, reply, answered_by, now) : try_later(k, now);
      }),
    );
    if (this.#writes_max === 1 && next_batch([...this.kept.values()], now).length === 0) this.#writes_max = undefined;
  }

  async #check(): Promise<void> {
    const heard = this.#safety;
    if (!heard || this.now_ms() < this.#quiet_until_ms) return;
    const unsure = [...this.kept.values()]
      .filter((k) => look(k, heard.safety, heard.asked_ms) === 'check')
      .sort((a, b) => a.seq - b.seq);
    for (let from = 0; from < unsure.length; from += status_keys_max) {
      const keys = unsure.slice(from, from + status_keys_max).map((k) => k.key);
      const asked_ms = this.now_ms();
      const answer = await this.node.status(keys);
      if (answer.kind !== 'ok' || !are_statuses(answer.value)) return;
      const now = this.now_ms();
      const put: Kept[] = [];
      for (const status of answer.value.writes) {
        const k = this.kept.get(status.key);
        if (k && keys.includes(k.key)) put.push(take_status(k, status, asked_ms, now));
      }
      await this.#set(put);
    }
  }

  async #prune(): Promise<void> {
    const old = forgettable([...this.kept.values()], this.now_ms());
    await this.#set([], old.map((k) => k.key));
  }
}
