// Checks a chain's promises from its journals alone, as exported and decoded by the verifier in test/verifier: another
// language, no code shared with the program. Nothing here asks a node for anything but its own claim to compare with.
//
// A site's history is what counts today: of each epoch the prefix that the next one kept, then the newest epoch whole.
import { formatDecimal } from './decimal.mjs';

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export function receiptText({ till, series, n }) {
  let text = '';
  for (let i = 7n; i >= 0n; i--) text += crockford[Number((BigInt(series) >> (5n * i)) & 31n)];
  return `${till}-${text}-${n}`;
}
const big = (value) => BigInt(value ?? 0);
const add = (map, key, value) => map.set(key, (map.get(key) ?? 0n) + value);

// What one site's history adds up to. events: [{origin, index, kind, write, body}], in order.
export class Ledger {
  constructor(site, events) {
    Object.assign(this, { site, events, byKey: new Map(), receipts: new Map(), onHand: new Map(), vat: new Map(), repeats: [], doubled: [] });
    this.sums = { sales: 0n, refunds: 0n, refunds_without_receipt: 0n, gross: 0n, cash: 0n, card: 0n, units: 0n,
      received: 0n, fed: 0n, written_off: 0n, counted: 0n, dispatched: 0n, arrived: 0n };
    this.sent = new Map();      // "dispatch sku" -> units
    this.arrivedUnits = new Map();
    for (const event of events) this.take(event);
  }
  take(event) {
    const { kind, write, body } = event;
    if (write) {
      const key = `${write.till} ${write.key}`;
      if (this.byKey.has(key)) this.doubled.push({ site: this.site, key, first: this.byKey.get(key), second: event });
      else this.byKey.set(key, event);
    }
    const handler = this[kind];
    if (handler) handler.call(this, body, event);
  }
  move(sku, thousandths) { add(this.onHand, sku, thousandths); }
  number(body) {
    const series = `${body.till} ${body.series}`;
    if (!this.receipts.has(series)) this.receipts.set(series, new Set());
    const seen = this.receipts.get(series);
    if (seen.has(big(body.n))) this.repeats.push(receiptText(body));
    seen.add(big(body.n));
  }
  money(body, sign) {
    this.sums.gross += sign * big(body.total);
    for (const tender of body.tenders ?? []) if (tender.result !== 'declined') this.sums[tender.kind === 1 || tender.kind === 'card' ? 'card' : 'cash'] += sign * big(tender.amount);
    this.sums.cash -= big(body.change);
    for (const line of body.lines) {
      const sum = this.vat.get(line.vat) ?? { gross: 0n, vat: 0n };
      this.vat.set(line.vat, { gross: sum.gross + sign * big(line.amount), vat: sum.vat + sign * big(line.vat_amount) });
      if (!line.goods) continue;
      this.sums.units += sign * big(line.quantity);
      this.move(line.sku, -sign * big(line.quantity));
    }
  }
  SaleRecorded(body) { this.sums.sales++; this.number(body); this.money(body, 1n); }
  RefundRecorded(body) { this.sums.refunds++; this.number(body); this.money(body, -1n); }
  RefundWithoutReceipt(body) { this.sums.refunds_without_receipt++; this.number(body); this.money(body, -1n); }
  StockReceived(body) { for (const line of body.lines) { this.sums.received += big(line.quantity); this.move(line.sku, big(line.quantity)); } }
  StockWrittenOff(body) { for (const line of body.lines) { this.sums.written_off += big(line.quantity); this.move(line.sku, -big(line.quantity)); } }
  StockCounted(body) {
    for (const line of body.lines) {
      const found = big(line.quantity) - (this.onHand.get(line.sku) ?? 0n);
      this.sums.counted += found;
      this.move(line.sku, found);
    }
  }
  // What an old system said of its shelves: neither trade nor a count of ours, so it is summed apart.
  StockFed(body) {
    for (const line of body.lines) {
      const change = big(line.quantity) - (this.onHand.get(line.sku) ?? 0n);
      this.sums.fed += change;
      this.move(line.sku, change);
    }
  }
  StockDispatched(body, event) {
    for (const line of body.lines) {
      this.sums.dispatched += big(line.quantity);
      this.move(line.sku, -big(line.quantity));
      add(this.sent, `${event.write.key} ${line.sku}`, big(line.quantity));
    }
  }
  DispatchReceived(body) {
    for (const line of body.lines) {
      this.sums.arrived += big(line.quantity);
      this.move(line.sku, big(line.quantity));
      add(this.arrivedUnits, `${body.dispatch} ${line.sku}`, big(line.quantity));
    }
  }
  get stockUnits() { return [...this.onHand.values()].reduce((sum, units) => sum + units, 0n); }
  // Missing numbers below the highest of each series.
  gaps() {
    const missing = [];
    for (const [series, numbers] of this.receipts) {
      const highest = [...numbers].reduce((max, n) => (n > max ? n : max), 0n);
      for (let n = 1n; n <= highest; n++) if (!numbers.has(n)) missing.push(`${series} ${n}`);
    }
    return missing;
  }
}

// Whether each acknowledged reply is in the ledgers as it was given. kept: [{write, reply, resent, site, till}].
// found: how many are in force. listed: those that came late, could not be taken, and wait on the list for a person (protocol 6.4).
export function checkAcknowledged(ledgers, kept) {
  const problems = [], listed = [];
  let found = 0;
  for (const { write, reply, site, till } of kept) {
    const event = ledgers.get(site)?.byKey.get(`${till} ${write.key}`);
    if (!event) {
      problems.push({ what: 'lost', site, write, reply });
      continue;
    }
    if (event.kind === 'WriteListed' || event.kind === 'TailListed') listed.push({ site, write, reply, reason: event.body.reason });
    else found++;
    const here = event.origin === reply.origin && big(event.index) === big(reply.index);
    const { prior_origin, prior_index } = event.write;
    const before = prior_origin === reply.origin && big(prior_index) === big(reply.index);
    if (!here && !before) problems.push({ what: 'elsewhere', site, write, reply, event });
    if (reply.receipt && event.body.n !== undefined && receiptText(event.body) !== reply.receipt) problems.push({ what: 'other receipt', site, write, reply, event });
    if (reply.total !== undefined && reply.total !== null && event.body.total !== undefined && big(event.body.total) !== big(reply.total)) problems.push({ what: 'other total', site, write, reply, event });
  }
  return { found, listed, problems };
}

// Whether what a site's later epoch kept of `origin` ends sealed: what a machine that opens from it must find (protocol 10.1).
// The events are those that count today, so of that origin exactly the prefix that was kept.
export function keptSealed({ events }, origin) {
  return events.filter((event) => event.origin === origin && event.kind === 'PostureChanged').at(-1)?.body.posture === 'sealed';
}

// Goods over the whole chain: what came in from outside, less what left it, is on shelves or travelling. The two sides of that are
// sums over the same lines, so it fails only for goods that nobody sent; what was sent is held against what arrived line by line.
// differing: ["dispatch sku", ...] that arrived otherwise than they were sent; unsent: that nobody sent.
export function stockBalance(ledgers) {
  const all = [...ledgers.values()];
  const sum = (name) => all.reduce((total, ledger) => total + ledger.sums[name], 0n);
  const sent = new Map(), arrived = new Map();
  for (const ledger of all) {
    for (const [id, units] of ledger.sent) add(sent, id, units);
    for (const [id, units] of ledger.arrivedUnits) add(arrived, id, units);
  }
  let inTransit = 0n, differences = 0n;
  const differing = [];
  for (const [id, units] of sent) {
    if (!arrived.has(id)) inTransit += units;
    else if (arrived.get(id) !== units) {
      differences += units - arrived.get(id);
      differing.push(id);
    }
  }
  const unsent = [...arrived.keys()].filter((id) => !sent.has(id));
  return { outside: sum('received') + sum('fed') + sum('counted') - sum('written_off') - sum('units'), onShelves: all.reduce((t, l) => t + l.stockUnits, 0n),
    inTransit, differences, differing, unsent, dispatches: dispatchesIn(sent), arrivals: dispatchesIn(arrived) };
}
const dispatchesIn = (lines) => new Set([...lines.keys()].map((id) => id.split(' ', 1)[0])).size;
// Where a chain waits until all that it sends is received: everything arrived, once, as it was sent.
export const allArrived = ({ outside, onShelves, inTransit, differences, differing, unsent }) =>
  outside === onShelves && inTransit === 0n && differences === 0n && differing.length === 0 && unsent.length === 0;

// A node's claim (one element of GET /v1/totals) against a ledger; a list of what differs.
export function differsFromClaim(ledger, claim) {
  const { sums, vat } = ledger;
  const mine = { sales: sums.sales, refunds: sums.refunds, refunds_without_receipt: sums.refunds_without_receipt, gross: sums.gross };
  const wrong = Object.keys(mine).filter((name) => big(claim[name]) !== mine[name]).map((name) => `${name}: ${claim[name]}, journals say ${mine[name]}`);
  for (const kind of ['cash', 'card']) {
    if (big(claim.by_tender?.[kind]) !== sums[kind]) wrong.push(`${kind}: ${claim.by_tender?.[kind]}, journals say ${sums[kind]}`);
  }
  const codes = new Set([...vat.keys(), ...Object.keys(claim.by_vat ?? {})]);
  for (const code of codes) {
    const own = vat.get(code) ?? { gross: 0n, vat: 0n };
    const said = claim.by_vat?.[code] ?? {};
    if (big(said.gross) !== own.gross || big(said.vat) !== own.vat) wrong.push(`VAT ${code}: ${said.gross}/${said.vat}, journals say ${own.gross}/${own.vat}`);
  }
  const units = formatDecimal(sums.units, 3, 3), stock = formatDecimal(ledger.stockUnits, 3, 3);
  const same = (text, value) => text !== undefined && normal(text) === normal(value);
  if (!same(claim.units, units)) wrong.push(`units: ${claim.units}, journals say ${units}`);
  if (!same(claim.stock_units, stock)) wrong.push(`stock: ${claim.stock_units}, journals say ${stock}`);
  return wrong;
}
const normal = (text) => String(text).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
