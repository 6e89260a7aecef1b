// Where the demo's trade comes from: the real baskets of Complete Journey or Groceries in ../shared/data, else generated
// ones. Always the same answer: { source, catalogue: CSV text, stores: [[basket, ...], ...], notes: [sentence, ...] }, one
// list of baskets a store, in the order of time; a basket is a list of {sku, quantity, unit_price, vat, name, open}.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCsv, records, csvLine } from './lib/csv.mjs';
import { divideHalfUp, formatDecimal, parseDecimal } from './lib/decimal.mjs';
import { catalogueCsv, generateBaskets, generateCatalogue } from './generate.mjs';

function unpack(path) {
  const run = spawnSync('zstd', ['-dcq', path], { maxBuffer: 1 << 30 });
  if (run.error || run.status !== 0) throw new Error(`${path} cannot be unpacked: ${run.error?.message ?? run.stderr}`);
  return run.stdout.toString('utf8');
}

export function trade({ stores, baskets, data, seed = 1 }) {
  const journey = join(data, 'cj_transactions_sample.csv.zst');
  if (existsSync(journey)) {
    const found = completeJourney({ stores, data });
    if (found.stores.length === stores && count(found) >= baskets) return found;
  }
  const groceries = join(data, 'groceries.csv');
  if (existsSync(groceries)) return groceriesTrade({ stores, baskets, data });
  return generatedTrade({ stores, baskets, seed });
}
const count = (trade_) => trade_.stores.reduce((sum, list) => sum + list.length, 0);

// Real barcodes, good and spoilt, given to products in the order of the file: the two sets know nothing of each other.
function barcodes(data) {
  const path = join(data, 'product_codes.csv');
  return existsSync(path) ? records(readFileSync(path, 'utf8')).map((row) => row.code) : [];
}

const food = new Set(['GROCERY', 'PRODUCE', 'MEAT', 'MEAT-PCKGD', 'DELI', 'PASTRY', 'SEAFOOD', 'SEAFOOD-PCKGD', 'SALAD BAR', 'DAIRY DELI',
  'PACKAGED PRODUCE', 'FROZEN GROCERY', 'CHEF SHOPPE', 'RESTAURANT']);

function completeJourney({ stores, data }) {
  const products = new Map(records(unpack(join(data, 'cj_products.csv.zst'))).map((row) => [row.product_id, row]));
  const byStore = new Map();
  const paid = new Map();  // product -> unit price -> times
  let skipped = 0;
  for (const row of records(unpack(join(data, 'cj_transactions_sample.csv.zst')))) {
    const pieces = parseDecimal(row.quantity, 3);
    if (pieces <= 0n) {
      skipped++;  // a coupon without goods
      continue;
    }
    // Dollars paid for the line, as millionths a piece; taken as the chain's own currency.
    const unit_price = formatDecimal(divideHalfUp(parseDecimal(row.sales_value, 6) * 1000n, pieces), 6, 2);
    const line = { sku: row.product_id, quantity: formatDecimal(pieces, 3), unit_price };
    if (!byStore.has(row.store_id)) byStore.set(row.store_id, new Map());
    const store = byStore.get(row.store_id);
    if (!store.has(row.basket_id)) store.set(row.basket_id, []);
    store.get(row.basket_id).push(line);
  }
  const largest = [...byStore].sort((a, b) => b[1].size - a[1].size || Number(a[0]) - Number(b[0])).slice(0, stores);
  const chosen = largest.map(([, baskets]) => [...baskets.values()]);
  for (const basket of chosen.flat()) {
    for (const line of basket) {
      if (!paid.has(line.sku)) paid.set(line.sku, new Map());
      const prices = paid.get(line.sku);
      prices.set(line.unit_price, (prices.get(line.unit_price) ?? 0) + 1);
    }
  }
  const codes = barcodes(data);
  const listed = new Map();
  let csv = csvLine(['sku', 'gtin', 'name', 'unit_price', 'vat', 'goods']);
  let unknown = 0;
  for (const [sku, prices] of paid) {
    const row = products.get(sku);
    if (!row) {
      unknown++;
      continue;
    }
    const [unit_price] = [...prices].sort((a, b) => b[1] - a[1] || Number(a[0]) - Number(b[0]))[0];
    const name = [row.product_type || row.product_category || row.department, row.package_size, row.brand].filter(Boolean).join(', ');
    const vat = food.has(row.department) ? 'Z' : row.department === 'FUEL' ? 'R' : 'S';
    listed.set(sku, { name, vat });
    csv += csvLine([sku, codes[listed.size - 1] ?? '', name, unit_price, vat, true]);
  }
  for (const basket of chosen.flat()) {
    for (const line of basket) {
      const product = listed.get(line.sku);
      line.name = product?.name ?? `Article ${line.sku}`;
      line.vat = product?.vat ?? 'S';
    }
  }
  return {
    source: `Complete Journey: the ${largest.length} largest of ${byStore.size} real stores`,
    catalogue: csv,
    stores: chosen,
    notes: [`${skipped} coupon lines without goods left out`, `${unknown} products that its product file lacks are sold by open price`],
  };
}

function groceriesTrade({ stores, baskets, data }) {
  const rows = parseCsv(readFileSync(join(data, 'groceries.csv'), 'utf8')).map((row) => row.map((item) => item.trim()));
  const items = new Map();
  for (const row of rows) {
    for (const name of row) {
      if (items.has(name)) continue;
      const n = items.size + 1;
      items.set(name, { sku: `G${String(n).padStart(3, '0')}`, name, unit_price: formatDecimal(BigInt((n * 37) % 900 + 49) * 10_000n, 6, 2), vat: 'Z' });
    }
  }
  const codes = barcodes(data);
  let csv = csvLine(['sku', 'gtin', 'name', 'unit_price', 'vat', 'goods']);
  [...items.values()].forEach((item, i) => { csv += csvLine([item.sku, codes[i] ?? '', item.name, item.unit_price, item.vat, true]); });
  const lists = Array.from({ length: stores }, () => []);
  for (let n = 0; n < baskets; n++) {
    lists[n % stores].push(rows[n % rows.length].map((name) => ({ ...items.get(name), quantity: '1' })));
  }
  const rounds = Math.ceil(baskets / rows.length);
  return { source: `Groceries: ${rows.length} real baskets of one shop, dealt to ${stores} stores`, catalogue: csv, stores: lists,
    notes: [`each basket is used up to ${rounds} times; prices are made up`] };
}

function generatedTrade({ stores, baskets, seed }) {
  const products = generateCatalogue(seed);
  const lists = Array.from({ length: stores }, () => []);
  const stream = generateBaskets(products, { seed, stores });
  for (let n = 0; n < baskets; n++) {
    const { store, lines } = stream.next().value;
    lists[store].push(lines);
  }
  return { source: `generated (seed ${seed})`, catalogue: catalogueCsv(products, seed), stores: lists, notes: [] };
}
