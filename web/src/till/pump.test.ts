// The till against a node that loses requests, replies, itself and its past; the till crashes between any two steps.
// What must hold at the end: every sale is in the journal exactly once, under the receipt that was printed, or refused
// with a reason that a person sees.

import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import type { Answer, Cover, Reply, Safety, Taken, Write, WriteBody, WriteStatus } from '../lib/api';
import type { Draft } from './basket';
import { Disk } from './disk';
import { Pump, type Node, type Store } from './pump';
import { is_done, is_open, keep, type Kept, type View } from './queue';

const view: View = { site: 's', till: 3, staff_number: '1', total: 100, change: 0, lines: [], of_receipt: null };
const key_of = (n: number) => n.toString(16).padStart(32, '0');
const sale = (n: number): WriteBody => ({ key: key_of(n), staff: 'f'.repeat(32), at: `t${n}`, kind: 'sale', lines: [], tenders: [] });
const refund = (n: number, of: string): WriteBody => ({ key: key_of(n), staff: 'f'.repeat(32), at: `t${n}`, kind: 'refund', receipt: of, lines: [], tenders: [] });

/** mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

class Crash extends Error {}

/** A disk that can stop the machine before or after a change; what was changed stays. */
class Memory implements Store {
  saved = new Map<string, string>();
  fuse: (() => 'before' | 'after' | null) | null = null;
  async all(): Promise<Kept[]> {
    return [...this.saved.values()].map((text) => JSON.parse(text) as Kept);
  }
  async change(put: Kept[], forget: string[]): Promise<void> {
    const when = this.fuse?.() ?? null;
    if (when === 'before') throw new Crash();
    for (const k of put) this.saved.set(k.key, JSON.stringify(k));
    for (const key of forget) this.saved.delete(key);
    if (when === 'after') throw new Crash();
  }
}

class FakeNode implements Node {
  epoch = 1;
  entries: { key: string; body: string; receipt: string; prior: boolean; origin: string }[] = [];
  cosigned = 0;
  n = 0;
  seen: Write[][] = [];
  fault: (() => 'none' | 'request' | 'reply' | 'busy' | 'unknown_till') = () => 'none';
  get origin() {
    return `N/s/${this.epoch}`;
  }
  cover(): Cover {
    return { origin: this.origin, size: this.entries.length, cosigned_size: this.cosigned, cosigned_at: null };
  }
  #take(w: Write): Reply {
    const { prior, ...body } = w;
    const text = JSON.stringify(body);
    const at = this.entries.findIndex((e) => e.key === w.key);
    const known = this.entries[at];
    const reply = (index: number, receipt: string, duplicate: boolean, origin: string): Taken => ({ key: w.key, ok: true, duplicate, origin, index, at: `n${index}`, receipt, flags: [] });
    if (known) {
      if (known.body !== text) return { key: w.key, ok: false, problem: { code: 'fold/key_reused', title: '', detail: '', status: 409 } };
      return reply(at, known.receipt, true, known.origin);
    }
    if (w.kind === 'refund' && !this.entries.some((e) => e.receipt === w.receipt)) {
      return { key: w.key, ok: false, problem: { code: 'till/unknown_receipt', title: '', detail: '', status: 404 } };
    }
    const receipt = prior?.receipt ?? `3-${this.epoch}-${++this.n}`;
    this.entries.push({ key: w.key, body: text, receipt, prior: prior !== undefined, origin: this.origin });
    return reply(this.entries.length - 1, receipt, false, this.origin);
  }
  async writes(writes: Write[]): Promise<Answer<{ replies: Reply[]; safety: Cover }>> {
    this.seen.push(writes);
    const fault = this.fault();
    if (fault === 'request') return { kind: 'no_answer' };
    if (fault === 'busy') return { kind: 'problem', problem: { code: 'http/busy', title: '', detail: '', status: 503 }, retry_after_s: 1 };
    if (fault === 'unknown_till') return { kind: 'problem', problem: { code: 'auth/till', title: '', detail: '', status: 401 }, retry_after_s: null };
    const replies = writes.map((w) => this.#take(w));
    if (fault === 'reply') return { kind: 'no_answer' };
    return { kind: 'ok', value: { replies, safety: this.cover() } };
  }
  async status(keys: string[]): Promise<Answer<{ writes: WriteStatus[] }>> {
    return {
      kind: 'ok',
      value: {
        writes: keys.map((key) => {
          const at = this.entries.findIndex((e) => e.key === key);
          return { key, state: at < 0 ? 'unknown' : at < this.cosigned ? 'cosigned' : 'durable' };
        }),
      },
    };
  }
  rebuild(keep_entries: number) {
    this.entries.length = Math.min(this.entries.length, keep_entries);
    this.epoch++;
    this.cosigned = this.entries.length;
    this.n = 0;
  }
}
const safety_of = (node: FakeNode) => ({ ...node.cover() }) as Safety;

describe('the pump', () => {
  it('brings a sale to the journal and forgets nothing before it is cosigned', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    let now = 1000;
    const pump = new Pump(disk, node, () => now, () => {});
    const k = keep(sale(1), 1, view);
    await disk.change([k], []);
    pump.adopt(k);
    await pump.turn();
    expect(pump.kept.get(k.key)?.state).toBe('acknowledged');
    pump.heard(safety_of(node), ++now);
    await pump.turn();
    expect(pump.kept.get(k.key)?.state).toBe('acknowledged');
    node.cosigned = 1;
    pump.heard(safety_of(node), (now += 1000));
    await pump.turn();
    expect(pump.kept.get(k.key)?.state).toBe('cosigned');
    expect(JSON.parse(disk.saved.get(k.key)!).state).toBe('cosigned');
  });

  it('finds the one write that spoils a batch, so that the others go through', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    const strict: Node = {
      status: (keys) => node.status(keys),
      writes: async (writes) =>
        writes.some((w) => w.key === key_of(2))
          ? { kind: 'problem', problem: { code: 'http/bad_json', title: '', detail: 'bad', status: 400 }, retry_after_s: null }
          : node.writes(writes),
    };
    const pump = new Pump(disk, strict, () => 1000, () => {});
    for (const n of [1, 2, 3]) pump.adopt(keep(sale(n), n, view));
    await pump.turn();
    expect([1, 2, 3].map((n) => pump.kept.get(key_of(n))?.state)).toEqual(['acknowledged', 'refused', 'acknowledged']);
  });

  it('keeps everything and says so when the node does not know the till', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    const pump = new Pump(disk, node, () => 1000, () => {});
    node.fault = () => 'unknown_till';
    pump.adopt(keep(sale(1), 1, view));
    await pump.turn();
    expect([pump.till_unknown, pump.kept.get(key_of(1))?.state]).toEqual([true, 'waiting']);
    node.fault = () => 'none';
    pump.hurry();
    await pump.turn();
    expect([pump.till_unknown, pump.kept.get(key_of(1))?.state]).toEqual([false, 'acknowledged']);
  });

  it('brings a refund in when its sale, of another till, comes back after it to a node that was rebuilt without it', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    let now = 1000;
    const pump = new Pump(disk, node, () => now, () => {});
    await node.writes([sale(1)]);
    const { receipt } = node.entries[0]!; // till 2 reads it, pays out, and the node dies
    node.rebuild(0);
    const paid = keep(refund(2, receipt), 1, view);
    await disk.change([paid], []);
    pump.adopt(paid);
    await pump.turn();
    expect([pump.kept.get(paid.key)?.state, pump.kept.get(paid.key)?.problem?.code]).toEqual(['waiting', 'till/unknown_receipt']);
    const again = new Pump(disk, node, () => now, () => {}); // the page is reloaded meanwhile
    await again.load();
    await again.turn();
    expect(again.kept.get(paid.key)?.state).toBe('waiting');
    await node.writes([{ ...sale(1), prior: { origin: 'N/s/1', index: 0, receipt, at: 'n0' } }]);
    now += 60_000;
    await again.turn();
    expect(again.kept.get(paid.key)?.state).toBe('acknowledged');
    expect(node.entries).toHaveLength(2);
  });

  it('does not send faster and faster at a node that does not answer', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    let now = 0;
    const pump = new Pump(disk, node, () => now, () => {});
    node.fault = () => 'request';
    pump.adopt(keep(sale(1), 1, view));
    for (; now < 60_000; now += 100) await pump.turn();
    expect(node.seen.length).toBeGreaterThan(5);
    expect(node.seen.length).toBeLessThan(20);
  });

  it('makes room when the storage is full, and only then takes the reply', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    const pump = new Pump(disk, node, () => 1000, () => {});
    for (let n = 1; n <= 200; n++) {
      const done: Kept = { ...keep(sale(n), n, view), state: 'cosigned', done_ms: 1000 };
      await disk.change([done], []);
      pump.adopt(done);
    }
    const waiting = keep(sale(201), 201, view);
    await disk.change([waiting], []);
    pump.adopt(waiting);
    const change = disk.change.bind(disk);
    disk.change = async (put, forget) => {
      if (put.length > 0 && disk.saved.size > 150) throw new Error('QuotaExceededError');
      return change(put, forget);
    };
    await pump.turn();
    expect(pump.kept.get(waiting.key)?.state).toBe('acknowledged');
    expect(JSON.parse(disk.saved.get(waiting.key)!).state).toBe('acknowledged');
    expect(pump.kept.size).toBe(disk.saved.size);
    expect([disk.saved.has(key_of(1)), disk.saved.has(key_of(200))], 'the newest receipts stay').toEqual([false, true]);
  });

  it('forgets what is old before it stores anything, and sends where not even that works', async () => {
    const [disk, node] = [new Memory(), new FakeNode()];
    const pump = new Pump(disk, node, () => 1e12, () => {});
    pump.adopt({ ...keep(sale(1), 1, view), state: 'cosigned', done_ms: 0 });
    pump.adopt(keep(sale(2), 2, view));
    const order: string[] = [];
    disk.change = async (put, forget) => {
      order.push(`put ${put.length} forget ${forget.length}`);
      throw new Error('QuotaExceededError');
    };
    await expect(pump.turn()).rejects.toThrow('QuotaExceededError');
    expect(order).toEqual(['put 0 forget 1', 'put 1 forget 0', 'put 0 forget 1']);
    expect(node.entries.map((e) => e.key), 'it went out').toEqual([key_of(2)]);
  });

  for (const [what, value] of [
    ['null', null],
    ['no safety', { replies: [{ key: key_of(1), ok: true, origin: 'N/s/1', index: 0 }] }],
    ['null among the replies', { replies: [null], safety: { origin: 'N/s/1', size: 1, cosigned_size: 0 } }],
    ['a refusal without its reason', { replies: [{ key: key_of(1), ok: false }], safety: { origin: 'N/s/1', size: 1, cosigned_size: 0 } }],
  ] as const) {
    it(`takes an answer of another shape for none: ${what}`, async () => {
      const [disk, node] = [new Memory(), new FakeNode()];
      const other: Node = { status: async () => ({ kind: 'ok', value: value as never }), writes: async () => ({ kind: 'ok', value: value as never }) };
      const pump = new Pump(disk, other, () => 1000, () => {});
      pump.adopt(keep(sale(1), 1, view));
      const reply: Taken = { key: key_of(2), ok: true, duplicate: false, origin: 'N/s/1', index: 0, at: 'n', flags: [] };
      pump.adopt({ ...keep(sale(2), 2, view), state: 'acknowledged', first: reply, latest: reply, answered_by: 'N/s/1' });
      pump.heard({ ...node.cover(), size: 1, cosigned_size: 1 } as Safety, 1000);
      await pump.turn();
      pump.hurry();
      await pump.turn();
      expect([pump.kept.get(key_of(1))?.state, pump.kept.get(key_of(2))?.state]).toEqual(['waiting', 'acknowledged']);
    });
  }

  for (const seed of Array.from({ length: Number(process.env.HF_SEEDS ?? 60) }, (_, i) => i + 1)) {
    it(`loses nothing and doubles nothing with faults and crashes everywhere (seed ${seed})`, async () => {
      const roll = random(seed);
      const [disk, node] = [new Memory(), new FakeNode()];
      let now = 1000;
      let made = 0;
      let calm = false;
      const printed = new Map<string, string>();
      const depends = new Map<string, string>();
      node.fault = () => (calm || roll() < 0.6 ? 'none' : (['request', 'reply', 'busy', 'reply'] as const)[Math.floor(roll() * 4)]!);
      disk.fuse = () => (calm || roll() < 0.93 ? null : roll() < 0.5 ? 'before' : 'after');
      let pump = new Pump(disk, node, () => now, () => {});
      const crash_safe = async (work: () => Promise<unknown>) => {
        try {
          await work();
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
          for (;;) {
            pump = new Pump(disk, node, () => now, () => {});
            try {
              await pump.load();
              break;
            } catch (again) {
              if (!(again instanceof Crash)) throw again;
            }
          }
        }
        for (const k of pump.kept.values()) if (k.first?.receipt && !printed.has(k.key)) printed.set(k.key, k.first.receipt);
      };
      const step = async () => {
        const dice = roll();
        if (!calm && dice < 0.35) {
          const acked = [...pump.kept.values()].filter((k) => k.body.kind === 'sale' && k.first?.receipt && ![...depends.values()].includes(k.key));
          const of = acked[Math.floor(roll() * acked.length)];
          const n = ++made;
          const k = of && roll() < 0.3 ? keep(refund(n, of.first!.receipt!), n, view, of.key) : keep(sale(n), n, view);
          await crash_safe(async () => {
            disk.saved.set(k.key, JSON.stringify(k)); // one transaction with the end of the basket
            if (k.depends_on) depends.set(k.key, k.depends_on);
            pump.adopt(k);
            if (roll() < 0.1) throw new Crash();
          });
        } else if (!calm && dice < 0.39) {
          // A rebuild keeps at least what was cosigned; a roll-back of an unsigned end likewise.
          node.rebuild(node.cosigned + Math.floor(roll() * (node.entries.length - node.cosigned + 1)));
        } else if (!calm && dice < 0.43) {
          node.entries.length = node.cosigned + Math.floor(roll() * (node.entries.length - node.cosigned + 1));
        } else if (dice < 0.6) node.cosigned = node.entries.length;
        now += Math.floor(roll() * 3000);
        if (calm || roll() < 0.8) pump.heard(safety_of(node), now);
        await crash_safe(() => pump.turn());
      };
      for (let i = 0; i < 150; i++) await step();
      calm = true;
      for (let i = 0; i < 60; i++) await step();

      expect(made).toBeGreaterThan(20);
      const keys = node.entries.map((e) => e.key);
      expect(new Set(keys).size, 'nothing doubled').toBe(keys.length);
      for (let n = 1; n <= made; n++) {
        const saved = disk.saved.get(key_of(n));
        expect(saved, `write ${n} is remembered`).toBeDefined();
        const k = JSON.parse(saved!) as Kept;
        expect(is_open(k), `write ${n} is settled: ${k.state}`).toBe(false);
        expect(is_done(k), `write ${n}: ${k.state} ${JSON.stringify(k.problem)}`).toBe(true);
        const entry = node.entries.find((e) => e.key === k.key);
        expect(entry, `write ${n} is in the journal`).toBeDefined();
        if (printed.has(k.key)) expect(entry!.receipt, 'the receipt as printed').toBe(printed.get(k.key));
        const before = depends.get(k.key);
        if (before) expect(keys.indexOf(before), 'the sale before its refund').toBeLessThan(keys.indexOf(k.key));
      }
      expect(keys.length).toBe(made);
    });
  }
});

describe('the till’s disk', () => {
  it('hands a basket over in one step: the write is there and the basket gone, or neither', async () => {
    const disk = await Disk.open('one-step');
    await disk.set('draft', { key: key_of(1), lines: [], tenders: [] });
    await disk.hand_over(keep(sale(1), 1, view), 'draft');
    expect((await disk.all()).map((k) => k.key)).toEqual([key_of(1)]);
    expect(await disk.get('draft')).toBeUndefined();
    expect(await disk.get('seq')).toBe(1);
    disk.close();
    const again = await Disk.open('one-step');
    expect((await again.all())[0]?.body).toEqual(sale(1));
    await again.set('draft', { key: key_of(2) });
    const bad = { ...keep(sale(2), 2, view), key: undefined } as unknown as Kept; // no key path: the transaction fails
    await expect(again.hand_over(bad, 'draft')).rejects.toThrow();
    expect(await again.all()).toHaveLength(1);
    expect(await again.get('draft')).toEqual({ key: key_of(2) });
    again.close();
  });
  it('takes a refused sale back in one step: the basket is there and the write gone, or neither', async () => {
    const disk = await Disk.open('back');
    const refused = keep(sale(1), 1, view);
    const draft = { key: key_of(1), lines: [], tenders: [], started_at: 't' };
    await disk.change([refused], []);
    await expect(disk.take_back(refused.key, undefined as unknown as Draft)).rejects.toThrow();
    expect([(await disk.all()).length, await disk.get('draft')]).toEqual([1, undefined]);
    await disk.take_back(refused.key, draft);
    expect([await disk.all(), await disk.get('draft')]).toEqual([[], draft]);
    disk.close();
  });
  it('replaces the catalogue as a whole', async () => {
    const disk = await Disk.open('catalogue');
    const p = (sku: string) => ({ sku, gtin: null, name: sku, unit_price: '1.00', vat: 'S', goods: true });
    await disk.replace_products([p('A'), p('B')]);
    await disk.replace_products([p('B'), p('C')]);
    expect((await disk.products()).map((x) => x.sku)).toEqual(['B', 'C']);
    disk.close();
  });
});
