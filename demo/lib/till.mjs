// A till as protocol 8.2 asks for: it keeps every acknowledged write with its reply, and sends it again with that reply
// until it is cosigned or listed. A refusal is final, except "later" (503, 429).
import { newKey, sleep } from './http.mjs';
import { totalOf } from './decimal.mjs';

// Nobody pays more than this in notes; a spare that is not registered yet takes at most 500 units a sale (protocol 5.5).
const cashMost = 40_000;

export class Till {
  // client: of the site, without authorisation; session: a person signed in there (or undefined).
  constructor(client, entry) {
    this.site = client;
    this.kept = new Map();     // key -> {write, reply}: acknowledged, not yet known to be safe
    this.replies = [];         // every acknowledged write, for the audit: {write, reply, resent}
    this.refused = [];
    this.enter(entry);
  }
  // With the key that the node gave this till; again after the node was rebuilt.
  enter({ till, device_key, staff, session }) {
    this.number = till;
    this.staff = staff;
    this.authorization = `Till ${till}.${device_key}`;
    const headers = { authorization: this.authorization };
    this.client = this.site.with(session ? { ...session.headers, ...headers } : headers);
  }

  // The same till at another address of its site: the spare knows its device key. session: a person signed in there.
  move(client, session) {
    this.site = client;
    this.client = client.with({ ...session?.headers, authorization: this.authorization });
  }

  // Sends one write until it is answered; returns {write, reply, ms} or throws when nobody answers within the patience, or once
  // `giveUp` says so.
  async send(write, { patienceMs = 60_000, giveUp = () => false } = {}) {
    const end = Date.now() + patienceMs;
    const isOver = () => Date.now() > end || giveUp();
    for (let pause = 20; ; pause = Math.min(pause * 2, 1000)) {
      const start = performance.now();
      let answer;
      try {
        answer = await this.client.call('POST', '/v1/writes', { writes: [write] });
      } catch (error) {
        if (isOver()) throw error;
      }
      const ms = performance.now() - start;
      const reply = answer?.status === 200 ? answer.body?.replies?.[0] : undefined;
      const later = !reply || (!reply.ok && (reply.problem?.status === 503 || reply.problem?.status === 429));
      if (reply && !later) return { write, reply, ms };
      const final = answer && answer.status >= 400 && answer.status < 500 && answer.status !== 429;
      if (final || isOver()) throw new Error(`till ${this.number}: ${answer ? `${answer.status} ${answer.text}` : 'no answer'}`);
      await sleep(pause);
    }
  }

  async record(write, options) {
    const done = await this.send({ key: newKey(), staff: this.staff, ...write }, options);
    if (!done.reply.ok) {
      this.refused.push(done);
      return done;
    }
    const kept = { write: done.write, reply: done.reply };
    if (!done.reply.listed) this.replies.push(kept);
    this.kept.set(done.write.key, kept);
    return done;
  }
  // by: what the customer pays with; left out, notes for what one has in notes.
  sale(lines, { by, ...options } = {}) {
    const asked = lines.map(({ sku, quantity, unit_price, vat, name, open }) =>
      (open ? { sku, quantity, unit_price, vat, name, open: true } : { sku, quantity, unit_price, vat }));
    const total = Number(totalOf(asked));
    const card = { kind: 'card', amount: total, token: `tok_${newKey().slice(0, 12)}`, masked: '**** 1111', result: 'approved' };
    const tender = (by ?? (total > cashMost ? 'card' : 'cash')) === 'card' ? card : { kind: 'cash', amount: total };
    return this.record({ kind: 'sale', lines: asked, tenders: total ? [tender] : [] }, options);
  }

  // Forgets what is cosigned or listed; sends the rest again with the first reply (protocol 8.2). Returns how many are kept.
  async settle({ resend = false } = {}) {
    const keys = [...this.kept.keys()];
    for (let at = 0; at < keys.length; at += 100) {
      const part = keys.slice(at, at + 100);
      const { writes } = await this.client.get(`/v1/writes/status?${part.map((key) => `key=${key}`).join('&')}`);
      for (const { key, state } of writes) {
        if (state === 'cosigned' || state === 'listed') this.kept.delete(key);
        else if (resend || state === 'unknown') await this.resend(this.kept.get(key));
      }
    }
    return this.kept.size;
  }
  async resend(kept) {
    const { origin, index, receipt, at } = kept.reply;
    const done = await this.send({ ...kept.write, prior: { origin, index, at, ...(receipt ? { receipt } : {}) } });
    kept.resent = done.reply;
    return done;
  }
}
