// A stand-in for `holdfast serve`, for working on the pages and for their tests: the contract of schema/openapi.yaml, in
// memory, without any of the promises. Never part of the product. Run: node mock/server.mjs [port] (0: any free port).
//
// Switches, POST /mock/…: node {down}, quorum {lost}, origin {} (a rebuild: new epoch, credentials gone, last `drop` entries
// and tills forgotten), rollback {drop}, replies {lose: n} (take the write, cut the connection), sessions {} (all ended), refuse {n, status},
// contradiction {}, posture {posture} (by an alert), enrolment {}, sites {n}, recovery {}, clock {minutes}, product {sku, off} or {sku, vat, …}, rate {code, rate}, standby {phase}, provisional {on}. GET /mock/state: what the journal holds.

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const hex = (bytes) => randomBytes(bytes).toString('hex');
const now = () => new Date().toISOString();
const mime = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.webmanifest': 'application/manifest+json' };
const last_night = new Date(new Date().setHours(2, 10, 0, 0) - (new Date().getHours() < 6 ? 86_400_000 : 0)).toISOString();
const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const new_series = () => Array.from(randomBytes(8), (b) => crockford[b & 31]).join('');

function gtin13(n) {
  const body = `50${String(n).padStart(10, '0')}`;
  const sum = [...body].reduce((s, d, i) => s + Number(d) * (i % 2 ? 3 : 1), 0);
  return body + ((10 - (sum % 10)) % 10);
}
const names = [
  'White hanging heart T-light holder', 'Regency cakestand 3 tier', 'Jumbo bag red retrospot', 'Party bunting',
  'Lunch bag black skull', 'Assorted colour bird ornament', 'Set of 3 cake tins pantry design', 'Paper chain kit 50’s Christmas',
  'Natural slate heart chalkboard', 'Heart of wicker small', 'Wooden picture frame white finish', 'Jam making set with jars',
  'Spotty bunting', 'Alarm clock bakelike green', 'Rose cottage keepsake box', 'Victorian glass hanging T-light',
  'Recycling bag retrospot', 'Roses regency teacup and saucer', 'Chocolate hot water bottle', 'Doormat keep calm and come in',
  'Wood black board ant white finish', 'Red retrospot cake stand', 'Small popcorn holder', 'Gardeners kneeling pad', 'Toilet metal sign',
  'Pack of 72 retrospot cake cases', 'Children’s apron spaceboy', 'Loose apples, per kg', 'Medium ceramic top storage jar', 'Vintage snap cards',
];

export function make_mock(options = {}) {
  const chain = options.chain ?? 'Northwind';
  const site = options.site ?? 'store-03';
  const state = {
    epoch: 1, down: false, quorum_lost_since: null, lose: 0, refuse: null, needs_enrolment: Boolean(options.enrol),
    enrol_code: 'HOLD-FAST-2026', recovery: null, contradictions: [], site_count: options.sites ?? 34, cut: new Set(),
    replaced_by: null, pin_fails: 0, cosign_at: null, series: new_series(), n: 0, demo: options.demo ?? null, signing: 'signing',
    listed: [], held: [], not_taken_in: 0, missing_receipts: [], damage: [], waits_for: null, provisional: false, phase: options.phase ?? 'own trade', phase_at: null, requests: 0, catalogue_reads: 0,
  };
  let journal = []; // { key, till, hash, body, reply, origin, index, cosigned, at }
  let cosigned = 0;
  let cosigned_at = null;
  let staff = [];
  let tills = new Map(); // number -> key
  const sessions = new Map();
  const lasting = (session) => ({ ...session, expires_at: new Date(Date.now() + 3600e3).toISOString(), expires_in_s: 3600 });
  const products = names.map((name, i) => ({
    sku: `HF${1001 + i}`, gtin: gtin13(4100 + i * 7), name, goods: true, vat: i % 7 === 6 ? 'Z' : i % 5 === 4 ? 'R' : 'S',
    unit_price: ['2.55', '12.75', '1.95', '4.95', '1.65', '1.69', '9.95', '0.85', '3.40', '2.049'][i % 10], stock: String((i * 37) % 90),
  }));
  const rates = [
    { code: 'S', name: 'Standard', rate: '20' },
    { code: 'R', name: 'Reduced', rate: '5' },
    { code: 'Z', name: 'Zero', rate: '0' },
  ];
  const origin = () => `${chain}/${site}/${state.epoch}`;
  const add_staff = (number, role, pin) => staff.push({ number, role, pin, staff_id: createHash('sha256').update(`${number}`).digest('hex').slice(0, 32) });
  if (!state.needs_enrolment) {
    add_staff('1', 'manager', '4711');
    add_staff('12', 'cashier', '1212');
  }

  // ---- money, as protocol and contract say
  const millionths = (text, decimals) => {
    const m = /^(\d{1,9})(?:\.(\d+))?$/.exec(text ?? '');
    return !m || (m[2] ?? '').length > decimals ? null : BigInt(m[1] + (m[2] ?? '').padEnd(decimals, '0'));
  };
  const amount = (price, quantity) => Number((2n * millionths(price, 6) * millionths(quantity, 3) + 10n ** 7n) / (2n * 10n ** 7n));
  const vat_of = (gross, percent) => {
    const rate = BigInt(percent);
    return Number((2n * BigInt(gross) * rate + 100n + rate) / (2n * (100n + rate)));
  };
  const problem = (status, code, detail) => ({ type: `https://holdfast.invalid/problems/${code}`, title: code, status, detail, code });

  const canonical = (value) =>
    value && typeof value === 'object' && !Array.isArray(value)
      ? `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join()}}`
      : Array.isArray(value) ? `[${value.map(canonical).join()}]` : JSON.stringify(value);
  const find_receipt = (receipt) => journal.find((e) => e.reply.receipt === receipt || e.body.prior?.receipt === receipt);
  function refunded_of(receipt, line) {
    let sum = 0n;
    for (const e of journal) {
      if (e.body.kind === 'refund' && e.body.receipt === receipt) {
        for (const l of e.body.lines) if (l.line === line) sum += millionths(l.quantity, 3);
      }
    }
    return sum;
  }
  const thousandths_text = (q) => {
    const s = q.toString().padStart(4, '0');
    return `${s.slice(0, -3)}.${s.slice(-3)}`.replace(/\.?0+$/, '') || '0';
  };

  function decide(w, who) {
    const bad = (status, code, detail) => ({ key: w.key, ok: false, problem: problem(status, code, detail) });
    if (!/^[0-9a-f]{32}$/.test(w.key ?? '')) return bad(400, 'http/bad_write', 'key must be 32 hex digits');
    const { prior, alone, ...rest } = w;
    const hash = createHash('sha256').update(canonical(rest)).digest('hex');
    const known = journal.find((e) => e.key === w.key && e.till === who.till);
    if (known) {
      return known.hash === hash ? { ...known.reply, duplicate: true, origin: known.origin, index: known.index }
        : bad(409, 'fold/key_reused', 'this key was used for another write');
    }
    if (state.refuse && state.refuse.n > 0) {
      state.refuse.n--;
      return bad(state.refuse.status, 'mock/refused', state.refuse.detail ?? 'refused by the test');
    }
    let total;
    const flags = [];
    if (state.phase === 'standing by' && !prior && !alone && ['sale', 'refund', 'refund_no_receipt'].includes(w.kind)) return bad(409, 'standby/stands_by', 'the old system sells here');
    if (w.kind === 'sale' || w.kind === 'refund_no_receipt') {
      total = 0;
      for (const l of w.lines ?? []) {
        const product = products.find((p) => p.sku === l.sku);
        if (!rates.some((r) => r.code === l.vat)) return bad(422, 'till/wrong_vat', `VAT code ${l.vat} is not one of this chain`);
        if (w.kind === 'sale' && !prior && !alone) {
          if (!product && !l.open) return bad(422, 'till/unknown_sku', `${l.sku} is not listed`);
          if (product && l.open) return bad(422, 'till/bad_line', `${l.sku} is listed; sell it without an open price`);
          if (product && l.vat !== product.vat) return bad(422, 'till/wrong_vat', `${l.sku} is listed with VAT ${product.vat}, not ${l.vat}`);
          if (!product && !l.name) return bad(422, 'till/bad_line', `${l.sku} needs a name`);
        }
        if (millionths(l.unit_price, 6) === null || !millionths(l.quantity, 3)) return bad(422, 'till/bad_quantity', 'price or quantity');
        if (l.open) flags.push('open_price');
        total += amount(l.unit_price, l.quantity);
      }
      if (w.kind === 'refund_no_receipt' && !['manager', 'operator'].includes(who.role)) return bad(403, 'auth/role', 'a manager signs in for this');
    } else if (w.kind === 'refund') {
      const may = posture.posture === 'open' || prior || ['manager', 'operator'].includes(who.role);
      if (!may) return bad(403, 'auth/role', 'a manager signs in for this');
      const sale = find_receipt(w.receipt);
      if (!sale) return bad(404, 'till/unknown_receipt', `no receipt ${w.receipt}`);
      total = 0;
      for (const l of w.lines) {
        const of = sale.body.lines[l.line];
        const before = refunded_of(w.receipt, l.line);
        const q = millionths(l.quantity, 3);
        if (!of || !q || before + q > millionths(of.quantity, 3)) return bad(409, 'till/already_refunded', 'more than is left of this line');
        total += amount(of.unit_price, thousandths_text(before + q)) - amount(of.unit_price, thousandths_text(before));
      }
    } else if (w.kind === 'resume_standby') {
      Object.assign(state, { phase: 'standing by', phase_at: now() });
    } else if (w.kind === 'close_listed') {
      state.listed = state.listed.filter((l) => l.id !== w.id);
    } else if (w.kind === 'accept_held') {
      if (!state.held.some((h) => h.origin === w.origin && h.index === w.index)) return bad(404, 'fold/unknown_held', 'this entry does not wait here');
      if (!state.held.some((h) => h.origin === w.origin && h.index === w.index && h.products_sha256 === w.products_sha256)) return bad(409, 'fold/held_changed', 'what waits of this price list is not what was shown; look at it again');
      state.held = state.held.filter((h) => h.origin !== w.origin || h.index !== w.index);
    } else return bad(400, 'http/bad_write', `kind ${w.kind}`);
    if (total !== undefined) {
      const paid = w.tenders.reduce((s, t) => s + t.amount, 0) - (w.change ?? 0);
      const cash = w.tenders.reduce((s, t) => s + (t.kind === 'cash' ? t.amount : 0), 0) - (w.change ?? 0);
      if (state.provisional && !prior && !alone && cash > 50_000) return bad(503, 'till/provisional_cash', 'this machine is not registered yet');
      if (paid !== total) return bad(422, 'till/tenders', `tenders make ${paid}, the lines ${total}`);
    }
    const reply = {
      key: w.key, ok: true, duplicate: false, origin: origin(), index: journal.length, at: now(), flags,
      ...(total === undefined ? {} : { total, receipt: prior?.receipt ?? alone?.receipt ?? `${who.till}-${state.series}-${++state.n}` }),
    };
    const rate = Object.fromEntries(rates.map((r) => [r.code, r.rate]));
    journal.push({ key: w.key, rate, till: who.till, hash, body: w, reply, origin: origin(), index: journal.length, at: reply.at });
    return reply;
  }

  const size = () => journal.length;
  function cosign() {
    if (!state.quorum_lost_since && state.signing === 'signing' && (cosigned < size() || !cosigned_at)) {
      cosigned = size();
      cosigned_at = now();
    }
  }
  const ticker = setInterval(cosign, options.cosign_ms ?? 300);
  ticker.unref();

  const cover = () => ({ origin: origin(), size: size(), cosigned_size: cosigned, cosigned_at });
  const safety = () => ({
    ...cover(), epoch: state.epoch, signing: state.signing, provisional: state.provisional, quorum: 2,
    mirrors: ['head-office', 'warehouse', 'store-01'].map((s, i) => ({ site: s, held: i < 2 ? cosigned : Math.max(0, cosigned - 3), last_heard_at: now() })),
    no_copy_elsewhere_since: state.quorum_lost_since, replaced_by: state.replaced_by, posture: posture.posture, posture_since: posture.since,
    listed: state.listed.length, not_taken_in: state.not_taken_in, missing_receipts: state.missing_receipts, damage: state.damage, waits_for: state.waits_for, registering: null, spare: null, machines_here: 1, machines: [],
    standby: standby(),
  });
  // Where the links and limits stand; sealed by an alert through `posture` of the control.
  let posture = { posture: 'open', since: null, last: null, seals: 0, alerts: [] };
  const change_posture = (to, cause, staff, reason, rule = '') => {
    posture = { ...posture, posture: to, since: now(), seals: posture.seals + (to === 'sealed' ? 1 : 0), last: { posture: to, cause, staff, source: cause === 'alert' ? 'suricata' : '', signature: cause === 'alert' ? '2025720' : '', rule, reason } };
    if (cause === 'alert') {
      posture.alerts = [{ source: 'suricata', signature: '2025720', severity: 1, category: 'A Network Trojan was detected', text: 'ET POLICY Powershell Command With Hidden Window Argument Over SMB - Likely Lateral Movement (10.1.7.33:49152 -> 10.1.7.2:445)', digest: '0'.repeat(64), seen_at: now(), level: 'sealed', rule, count: 3, first_at: now(), last_at: now() }];
    }
  };
  const posture_now = (in_full) => ({ site, recorded: true, alerts_recorded: posture.alerts.length, ...posture, alerts: in_full ? posture.alerts : [],
    ...(posture.posture === 'sealed' ? { seal: { state: 'sealed', packet_filter: 'not set', not_done: 'no helper', links_ended_us: 900, all_done_us: 4000, our_end: 'not proved', was_probed: true, probed: [],
      summary: "The application refuses everything by itself. Not done: the host's packet filter is not set (no helper). Other programs on this machine still reach the network." } } : {}) });
  const hours_ago = (n) => new Date(Date.now() - n * 3_600_000).toISOString();
  const ages = () => (state.phase === 'own trade' ? { prices: null, stock: null, orders: null } : { prices: hours_ago(9), stock: hours_ago(10), orders: null });
  const standby = () => ({
    phase: state.phase, since: state.phase === 'own trade' ? null : (state.phase_at ?? hours_ago(200)), taken_over_at: state.phase === 'taken over' ? state.phase_at : null,
    as_of: ages(), open: { sales: state.phase === 'taken over' ? journal.filter((e) => e.body.kind === 'sale').length : 0, refunds: 0, movements: 0, since: null }, handbacks: 0,
  });
  const standby_whole = () => ({
    site, chain, currency: options.currency ?? 'GBP', currency_decimals: 2, standby: standby(), shown_at_take_over: ages(), handed_to: null, handbacks: [],
  });
  const ready = () => {
    const check = (name, is, count = null, needed = true) => ({ check: name, state: is, needed, as_of: null, count, detail: name });
    const tilled = tills.size > 0 ? 'good' : 'missing';
    const checks = [check('standby', 'good'), check('prices', state.phase === 'own trade' ? 'good' : options.old_prices ? 'late' : 'good', 30), check('stock', options.no_stock ? 'not yet known' : 'good'),
      check('orders', 'not yet known', null, false), check('vat', 'good', 3), check('clock', 'good'), check('manager', 'good', 1), check('till', tilled, tills.size),
      check('node', 'good'), check('disk', 'good', 52_428_800_000), check('pages', 'good'), check('address', 'care'), check('mirrors', 'good', 3), check('copies', 'good')];
    return { site, at: now(), age_hours_max: 36, standby: standby(), checks, ready: checks.every((c) => !c.needed || ['good', 'care'].includes(c.state)) };
  };

  function chain_view() {
    const at = Math.floor(Date.now() / 60000) * 60000;
    const sites = Array.from({ length: state.site_count }, (_, i) => {
      const name = i === 0 ? 'head-office' : i === 1 ? 'warehouse' : `store-${String(i - 1).padStart(2, '0')}`;
      const here = name === site;
      const gone = name === 'head-office' && state.recovery;
      const quiet = i === 9;
      const sells = i > 1;
      const minutes = Array.from({ length: 60 }, (_, m) => {
        const count = sells ? Math.max(0, Math.round((40 - i) / 3 + 5 * Math.sin((m + i * 9) / 7) + ((m * 7 + i * 13) % 5) - 2)) : 0;
        return { at: new Date(at - (59 - m) * 60000).toISOString(), count, gross: count * 1234 };
      });
      if (here) minutes[59].count = journal.filter((e) => Date.parse(e.at) >= at && e.body.kind === 'sale').length;
      const n = 1200 + i * 331;
      return {
        site: name, kind: i === 0 ? 'head-office' : i === 1 ? 'warehouse' : i === 33 ? 'web-shop' : 'store', is_here: here,
        origin: here ? origin() : `${chain}/${name}/1`, epoch: here ? state.epoch : gone ? 2 : 1,
        trading: quiet ? 'not yet known' : i === 14 ? 'no' : 'yes', last_heard_at: quiet ? new Date(at - 7_200_000).toISOString() : now(),
        size: here ? size() : quiet ? null : n, cosigned_size: here ? cosigned : quiet ? null : n - (i % 4),
        cosigned_at: here ? cosigned_at : quiet ? null : now(), lag: here ? size() - cosigned : quiet ? null : i % 4, held_here: i % 3 ? n - (i % 4) : null,
        posture: here ? posture.posture : i === 17 ? 'guarded' : quiet ? 'not yet known' : 'open',
        links: ['head-office', 'warehouse', 'store-01', 'store-07'].filter((l) => l !== name).map((to, j) => ({
          to, state: here && (state.cut.has(to) || posture.posture === 'sealed') ? 'cut' : quiet ? 'down' : i === 14 && j === 1 ? 'cut' : 'up', roles: j === 0 ? ['mirror', 'follow'] : j === 3 ? ['follow'] : ['mirror'],
        })),
        sales: quiet ? null : { minutes, today_count: minutes.reduce((s, m) => s + m.count, 0) * 4, today_gross: minutes.reduce((s, m) => s + m.gross, 0) * 4 },
        feed: i === 0 ? { catalogue: last_night, stock: null, orders: null } : i === 1 ? null : { catalogue: null, stock: last_night, orders: last_night },
        contradictions: state.contradictions.filter((c) => c.origin.includes(`/${name}/`)).length,
      };
    });
    return { here: site, as_of: now(), currency: options.currency ?? 'GBP', currency_decimals: 2, sites, contradictions: state.contradictions, recovery: state.recovery };
  }

  function receipt_of(e) {
    // A refund's rates are those of its sale, as the node tells them.
    const sale = e.body.kind === 'refund' ? journal.find((each) => each.reply.receipt === e.body.receipt) : null;
    const rate = (sale ?? e).rate;
    const lines = e.body.lines.map((l, line) => {
      const gross = amount(l.unit_price, l.quantity);
      return {
        line, sku: l.sku, name: l.name ?? products.find((p) => p.sku === l.sku)?.name ?? l.sku, quantity: l.quantity, unit_price: l.unit_price,
        vat: l.vat, amount: gross, vat_amount: vat_of(gross, rate[l.vat]), refunded: thousandths_text(refunded_of(e.reply.receipt, line)),
      };
    });
    const sums = [...new Set(lines.map((l) => l.vat))].map((code) => {
      const of = lines.filter((l) => l.vat === code);
      const [gross, vat] = [of.reduce((sum, l) => sum + l.amount, 0), of.reduce((sum, l) => sum + l.vat_amount, 0)];
      return { code, rate: rate[code], net: gross - vat, vat, gross };
    });
    return {
      kind: e.body.kind, receipt: e.reply.receipt, at: e.reply.at, staff: e.body.staff, total: e.reply.total, origin: e.origin, index: e.index, lines, tenders: e.body.tenders,
      vat: sums, cosigned: e.index < cosigned,
    };
  }

  async function read_body(request) {
    const chunks = [];
    let bytes = 0;
    for await (const chunk of request) {
      if ((bytes += chunk.length) > 1 << 20) return undefined;
      chunks.push(chunk);
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString() || '{}');
    } catch {
      return undefined;
    }
  }
  const csp = () =>
    `default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'${state.demo ? `; connect-src 'self' ${new URL(state.demo.control).origin}` : ''}`;

  function file(request, response, path) {
    let name = normalize(join(dist, decodeURIComponent(path)));
    if (!name.startsWith(dist)) return false;
    if (existsSync(name) && statSync(name).isDirectory()) name = join(name, 'index.html');
    if (!existsSync(name)) return false;
    response.writeHead(200, {
      'Content-Type': mime[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': csp(), 'X-Content-Type-Options': 'nosniff',
      'Cache-Control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    createReadStream(name).pipe(response);
    return true;
  }

  async function handle(request, response) {
    const url = new URL(request.url, 'http://mock');
    const path = url.pathname;
    const send = (status, body, headers = {}) => {
      response.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', 'Cache-Control': 'no-store', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    const fail = (status, code, detail, headers) => send(status, problem(status, code, detail), headers);

    if (path.startsWith('/mock/')) {
      const body = request.method === 'POST' ? await read_body(request) : {};
      switch (path.slice(6)) {
        case 'state': return send(200, { ...cover(), phase: state.phase, needs_enrolment: state.needs_enrolment, entries: journal.map(({ key, till, body: b, reply, origin: o, index }) => ({ key, till, kind: b.kind, prior: b.prior ?? null, alone: b.alone ?? null, body: b, receipt: reply.receipt, total: reply.total, origin: o, index })) });
        case 'node': state.down = body.down; break;
        case 'product': {
          const at = products.findIndex((p) => p.sku === body.sku);
          if (body.off) products.splice(at, 1);
          else if (at < 0) products.push(body);
          else Object.assign(products[at], body);
          break;
        }
        case 'rate': rates.find((r) => r.code === body.code).rate = body.rate; break;
        case 'standby': Object.assign(state, { phase: body.phase, phase_at: now() }); break;
        case 'sessions': sessions.clear(); break;
        case 'provisional': state.provisional = body.on; break;
        case 'quorum': state.quorum_lost_since = body.lost ? now() : null; break;
        case 'replies': state.lose = body.lose; break;
        case 'refuse': state.refuse = body; break;
        case 'origin':
          state.epoch++;
          journal = journal.slice(0, Math.max(0, journal.length - (body.drop ?? 0)));
          cosigned = 0;
          cosigned_at = null;
          state.series = new_series();
          state.n = 0;
          if (body.forget_tills) tills = new Map();
          if (body.forget_staff) { sessions.clear(); staff = []; state.needs_enrolment = true; }
          break;
        case 'rollback':
          journal = journal.slice(0, Math.max(0, journal.length - body.drop));
          cosigned = Math.min(cosigned, journal.length);
          state.series = new_series();
          state.n = 0;
          break;
        case 'contradiction':
          state.contradictions = body.off ? [] : [{ origin: `${chain}/store-07/1`, size_a: 4410, size_b: 4398, seen_at: now(), evidence: 'evidence/store-07-1-4398.txt' }];
          break;
        case 'posture': change_posture(body.posture, 'alert', null, 'a program was sent from one machine to another (lateral movement)', 'lateral-movement'); break;
        case 'sites': state.site_count = body.n; break;
        case 'listed':
          state.listed = body.off ? [] : [{ id: hex(16), from: { origin: `${chain}/${site}/1`, index: 812 }, kind: 'refund', receipt: '3-7KQ2M9XA-15', total: 1275, recorded: body.recorded ?? null, reason: 'the receipt that it refunds is not known here', at: now() }];
          state.not_taken_in = body.off ? 0 : 1;
          break;
        case 'held': {
          const waiting = (index, n) => ({
            origin: `${chain}/head-office/1`, index, bound: '50 %', products_sha256: hex(32), count: n,
            products: products.slice(0, n).map((p, i) => ({
              sku: p.sku, name: p.name, from: i === 2 ? null : { unit_price: p.unit_price, vat: p.vat },
              to: { unit_price: i === 1 ? p.unit_price : '99.00', vat: i === 1 ? 'X' : p.vat },
            })),
          });
          state.held = body.off ? [] : (body.counts ?? [2]).map((n, i) => waiting(4711 + i, n));
          break;
        }
        case 'damage': {
          const [own, other] = [`${chain}/${site}/1`, `${chain}/store-08/1`];
          state.damage = body.off ? [] : [{ origin: own, first: 812, end: 813 }, { origin: own, first: 900, end: 1012 }, { origin: own, first: 1400, end: 1400 },
            ...[1, 2, 3, 4].map((n) => ({ origin: other, first: n * 100, end: n * 100 + 10 }))];
          state.waits_for = body.waits ? `cannot be read from this disk, and the state rests on it: entry 812 of ${own}` : null;
          break;
        }
        case 'missing_receipts': state.missing_receipts = Array.from({ length: body.n }, (_, i) => `3-7KQ2M9XA-${15 + i}`); break;
        case 'recovery':
          state.recovery = body.off ? null : { site: 'head-office', old_origin: `${chain}/head-office/1`, new_origin: `${chain}/head-office/2`, cosigned: 20412, announced: 20431, announced_at: now(), readmitted: 17, resubmitted: 2, listed: 1, known_lost: [{ source: 'heartbeat', what: 'announced, held by nobody', origin: `${chain}/head-office/1`, from: 20429, to: 20430 }], not_yet_known_since: now() };
          break;
        case 'replaced': state.replaced_by = body.off ? null : { origin: `${chain}/${site}/2` }; break;
        case 'demo': state.demo = body.control ? body : null; break;
        default: return fail(404, 'mock/unknown', path);
      }
      return send(200, {});
    }
    if (state.down) return request.socket.destroy();
    state.requests++;

    const cookie = /hf_session=([0-9a-f]+)/.exec(request.headers.cookie ?? '')?.[1];
    const session = sessions.get(cookie) ?? null;
    const till_header = /^Till (\d+)\.([0-9a-f]+)$/.exec(request.headers.authorization ?? '');
    const till = till_header && tills.get(Number(till_header[1])) === till_header[2] ? Number(till_header[1]) : null;
    const csrf_ok = session && request.headers['x-csrf-token'] === session.csrf;
    const known = till !== null || session;
    const { method } = request;

    if (path === '/v1/about') return send(200, { chain, site, kind: 'store', origin: origin(), epoch: state.epoch, version: '0.1.0-mock', price_change_percent_max: 50, currency: options.currency ?? 'GBP', currency_decimals: 2, languages: ['en', 'fr'], vat_rates: rates, needs_enrolment: state.needs_enrolment, store_certificate: null, demo: state.demo });
    if (path === '/v1/safety') return send(200, safety());
    if (path === '/v1/ready') return send(200, ready());
    if (path === '/v1/standby') return known ? send(200, standby_whole()) : fail(401, 'auth/needed', 'sign in');
    if (path === '/v1/takeover' && method === 'POST') {
      if (!known) return fail(401, 'auth/needed', 'sign in');
      const body = await read_body(request);
      const person = staff.find((s) => s.number === body?.staff && s.pin === body?.pin);
      if (body?.confirm !== true) return fail(422, 'http/bad_value', 'confirm must be true');
      if (!person) return fail(401, 'auth/wrong_pin', 'staff number or PIN is wrong');
      if (person.role === 'cashier') return fail(403, 'auth/role', 'a manager takes over');
      if (state.phase !== 'standing by') return fail(409, 'standby/wrong_phase', 'this site does not stand by');
      Object.assign(state, { phase: 'taken over', phase_at: now() });
      return send(200, standby_whole());
    }
    if (path === '/v1/chain') return send(200, chain_view());
    if (path === '/v1/posture' && method === 'GET') return send(200, posture_now(Boolean(session)));
    if (path === '/v1/posture' && method === 'POST') {
      if (!csrf_ok) return fail(401, 'auth/needed', 'sign in');
      const body = await read_body(request);
      if (body.posture !== 'sealed') {
        if (session.role === 'cashier') return fail(403, 'auth/role', 'only a manager opens');
        const person = staff.find((s) => s.number === session.number);
        if (person.pin !== body.pin) return fail(401, 'auth/wrong_pin', 'number or PIN is wrong');
        if ('seen_since' in body && body.seen_since !== posture.since) return fail(409, 'guard/changed_meanwhile', 'the posture has changed meanwhile');
        if (!body.reason) return fail(422, 'guard/reason_needed', 'say why');
      }
      if (body.posture !== posture.posture) change_posture(body.posture, 'person', session.staff_id, body.reason ?? '');
      return send(200, posture_now(true));
    }
    if (path === '/v1/recovery') return state.recovery ? send(200, state.recovery) : fail(404, 'recovery/none', 'never rebuilt');
    if (path === '/v1/session' && method === 'GET') return session ? send(200, lasting(session)) : fail(401, 'auth/session', 'sign in');
    if (path === '/v1/session' && method === 'POST') {
      const body = await read_body(request);
      if (state.pin_fails >= 5) return fail(429, 'auth/slow_down', 'too many wrong PINs', { 'Retry-After': '30' });
      const person = staff.find((s) => s.number === body?.staff && s.pin === body?.pin);
      if (!person) {
        state.pin_fails++;
        return fail(401, 'auth/pin', 'staff number or PIN is wrong');
      }
      state.pin_fails = 0;
      const id = hex(16);
      const made = { staff_id: person.staff_id, number: person.number, role: person.role, csrf: hex(16) };
      sessions.set(id, made);
      return send(200, lasting(made), { 'Set-Cookie': `hf_session=${id}; HttpOnly; Secure; SameSite=Strict; Path=/` });
    }
    if (path === '/v1/session' && method === 'DELETE') {
      if (session && !csrf_ok) return fail(403, 'auth/csrf', 'X-CSRF-Token');
      sessions.delete(cookie);
      return send(204);
    }
    if (path === '/v1/enrol' && method === 'POST') {
      const body = await read_body(request);
      if (!state.needs_enrolment) return fail(403, 'auth/enrol_closed', 'nothing is to be enrolled here');
      if (body?.code !== state.enrol_code) return fail(401, 'auth/enrol_code', 'this code is not right');
      add_staff(body.staff, 'manager', body.pin);
      state.needs_enrolment = false;
      return send(204);
    }
    if (path === '/v1/tills' && method === 'POST') {
      if (!csrf_ok || session.role === 'cashier') return fail(403, 'auth/role', 'a manager signs in for this');
      const body = await read_body(request);
      const number = body.till ?? Math.max(2, ...tills.keys()) + 1;
      const key = hex(32);
      tills.set(number, key);
      return send(200, { till: number, name: body.name, device_key: key, machines: [] });
    }
    if (path === '/v1/staff' && method === 'POST') {
      if (!csrf_ok || session.role === 'cashier') return fail(403, 'auth/role', 'a manager signs in for this');
      const body = await read_body(request);
      if (staff.some((s) => s.number === body.number)) return fail(409, 'staff/number_taken', 'this number is taken');
      add_staff(body.number, body.role, body.pin);
      return send(200, { staff_id: staff.at(-1).staff_id, number: body.number, role: body.role });
    }
    if (path === '/v1/writes' && method === 'POST') {
      if (request.headers.authorization && till === null) return fail(401, 'auth/till', 'this till is not known here');
      if (till === null && !csrf_ok) return fail(401, 'auth/none', 'sign in');
      const body = await read_body(request);
      if (!Array.isArray(body?.writes)) return fail(400, 'http/bad_json', 'writes is missing');
      const who = { till: till ?? 0, role: csrf_ok ? session.role : null };
      const replies = body.writes.map((w) => decide(w, who));
      if (state.lose > 0) {
        state.lose--;
        return request.socket.destroy();
      }
      return send(200, { replies, safety: cover() });
    }
    if (path === '/v1/links' && method === 'GET') return send(200, { links: chain_view().sites.find((s) => s.is_here)?.links.map((l) => ({ site: l.to, state: l.state, roles: l.roles })) ?? [] });
    if (path.startsWith('/v1/links/') && method === 'POST') {
      if (session && !csrf_ok) return fail(403, 'auth/csrf', 'X-CSRF-Token');
      if (!csrf_ok || session.role === 'cashier') return fail(403, 'auth/role', 'a manager or operator signs in for this');
      const body = await read_body(request);
      const to = decodeURIComponent(path.slice(10));
      if (body.state === 'cut') state.cut.add(to);
      else state.cut.delete(to);
      return send(200, { site: to, state: body.state === 'cut' ? 'cut' : 'up' });
    }
    if (path.startsWith('/v1/') && !known) return fail(request.headers.authorization ? 401 : 401, request.headers.authorization ? 'auth/till' : 'auth/none', 'sign in');
    if (path === '/v1/writes/status') {
      return send(200, {
        writes: url.searchParams.getAll('key').map((key) => {
          const e = journal.find((j) => j.key === key);
          return e ? { key, state: e.index < cosigned ? 'cosigned' : 'durable', origin: e.origin, index: e.index } : { key, state: 'unknown' };
        }),
      });
    }
    if (path === '/v1/feed') {
      return send(200, { site: 'store-01', fed: true, prices: { fed: true, as_of: last_night }, stock: { fed: true, as_of: last_night }, orders: { fed: false, as_of: null }, open_orders: 0, files: [] });
    }
    if (path === '/v1/products') {
      state.catalogue_reads++;
      const q = (url.searchParams.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
      const after = url.searchParams.get('after') ?? '';
      const limit = Math.min(1000, Number(url.searchParams.get('limit') ?? 20));
      const hits = products.filter((p) => p.sku > after && q.every((part) => `${p.name} ${p.sku} ${p.gtin}`.toLowerCase().includes(part))).slice(0, limit);
      return send(200, { as_of: null, prices: { fed: true, as_of: last_night }, products: hits });
    }
    if (path.startsWith('/v1/products/')) {
      const code = decodeURIComponent(path.slice(13));
      const product = products.find((p) => p.sku === code || p.gtin === code);
      return product ? send(200, product) : fail(404, 'catalogue/unknown', `${code} is not listed`);
    }
    if (path.startsWith('/v1/receipts/')) {
      const e = find_receipt(decodeURIComponent(path.slice(13)));
      return e && e.body.kind === 'sale' ? send(200, receipt_of(e)) : fail(404, 'till/unknown_receipt', 'no such receipt');
    }
    if (path === '/v1/listed') return send(200, { listed: state.listed });
    if (path === '/v1/held') return send(200, { held: state.held });
    if (method === 'GET' && file(request, response, path)) return undefined;
    return fail(404, 'http/not_found', path);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      response.writeHead(500);
      response.end(String(error));
    });
  });
  return {
    products,
    enrol_code: state.enrol_code,
    listen: (port = 0) => new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))),
    close: () => new Promise((resolve) => {
      clearInterval(ticker);
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

/** The demo's control server, as far as the chain page sees it. */
export function make_demo_control() {
  const gone = new Set();
  const cut = new Set();
  const token = hex(8);
  const server = createServer((request, response) => {
    const headers = { 'Access-Control-Allow-Origin': request.headers.origin ?? '*', 'Access-Control-Allow-Methods': 'GET, POST', 'Access-Control-Allow-Headers': 'Content-Type', 'Content-Type': 'application/json' };
    const [, given, action, site] = new URL(request.url, 'http://x').pathname.split('/');
    if (given !== token) return void response.writeHead(403, headers).end('{}');
    if (request.method === 'POST') {
      if (action === 'destroy') gone.add(site);
      if (action === 'rebuild') gone.delete(site);
      if (action === 'cut') cut.add(site);
      if (action === 'heal') cut.delete(site);
      return void response.writeHead(200, headers).end('{}');
    }
    const names_of = ['head-office', 'warehouse', ...Array.from({ length: 32 }, (_, i) => `store-${String(i + 1).padStart(2, '0')}`)];
    response.writeHead(200, headers).end(JSON.stringify({
      caption: gone.size
        ? { en: `The machine of ${[...gone].join(', ')} is destroyed. Stores sell on: nothing on the path of a sale leaves the site.`, fr: `La machine de ${[...gone].join(', ')} est détruite. Les magasins vendent toujours : aucune vente ne dépend d’un autre site.` }
        : { en: 'The chain trades. Destroy a machine, cut a link, and watch what is lost: nothing that was copied.', fr: 'La chaîne vend. Détruisez une machine, coupez un lien, et regardez ce qui se perd : rien de ce qui a été copié.' },
      sites: names_of.map((s) => ({ site: s, alive: !gone.has(s), cut: cut.has(s), rebuilding: false })), busy: null,
    }));
  });
  return {
    listen: () => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/${token}`))),
    close: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = make_mock({ enrol: process.env.MOCK_ENROL === '1' });
  console.log(`mock node at ${await mock.listen(Number(process.argv[2] ?? 8080))} (manager 1 / 4711, cashier 12 / 1212, enrolment code ${mock.enrol_code})`);
}
