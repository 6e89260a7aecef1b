// What a handback says beside what the journal says: totals by day, VAT rate and tender. The journal is read by
// test/verifier, which shares no code with what wrote the files.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { records } from './csv.mjs';

export const money = (text) => {
  if (!/^-?\d+\.\d\d$/.test(text)) throw new Error(`${JSON.stringify(text)} is no amount with two decimals`);
  return BigInt(text.replace('.', ''));
};
const day = (ns) => new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 10);
export const sorted = (map) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
export const same = (a, b) => {
  const text = (map) => sorted(map).map(([key, amount]) => `${key}=${amount}`).join('\n');
  return text(a) === text(b);
};

// { totals: "day what code" -> BigInt, ids: Set } of a site's events (from test/verifier/entries.mjs), from an index on.
// The rates of a refund stand in its sale.
export function tradeTotals(site, events, from = 0n) {
  const totals = new Map(), sold = new Map(), ids = new Set();
  const add = (key, amount) => totals.set(key, (totals.get(key) ?? 0n) + amount);
  const receipt = (b, prefix = '') => `${b[`${prefix}till`]}/${b[`${prefix}series`]}/${b[`${prefix}n`]}`;
  for (const { at, write: w, kind, body, index } of events) {
    if (!['SaleRecorded', 'RefundRecorded', 'RefundWithoutReceipt'].includes(kind)) continue;
    const when = w.prior_origin ? w.prior_at : at, sign = kind === 'SaleRecorded' ? 1n : -1n;
    if (kind === 'SaleRecorded') sold.set(receipt(body), body.lines);
    if (BigInt(index) < from) continue;
    ids.add(`${site}-${w.till}-${w.key}`);
    const d = day(when);
    add(`${d} ${sign > 0n ? 'sales' : 'refunds'} `, 1n);
    add(`${d} gross `, sign * body.total);
    const lines = kind === 'RefundRecorded' ? body.lines.map((l) => ({ ...sold.get(receipt(body, 'of_'))[l.line], ...l })) : body.lines;
    for (const line of lines) {
      const rate = `${line.vat} ${Number(line.vat_millionths) / 10_000}`;
      add(`${d} taxed ${rate}`, sign * line.amount);
      add(`${d} vat ${rate}`, sign * line.vat_amount);
    }
    for (const tender of body.tenders) if (tender.result === 'approved') add(`${d} paid ${tender.kind}`, sign * tender.amount);
    if (body.change) add(`${d} paid cash`, -sign * body.change);
  }
  return { totals, ids };
}

// ---- the files of one handback

export const fileOf = (dir, what) => join(dir, readdirSync(dir).find((name) => name.endsWith(what)));
export const digestsOf = (dir) => readdirSync(dir).sort().map((name) => [name, createHash('sha256').update(readFileSync(join(dir, name))).digest('hex')]);

export function controlTotals(dir) {
  const out = new Map();
  for (const row of records(readFileSync(fileOf(dir, 'control-totals.csv'), 'utf8'))) {
    if (row.day === 'all') continue;
    out.set(`${row.day} ${row.total} ${row.code}`, ['sales', 'refunds'].includes(row.total) ? BigInt(row.amount) : money(row.amount));
  }
  return out;
}
// The control totals as a person at the old system types its figures into them: change({day, total, code, amount}) -> text.
export function typedIn(dir, change) {
  return readFileSync(fileOf(dir, 'control-totals.csv'), 'utf8').split('\r\n').map((row, n) => {
    const cells = row.split(',');
    if (n === 0 || cells.length < 5) return row;
    const [theDay, total, code, amount] = cells;
    return [...cells.slice(0, 4), change({ day: theDay, total, code, amount })].join(',');
  }).join('\r\n');
}

// ---- the receiving ledger

export const kinds = ['sales', 'lines', 'payments', 'movements'];
// Gives it files of every kind. { taken, rows }: rows that were new to it, rows given.
export function give(ledger, dirs) {
  const out = { taken: 0, rows: 0 };
  for (const kind of kinds) {
    for (const dir of dirs) {
      const file = fileOf(dir, `-${kind}.csv`);
      out.rows += records(readFileSync(file, 'utf8')).length;
      out.taken += ledger.take(kind, file);
    }
  }
  return out;
}
// What it holds of one site, in the words of tradeTotals.
export function ledgerTotals(ledger, site) {
  const totals = new Map();
  const add = (key, amount) => totals.set(key, (totals.get(key) ?? 0n) + amount);
  const of = (kind) => ledger.rows(kind).filter((row) => row.site === site);
  const sales = of('sales');
  for (const row of sales) {
    add(`${row.day} ${row.kind === 'sale' ? 'sales' : 'refunds'} `, 1n);
    add(`${row.day} gross `, money(row.total));
  }
  for (const row of of('lines')) {
    add(`${row.day} taxed ${row.vat_code} ${row.vat_rate}`, money(row.amount));
    add(`${row.day} vat ${row.vat_code} ${row.vat_rate}`, money(row.vat));
  }
  for (const row of of('payments')) add(`${row.day} paid ${row.tender}`, money(row.amount));
  return { totals, ids: new Set(sales.map(({ id }) => id)) };
}
