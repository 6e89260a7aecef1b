// Catalogues and a year of real trade into running nodes (Must show 3).
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { records } from '../../demo/lib/csv.mjs';
import { exportAll, ledgersOf, effectiveEvents } from '../../demo/lib/journals.mjs';
import { generateCatalogue, catalogueCsv } from '../../demo/generate.mjs';
import { assert, claimOf, join, run, shared, tradingChain, waitUntil } from './lib.mjs';

const places = (store, office) => ['--url', store.url, '--token', join(store.dir, 'admin.token'),
  ...(office ? ['--head-office-url', office.url, '--head-office-token', join(office.dir, 'admin.token')] : [])];

test('catalogues from CSV', { timeout: 180_000 }, async (t) => {
  const chain = await tradingChain('catalogue', { listed: false });
  const office = chain.headOffice;
  const size = async () => (await office.safety()).size;
  const importing = (name, text, more = []) => {
    const file = join(chain.dir, name);
    writeFileSync(file, text);
    return run(['import', 'catalogue', file, ...places(office), ...more], { mayFail: true });
  };
  await t.test('a missing column is named and nothing is imported', async () => {
    const before = await size();
    const { code, err } = await importing('columns.csv', 'sku,name,price\nA,Pen,1\n');
    assert.equal(code, 1);
    assert.match(err, /gtin, vat/);
    assert.equal(await size(), before);
  });
  await t.test('5,000 generated products with their dirt: bad rows to a file, the rest listed', async () => {
    const products = generateCatalogue(7);
    const { code, out, err } = await importing('generated.csv', catalogueCsv(products, 7));
    assert.equal(code, 0, err);
    const refused = records(readFileSync(join(chain.dir, 'generated.csv.refused.csv'), 'utf8'));
    assert.ok(refused.length > 400 && refused.every((row) => Number(row.line) > 1 && row.reason), out);
    const [, rows, listed] = /(\d+) rows read, (\d+) listed/.exec(out);
    assert.equal(Number(rows), Number(listed) + refused.length);
    const good = products.find((product) => product.gtin.length === 13 && !refused.some((row) => row.sku === product.sku));
    assert.equal((await office.local().get(`/v1/products/${good.gtin}`)).sku, good.sku);
  });
  await t.test('the same file again changes nothing', async () => {
    const before = await size();
    const { out } = await importing('generated.csv', catalogueCsv(generateCatalogue(7), 7));
    assert.match(out, / 0 listed/);
    assert.equal(await size(), before);
  });
  await t.test('a forged token is refused', async () => {
    const token = join(chain.dir, 'forged.token');
    writeFileSync(token, '0'.repeat(64));
    const { code, err } = await run(['import', 'catalogue', join(chain.dir, 'generated.csv'), '--url', office.url, '--token', token], { mayFail: true });
    assert.equal(code, 1);
    assert.match(err, /401|token|authori/i);
  });
});

const retail = join(shared, 'data/online_retail.csv.zst');
test('Online Retail, all 541,909 rows', { timeout: 900_000, skip: !existsSync(retail) && `${retail} is not here` }, async (t) => {
  const chain = await tradingChain('online-retail', { listed: false });
  const [store] = chain.stores;
  const report = join(chain.dir, 'report.json'), rowsFile = join(chain.dir, 'rows.csv');
  const importing = () => run(['import', 'online-retail', retail, ...places(store, chain.headOffice), '--refused', join(chain.dir, 'refused.csv'),
    '--rows', rowsFile, '--report', report], { seconds: 800 });
  let told, size;

  await t.test('each row is part of an event or refused with a reason', async () => {
    await importing();
    told = JSON.parse(readFileSync(report, 'utf8'));
    size = (await store.safety()).size;
    assert.equal(told.rows, 541_909);
    assert.equal(told.accounted, 541_909);
    assert.ok(told.refused <= 541, `${told.refused} refused`);
    assert.equal(told.kinds['refund lines'].rows, 9_288);
    assert.equal(told.kinds['write-offs'].rows, 1_336);
    assert.deepEqual(told.reasons, { adjustment: 3 });  // the three invoices of a bad debt
    assert.equal(records(readFileSync(join(chain.dir, 'refused.csv'), 'utf8')).length, told.refused);
  });
  await t.test('the sums are exact, and the four lines below a penny are listed', async () => {
    assert.equal(told.all, '9747747.934');
    assert.equal(told.rounded_lines, 4);
    assert.deepEqual(told.rounded.map((line) => line.exact), ['0.001', '0.001', '0.001', '0.001']);
    const refused = records(readFileSync(join(chain.dir, 'refused.csv'), 'utf8'));
    const pence = refused.reduce((sum, row) => sum + Math.round(Number(row.UnitPrice) * 100) * Number(row.Quantity), 0);
    assert.equal(told.recorded + pence, 974_774_793);
    assert.equal(told.totals_differ, 0);
  });
  await t.test('invoice 573585 is one sale with 1,114 lines', async () => {
    assert.equal(told.largest_invoice, '573585');
    assert.equal(told.largest_event_lines, 1_114);
  });
  await t.test('the node\'s journal, read by another program, says the same', async () => {
    await store.cosigned({ seconds: 120 });
    const trees = await exportAll(chain, join(chain.dir, 'journals'));
    const mine = trees.filter((tree) => tree.site === store.name);
    const events = new Map();
    let exact = 0n, pence = 0n, lines = 0;
    for (const event of await effectiveEvents(mine)) {
      events.set(event.index, event);
      const sign = event.kind === 'SaleRecorded' ? 1n : event.kind === 'RefundWithoutReceipt' ? -1n : 0n;
      if (!sign) continue;
      for (const line of event.body.lines) {
        exact += sign * BigInt(line.quantity) * BigInt(line.unit_price);
        pence += sign * BigInt(line.amount);
        lines++;
      }
    }
    const refusedExact = BigInt(Math.round(Number(told.refused_sum) * 1e9));
    assert.equal(exact + refusedExact, 9_747_747_934_000_000n);
    assert.equal(pence, BigInt(told.recorded));
    assert.equal(lines, told.kinds['sale lines'].rows + told.kinds['refund lines'].rows);
    const claim = await claimOf(store);
    assert.equal(claim.gross, told.recorded);
    // Every row that was not refused points at a line of an event that is there.
    let pointed = 0;
    for (const row of records(readFileSync(rowsFile, 'utf8'))) {
      if (row.kind === 'refused') continue;
      const event = events.get(Number(row.index));
      assert.ok(event?.body.lines[Number(row.position)], `row of line ${row.line} points nowhere`);
      pointed++;
    }
    assert.equal(pointed, 541_909 - told.refused);
    await waitUntil('POST to be a service', async () => (await store.local().get('/v1/products/POST')).goods === false);
  });
  await t.test('a second import changes nothing', async () => {
    const before = await store.safety();
    await importing();
    const again = JSON.parse(readFileSync(report, 'utf8'));
    assert.equal((await store.safety()).size, before.size);
    assert.ok(before.size >= size);
    assert.equal(again.duplicates, Object.values(again.kinds).reduce((sum, kind) => sum + kind.events, 0));
    assert.equal(again.recorded, told.recorded);
  });
});
