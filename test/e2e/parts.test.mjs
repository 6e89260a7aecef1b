// The parts that judge: an audit that cannot fail would be worth nothing, so each fault is planted and must be found.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Ledger, allArrived, checkAcknowledged, differsFromClaim, keptSealed, receiptText, stockBalance } from '../../demo/lib/audit.mjs';
import { freePorts, isMarked, markDirectory, marker, overwriteAll, ownDirectory } from '../../demo/lib/chain.mjs';
import { parseCsv, csvLine } from '../../demo/lib/csv.mjs';
import { divideHalfUp, lineAmount, parseDecimal } from '../../demo/lib/decimal.mjs';
import { openLedger } from '../../demo/lib/ledger.mjs';
import { searchInClear } from '../../demo/lib/search.mjs';
import { catalogueCsv, generateBaskets, generateCatalogue } from '../../demo/generate.mjs';
import { trade } from '../../demo/baskets.mjs';

const line = (change) => ({ sku: 'PEN', quantity: 2000n, unit_price: 1_250_000n, vat: 'S', amount: 250n, vat_amount: 42n, goods: true, ...change });
const sale = (index, n, change = {}) => ({ origin: 'c/s/1', index, kind: 'SaleRecorded', write: { till: 1, key: `k${index}` },
  body: { till: 1, series: 7n, n: BigInt(n), lines: [line()], tenders: [{ kind: 'cash', amount: 300n }], change: 50n, total: 250n }, ...change });
const stock = (index, kind, body) => ({ origin: 'c/s/1', index, kind, write: { till: 0, key: `k${index}` }, body });
const told = (event) => ({ site: 's', till: event.write.till, write: { key: event.write.key, kind: 'sale' },
  reply: { origin: event.origin, index: event.index, receipt: receiptText(event.body), total: 250 } });
const claim = { sales: 2, refunds: 0, refunds_without_receipt: 0, gross: 500, by_vat: { S: { gross: 500, vat: 84 } }, by_tender: { cash: 500, card: 0 }, units: '4.000', stock_units: '-4' };

test('an audit that finds nothing wrong where nothing is', () => {
  const events = [sale(0, 1), sale(1, 2)];
  const ledger = new Ledger('s', events);
  assert.deepEqual([ledger.doubled, ledger.repeats, ledger.gaps()], [[], [], []]);
  assert.deepEqual(checkAcknowledged(new Map([['s', ledger]]), events.map(told)), { found: 2, listed: [], problems: [] });
  assert.deepEqual(differsFromClaim(ledger, claim), []);
});
test('a lost sale is found', () => {
  const { found, problems } = checkAcknowledged(new Map([['s', new Ledger('s', [sale(0, 1)])]]), [sale(0, 1), sale(1, 2)].map(told));
  assert.equal(found, 1);
  assert.deepEqual(problems.map(({ what }) => what), ['lost']);
});
test('a write that lies on the list is not one that is in force', () => {
  const listed = ['WriteListed', 'TailListed'].map((kind, i) => ({ origin: 'c/s/2', index: 5 + i, kind,
    write: { till: 1, key: `k${i + 1}`, prior_origin: 'c/s/1', prior_index: BigInt(i + 1) }, body: { id: 'ab', reason: 'its sale is not here' } }));
  const result = checkAcknowledged(new Map([['s', new Ledger('s', [sale(0, 1), ...listed])]]), [sale(0, 1), sale(1, 2), sale(2, 3)].map(told));
  assert.equal(result.found, 1);
  assert.deepEqual(result.listed.map(({ write, reason }) => `${write.key}: ${reason}`), ['k1: its sale is not here', 'k2: its sale is not here']);
  assert.deepEqual(result.problems, []);
});
test('a doubled sale, a repeated and a missing number are found', () => {
  const ledger = new Ledger('s', [sale(0, 1), sale(1, 1), sale(2, 4), { ...sale(3, 5), write: { till: 1, key: 'k0' } }]);
  assert.equal(ledger.doubled.length, 1);
  assert.equal(ledger.repeats.length, 1);
  assert.deepEqual(ledger.gaps(), ['1 7 2', '1 7 3']);
});
test('a sale with another number, place or total is found; a re-submitted one is not', () => {
  const check = (event) => checkAcknowledged(new Map([['s', new Ledger('s', [event])]]), [told(sale(0, 1))]).problems.map(({ what }) => what);
  assert.deepEqual(check(sale(0, 2)), ['other receipt']);
  assert.deepEqual(check(sale(0, 1, { index: 9 })), ['elsewhere']);
  assert.deepEqual(check({ ...sale(0, 1), body: { ...sale(0, 1).body, total: 251n } }), ['other total']);
  assert.deepEqual(check({ ...sale(0, 1), origin: 'c/s/2', index: 5, write: { till: 1, key: 'k0', prior_origin: 'c/s/1', prior_index: 0n } }), []);
});
test('a wrong claim is found, each part of it', () => {
  const ledger = new Ledger('s', [sale(0, 1), sale(1, 2)]);
  for (const change of [{ sales: 3 }, { gross: 501 }, { by_vat: { S: { gross: 500, vat: 83 } } }, { by_tender: { cash: 400, card: 100 } }, { units: '3.999' }, { stock_units: '0' }, { by_vat: {} }]) {
    assert.notDeepEqual(differsFromClaim(ledger, { ...claim, ...change }), [], JSON.stringify(change));
  }
});
test('a seal in the kept part of a journal is found; one that was lifted, or is of the next epoch, is not', () => {
  const posture = (index, word, origin = 'c/s/1') => ({ origin, index, kind: 'PostureChanged', body: { posture: word } });
  const sealed = (...events) => keptSealed(new Ledger('s', events), 'c/s/1');
  assert.ok(sealed(sale(0, 1), posture(1, 'guarded'), posture(2, 'sealed'), sale(3, 2)));
  assert.ok(!sealed(sale(0, 1)));
  assert.ok(!sealed(posture(0, 'sealed'), posture(1, 'open')));
  assert.ok(!sealed(posture(0, 'guarded'), posture(0, 'sealed', 'c/s/2')));
});
test('goods that vanish, appear, arrive twice or as something else on the way are found', () => {
  const lines = (units, sku = 'PEN') => [{ sku, quantity: units }];
  const sender = new Ledger('w', [stock(0, 'StockReceived', { lines: lines(10_000n) }), stock(1, 'StockDispatched', { to: 's', lines: lines(4_000n) })]);
  const balance = (...arrived) => stockBalance(new Map([['w', sender], ['s', new Ledger('s', arrived)]]));
  const got = (index, units, { dispatch = 'k1', sku } = {}) => stock(index, 'DispatchReceived', { from: 'w', dispatch, lines: lines(units, sku) });
  const whole = balance(got(0, 4_000n));
  assert.ok(allArrived(whole));
  assert.deepEqual([whole.dispatches, whole.arrivals], [1, 1]);
  assert.equal(balance().inTransit, 4_000n);
  assert.equal(balance(got(0, 3_000n)).differences, 1_000n);
  const twice = balance(got(0, 4_000n), got(1, 4_000n));
  assert.equal(twice.differences, -4_000n);
  assert.deepEqual(twice.differing, ['k1 PEN']);
  for (const wrong of [balance(), balance(got(0, 3_000n)), twice, balance(got(0, 4_000n, { dispatch: 'other' })), balance(got(0, 4_000n, { sku: 'INK' })),
    balance(got(0, 4_000n), got(1, 3_000n, { dispatch: 'other' }))]) assert.ok(!allArrived(wrong), JSON.stringify(wrong, (_, v) => String(v)));
});
test('two differences that make up for each other are still two', () => {
  const lines = (...units) => units.map((quantity, i) => ({ sku: `S${i}`, quantity }));
  const sender = new Ledger('w', [stock(0, 'StockReceived', { lines: lines(9n, 9n) }), stock(1, 'StockDispatched', { to: 's', lines: lines(4n, 4n) })]);
  const balance = stockBalance(new Map([['w', sender], ['s', new Ledger('s', [stock(0, 'DispatchReceived', { from: 'w', dispatch: 'k1', lines: lines(5n, 3n) })])]]));
  assert.equal(balance.differences, 0n);
  assert.equal(balance.outside, balance.onShelves);
  assert.ok(!allArrived(balance));
});
test('a name in the clear is found in any spelling of bytes, and across the edge of what is read at once', () => {
  const dir = mkdtempSync(join(tmpdir(), 'hf-search-'));
  const word = 'Wilhelmina Quill';
  const spellings = [Buffer.concat([Buffer.alloc((1 << 22) + 20, 1), Buffer.from(word)]), Buffer.from(word, 'utf16le'), Buffer.from(`ab${word}`).toString('base64'), Buffer.from(word).toString('hex')];
  spellings.forEach((bytes, i) => writeFileSync(join(dir, `f${i}`), bytes));
  writeFileSync(join(dir, 'none'), 'Wilhelmina  Quill');
  const counted = {};
  assert.equal(searchInClear([dir], [word], counted).length, spellings.length);
  assert.equal(counted.files, spellings.length + 1);
  rmSync(dir, { recursive: true });
});

function scratch(t) {
  const dir = mkdtempSync(join(tmpdir(), 'hf-marker-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return (name = '') => join(dir, name);
}
test('nothing is destroyed that the demo has not made, whatever lies under its marker\'s name', (t) => {
  const at = scratch(t), ours = at('ours');
  ownDirectory(ours);
  const marks = { none: () => {}, empty: (dir) => writeFileSync(join(dir, marker), ''), foreign: (dir) => writeFileSync(join(dir, marker), 'a letter\n'),
    directory: (dir) => mkdirSync(join(dir, marker)), link: (dir) => symlinkSync(join(ours, marker), join(dir, marker)) };
  for (const [name, put] of Object.entries(marks)) {
    const dir = at(name);
    mkdirSync(dir);
    writeFileSync(join(dir, 'precious'), 'precious');
    put(dir);
    assert.throws(() => overwriteAll(dir), /not marked/, name);
    assert.throws(() => ownDirectory(dir), /was not made by the demo.*move it away/, name);
    assert.equal(readFileSync(join(dir, 'precious'), 'utf8'), 'precious', name);
  }
  symlinkSync(ours, at('a link'));
  assert.throws(() => ownDirectory(at('a link')), /is no directory/);
  assert.ok(isMarked(ours));
});
test('destroying follows no link', (t) => {
  const at = scratch(t), site = at('site');
  mkdirSync(at('elsewhere'));
  for (const name of ['file', 'elsewhere/file']) writeFileSync(at(name), 'somebody else\'s');
  mkdirSync(site);
  markDirectory(site);
  writeFileSync(join(site, 'key'), Buffer.alloc(3000, 'k'));
  symlinkSync(at('file'), join(site, 'link'));
  symlinkSync(at('elsewhere'), join(site, 'tree'));
  assert.deepEqual(overwriteAll(site), { files: 1, bytes: 3000 });
  assert.ok(!readFileSync(join(site, 'key')).includes('kkkk'));
  for (const name of ['file', 'elsewhere/file']) assert.equal(readFileSync(at(name), 'utf8'), 'somebody else\'s');
  assert.ok(isMarked(site));
});
test('a directory in which another process works is not taken; that of one that has ended is', (t) => {
  const dir = scratch(t)('demo');
  ownDirectory(dir);
  const mine = readFileSync(join(dir, marker), 'utf8'), [, pid, start] = /process (\d+) started (\d+)/.exec(mine);
  // The form that own_directory.h tells, and demo_test.cc tests.
  assert.equal(mine, `Made by Holdfast's demo or tests, which may destroy it.\nprocess ${process.pid} started ${start}\n`);
  writeFileSync(join(dir, 'left behind'), 'x');
  const other = () => spawnSync(process.execPath, ['--input-type=module', '-e',
    `import { ownDirectory } from ${JSON.stringify(new URL('../../demo/lib/chain.mjs', import.meta.url).href)}; ownDirectory(${JSON.stringify(dir)});`], { encoding: 'utf8' });
  const refused = other();
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, new RegExp(`process ${pid} works in ${dir}: end it first`));
  assert.ok(existsSync(join(dir, 'left behind')));
  // The same number, but of a process that began at another time: whoever worked here has ended.
  writeFileSync(join(dir, marker), mine.replace(start, `${start}0`));
  assert.equal(other().status, 0);
  assert.deepEqual(readdirSync(dir), [marker]);
  ownDirectory(dir);  // that process has ended, too
});
test('a receiving ledger opens no directory to others, holds a row once, and leaves nothing', async (t) => {
  const dir = scratch(t)('build');
  mkdirSync(dir, { mode: 0o700 });
  const file = join(dir, 'sales.csv');
  writeFileSync(file, 'id,site\r\n1,a\r\n2,b\r\n');
  const ledger = await openLedger(dir, await freePorts(1));
  t.diagnostic(`ledger: ${ledger.name}`);
  try {
    assert.equal(ledger.take('sales', file), 2);
    assert.equal(ledger.take('sales', file), 0);
    assert.deepEqual(ledger.rows('sales').map(({ id }) => id).sort(), ['1', '2']);
    for (const path of [dir, join(dir, '..')]) assert.equal(statSync(path).mode & 0o777, 0o700);
  } finally {
    await ledger.stop();
  }
  if (ledger.data) assert.ok(!existsSync(ledger.data));
});
test('without a PostgreSQL that starts the ledger is in memory, and says why', async (t) => {
  const at = scratch(t);
  writeFileSync(at('initdb'), '#!/bin/sh\necho "$2" >"$(dirname "$0")/data"\necho "could not change permissions" >&2\nexit 1\n', { mode: 0o755 });
  const none = await openLedger(at(), 1, { bin: at('nowhere') });
  assert.equal(none.name, 'memory (PostgreSQL 15 is not installed)');
  if (spawnSync('psql', ['--version']).status !== 0) return;
  chmodSync(at(), 0o755);  // the stand-in runs under another user
  writeFileSync(at('data'), '');
  chmodSync(at('data'), 0o666);
  const failed = await openLedger(at(), 1, { bin: at() });
  assert.equal(failed.name, 'memory (PostgreSQL\'s initdb failed: could not change permissions)');
  const data = readFileSync(at('data'), 'utf8').trim();
  assert.match(data, /^\/var\/tmp\/holdfast-ledger-/);
  assert.ok(!existsSync(data));
});
test('amounts are exact and half is rounded up', () => {
  assert.equal(lineAmount('0.335', '3'), 101n);
  assert.equal(lineAmount('0.001', '1'), 0n);
  assert.equal(lineAmount('1.00', '0.125'), 13n);
  assert.equal(divideHalfUp(-5n, 2n), -3n);
  for (const text of ['1,5', '1.0000001', '', '1e3', '.5']) assert.throws(() => parseDecimal(text, 6));
});
test('CSV is read back as it was written', () => {
  const row = ['a,b', 'c "d"', 'e\nf', '', 'ü'];
  assert.deepEqual(parseCsv(csvLine(row) + csvLine(row)), [row, row]);
});
test('generated trade is the same for the same seed, and has its dirt', () => {
  const products = generateCatalogue(3), csv = catalogueCsv(products, 3);
  assert.equal(csv, catalogueCsv(generateCatalogue(3), 3));
  assert.notEqual(csv, catalogueCsv(generateCatalogue(4), 4));
  assert.match(csv, /E\+1/);
  const draw = (seed) => { const stream = generateBaskets(products, { seed, stores: 4 }); return JSON.stringify(Array.from({ length: 50 }, () => stream.next().value)); };
  assert.equal(draw(3), draw(3));
  assert.notEqual(draw(3), draw(4));
});
test('without ../shared/data, trade is generated, enough for every store', () => {
  const made = trade({ stores: 32, baskets: 20_000, data: '/nowhere' });
  assert.equal(made.stores.reduce((sum, list) => sum + list.length, 0), 20_000);
  assert.ok(made.stores.every((list) => list.length > 100));
});
