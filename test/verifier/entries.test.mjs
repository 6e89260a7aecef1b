// The entry reader against entries that Google's own flatc made from JSON: a third reading of the same schema.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, entries, parseSchema, rawEntries, toJson } from './entries.mjs';
import { Key, makeTree } from './make_tree.mjs';

const schemaFile = fileURLToPath(new URL('../../schema/events.fbs', import.meta.url));
const schemaText = readFileSync(schemaFile, 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'holdfast-entries-'));
after(() => rmSync(scratch, { recursive: true }));
const hasFlatc = spawnSync('flatc', ['--version']).status === 0;
const needsFlatc = { skip: hasFlatc ? false : 'flatc is not installed (packages.txt has it)' };

let made = 0;
function flatc(value, schema = schemaFile) {
  const stem = join(scratch, `entry-${made++}`);
  writeFileSync(`${stem}.json`, JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
  const done = spawnSync('flatc', ['--binary', '-o', scratch, schema, `${stem}.json`], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return readFileSync(`${stem}.bin`);
}

const key = Array.from({ length: 16 }, (_, i) => i);
const keyHex = Buffer.from(key).toString('hex');
const sale = {
  at: 1795356185000000, write: { till: 3, key, readmitted: true, prior_origin: 'o/s/1', prior_index: 9 },
  body_type: 'SaleRecorded',
  body: {
    till: 3, series: 1099511627775, n: 15, total: 765, change: 35,
    lines: [{ sku: '85123A', quantity: 3000, unit_price: 2550000, vat: 'S', vat_millionths: 200000, amount: 765, vat_amount: 128,
      name: 'White hanging heart \u2014 T-light', open_price: true }, { sku: 'POST', quantity: -1000, amount: -5, goods: false }],
    tenders: [{ kind: 'Cash', amount: 800 }, { kind: 'Card', amount: 0, token: 't', masked: '**** 4242', result: 'Declined' }],
  },
};

test('a sale is read field by field', needsFlatc, () => {
  const got = decode(flatc(sale));
  assert.equal(got.kind, 'SaleRecorded');
  assert.equal(got.at, 1795356185000000n);
  assert.equal(got.write.key, keyHex);
  assert.equal(got.write.till, 3);
  assert.equal(got.write.readmitted, true);
  assert.equal(got.write.prior_index, 9n);
  assert.equal(got.write.staff, '');
  assert.equal(got.body.series, 1099511627775n);
  assert.equal(got.body.lines.length, 2);
  assert.deepEqual(got.body.lines[0], {
    sku: '85123A', quantity: 3000n, unit_price: 2550000n, vat: 'S', vat_millionths: 200000n, amount: 765n, vat_amount: 128n,
    name: 'White hanging heart \u2014 T-light', open_price: true, price_differs: false, goods: true, listed_at: 0n, listed_epoch: 0,
  });
  assert.equal(got.body.lines[1].goods, false);
  assert.equal(got.body.lines[1].quantity, -1000n);
  assert.deepEqual(got.body.tenders.map((t) => [t.kind, t.amount, t.result]), [['cash', 800n, 'approved'], ['card', 0n, 'declined']]);
});

test('what a rebuild is checked by is read: registration, list of a tail, followed peers', needsFlatc, () => {
  const opened = decode(flatc({ body_type: 'EpochOpened', body: { chain: 'c', site: 's', epoch: 2, currency: 'GBP', registration: [1, 2, 255] } }));
  assert.deepEqual(opened.body, { chain: 'c', site: 's', epoch: 2, currency: 'GBP', registration: '0102ff' });
  assert.equal(opened.write, null);
  const listed = decode(flatc({ body_type: 'TailListed', body: { id: key, origin: 'c/s/1', index: 7, reason: 'why', entry: [9] } }));
  assert.deepEqual(listed.body, { id: keyHex, origin: 'c/s/1', index: 7n, reason: 'why', entry: '09' });
  const followed = decode(flatc({ body_type: 'PeerFollowed', body: { peers: [{ origin: 'a', size: 5, root: key, held: [1, 2] }, { origin: 'b' }] } }));
  assert.deepEqual(followed.body.peers, [{ origin: 'a', size: 5n, root: keyHex, held: [1n, 2n] }, { origin: 'b', size: 0n, root: '', held: [] }]);
});

test('every kind of event in the schema is told by its name', needsFlatc, () => {
  const { unions, tables } = parseSchema(schemaText);
  assert.ok(unions.Body.length >= 24);
  for (const kind of unions.Body) {
    assert.ok(kind in tables, kind);
    assert.equal(decode(flatc({ body_type: kind, body: {} })).kind, kind);
  }
});

test('a kind that this schema does not know has no name', needsFlatc, () => {
  const newer = join(scratch, 'newer.fbs');
  writeFileSync(newer, schemaText.replace(/(union Body \{[^}]*)\}/, '$1, Newer }').replace('union Body', 'table Newer { x:int; }\nunion Body'));
  const got = decode(flatc({ at: 5, body_type: 'Newer', body: { x: 1 } }, newer));
  assert.equal(got.kind, null);
  assert.equal(got.body, null);
  assert.equal(got.at, 5n);
});

test('cut and garbled bytes are refused and never read beyond their end', needsFlatc, () => {
  const good = flatc(sale);
  let refused = 0;
  for (let size = 0; size < good.length; ++size) {
    try {
      decode(Buffer.from(good.subarray(0, size)));
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error));
      ++refused;
    }
  }
  assert.ok(refused > good.length / 2);
  const huge = Buffer.from(good);
  huge.fill(0xff, 8);
  assert.throws(() => decode(huge), RangeError);
});

const log = new Key('holdfast.example/acme/store-07/1', 1);
const treeOf = (list) => {
  const dir = join(scratch, `tree-${made++}`);
  makeTree(dir, list, { log });
  return dir;
};

test('the entries of a tree come in order, parts joined at the last', needsFlatc, () => {
  const whole = flatc(sale);
  const part = (number, last, data) => flatc({ body_type: 'Part', body: { number, last, data: [...data] } });
  const count = flatc({ body_type: 'StockCounted', body: { lines: [{ sku: 'A', quantity: 4000 }] } });
  const dir = treeOf([count, part(0, false, whole.subarray(0, 50)), part(1, false, whole.subarray(50, 51)), part(2, true, whole.subarray(51)), count]);
  const got = [...entries(dir)];
  assert.deepEqual(got.map((e) => [e.index, e.kind]), [[0, 'StockCounted'], [3, 'SaleRecorded'], [4, 'StockCounted']]);
  assert.equal(got[1].body.total, 765n);
  assert.deepEqual([...rawEntries(dir, 3)].map((e) => e.index), [3, 4]);
  assert.equal(JSON.parse(toJson(got[1])).body.total, '765');
});

test('parts out of order and entries that can not be read are refused by index', needsFlatc, () => {
  const part = (number) => flatc({ body_type: 'Part', body: { number, last: false, data: [1] } });
  assert.throws(() => [...entries(treeOf([part(0), part(2)]))], { code: 'bad_entry', message: /entry 1 / });
  assert.throws(() => [...entries(treeOf([Buffer.from('\xff\xff\xff\x7f', 'latin1')]))], { code: 'bad_entry', message: /entry 0 / });
});

test('the command line prints one JSON line an entry', needsFlatc, () => {
  const program = fileURLToPath(new URL('entries.mjs', import.meta.url));
  const run = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  const dir = treeOf([flatc(sale), flatc({ body_type: 'NodeStarted', body: { series: 5, software: 'x' } })]);
  const lines = run(dir).stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((l) => l.kind), ['SaleRecorded', 'NodeStarted']);
  assert.equal(run(dir, '--kind', 'NodeStarted').stdout.trim().split('\n').length, 1);
  assert.equal(run().status, 2);
  assert.equal(run(join(scratch, 'nothing')).status, 1);
});
