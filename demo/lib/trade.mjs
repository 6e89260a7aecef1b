// Trade at the stores of a running chain: each store's baskets, in order, through its tills; refunds, write-offs and counts
// in between, as in life. Keeps what every till was answered, and how long each answer took.
import { newKey, inParallel, sleep } from './http.mjs';
import { lineAmount } from './decimal.mjs';
import { Random } from './random.mjs';
import { Till } from './till.mjs';

export class Trade {
  // shops: [{site, baskets}], site signed in as manager. listed(sku): whether head office has listed it.
  constructor(shops, { tillsEach = 2, seed = 1, listed }) {
    Object.assign(this, { tillsEach, listed, shops: [], phase: 'before', latencies: {}, sales: {}, writes: {}, stopping: false });
    for (const [i, { site, baskets }] of shops.entries()) {
      this.shops.push({ site, baskets, next: 0, random: new Random(seed * 1000 + i), tills: [], recent: [], sold: [] });
    }
    this.all = this.shops.reduce((sum, shop) => sum + shop.baskets.length, 0);
    this.done = 0;
    this.refused = [];
    this.counts = { sale: 0, refund: 0, refund_no_receipt: 0, write_off: 0, count: 0, receive: 0 };
  }

  async openTills({ cashier, width = 8 }) {
    await inParallel(this.shops, width, async (shop) => {
      const { site } = shop;
      const { staff_id } = await site.session.post('/v1/staff', cashier(site));
      // A busy store has more tills, as in life.
      const tills = Math.max(this.tillsEach, Math.min(8, Math.round((shop.baskets.length * this.tillsEach * this.shops.length) / this.all)));
      for (let n = 1; n <= tills; n++) {
        const made = await site.session.post('/v1/tills', { name: `Till ${n}` });
        shop.tills.push(new Till(site.client, { ...made, staff: staff_id, session: site.session }));
      }
    });
  }

  note(kind, ms) {
    this.counts[kind]++;
    (this.latencies[this.phase] ??= []).push(ms);
    this.writes[this.phase] = (this.writes[this.phase] ?? 0) + 1;
    if (kind === 'sale') this.sales[this.phase] = (this.sales[this.phase] ?? 0) + 1;
  }

  // One till at work until its store's baskets are gone, `until()` says stop, or stop() is called.
  async work(shop, till, { until, thinkMs, onSale }) {
    while (!this.stopping && !until() && shop.next < shop.baskets.length) {
      await this.sellOne(shop, till);
      onSale?.();
      await this.besides(shop, till);
      if (thinkMs) await sleep(thinkMs * (0.5 + shop.random.real()));
    }
  }
  // shop.sold: when each sale was acknowledged, by the clock of this machine.
  async sellOne(shop, till) {
    const basket = shop.baskets[shop.next++ % shop.baskets.length];
    const lines = basket.map((line) => ({ ...line, open: line.open || !this.listed(line.sku) }));
    await this.record(till, 'sale', () => till.sale(lines, { by: shop.random.chance(0.4) ? 'card' : 'cash' }), (done) => {
      shop.recent.push({ receipt: done.reply.receipt, lines });
      shop.sold.push(Date.now());
    });
    this.done++;
    if (shop.recent.length > 50) shop.recent.shift();
  }
  async record(till, kind, send, taken) {
    const done = await send();
    if (!done.reply.ok) {
      this.refused.push({ kind, site: till.client.url.port, problem: done.reply.problem, write: done.write });
      return done;
    }
    this.note(kind, done.ms);
    taken?.(done);
    return done;
  }

  // What else happens at a till and in a store.
  async besides(shop, till) {
    const { random } = shop;
    const staff = shop.site.session.staff;
    if (shop.recent.length && random.chance(0.02)) {
      const [{ receipt, lines }] = shop.recent.splice(random.below(shop.recent.length), 1);
      const line = random.below(lines.length);
      const paid = Number(lineAmount(lines[line].unit_price, lines[line].quantity));
      await this.record(till, 'refund', () => till.record({
        kind: 'refund', receipt, lines: [{ line, quantity: lines[line].quantity }], reason: 'changed her mind',
        tenders: paid ? [{ kind: 'cash', amount: paid }] : [],
      }));
    }
    if (!shop.recent.length || !random.chance(0.01)) return;
    const { lines } = shop.recent.at(-1);
    const { sku, unit_price, vat, name, open } = lines[0];
    if (open) return;
    const paid = Number(lineAmount(unit_price, '1'));
    const chosen = random.pick([
      { kind: 'refund_no_receipt', lines: [{ sku, quantity: '1', unit_price, vat, name }], tenders: paid ? [{ kind: 'cash', amount: paid }] : [], reason: 'receipt lost' },
      { kind: 'write_off', lines: [{ sku, quantity: '1' }], reason: random.pick(['damaged', '?', 'lost', 'thrown away']) },
      { kind: 'count', lines: [{ sku, counted: String(random.below(40)) }] },
      { kind: 'receive', lines: [{ sku, quantity: String(1 + random.below(48)) }], reference: `delivery ${random.below(1e6)}` },
    ]);
    await this.record(till, chosen.kind, () => till.record({ ...chosen, staff }));
  }

  // All tills of these shops at once. Ends when their baskets are gone or `until()` holds.
  async run({ shops = this.shops, until = () => false, thinkMs = 0, onSale } = {}) {
    await Promise.all(shops.flatMap((shop) => shop.tills.map((till) => this.work(shop, till, { until, thinkMs, onSale }))));
  }
  get tills() { return this.shops.flatMap((shop) => shop.tills.map((till) => ({ till, site: shop.site }))); }
  get acknowledged() { return this.tills.flatMap(({ till, site }) => till.replies.map((kept) => ({ ...kept, till: till.number, site: site.name }))); }

  // Every till asks until nothing that it keeps is unsafe; bounded by seconds. Returns how many writes are still kept.
  async settle({ seconds = 60 } = {}) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const left = await inParallel(this.tills, 16, ({ till }) => till.settle());
      const kept = left.reduce((sum, n) => sum + n, 0);
      if (kept === 0 || Date.now() > end) return kept;
      await sleep(300);
    }
  }
}

// A person's writes outside tills (head office, warehouse): the same duty to keep what was acknowledged.
export class Desk {
  constructor(site) {
    Object.assign(this, { site, replies: [] });
  }
  get client() { return this.site.local(); }
  async write(body) {
    const write = { key: newKey(), ...body };
    const { replies } = await this.client.post('/v1/writes', { writes: [write] });
    if (!replies[0].ok) throw new Error(`${this.site.name} refused ${body.kind}: ${JSON.stringify(replies[0].problem)}`);
    this.replies.push({ write, reply: replies[0], site: this.site.name, till: 0 });
    return replies[0];
  }
  // Protocol 8.2: everything again with the first reply, as after a rebuild.
  async resendAll() {
    let again = 0, known = 0;
    for (const kept of this.replies) {
      const { origin, index, at, receipt } = kept.reply;
      const { replies } = await this.client.post('/v1/writes', { writes: [{ ...kept.write, prior: { origin, index, at, ...(receipt ? { receipt } : {}) } }] });
      if (!replies[0].ok) throw new Error(`${this.site.name} did not take ${kept.write.kind} again: ${JSON.stringify(replies[0].problem)}`);
      kept.resent = replies[0];
      if (replies[0].duplicate) known++;
      else again++;
    }
    return { again, known };
  }
}
