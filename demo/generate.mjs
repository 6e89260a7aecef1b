// Generated trade with the dirt of real trade, for machines without ../shared/data. Everything here is fictitious, and the
// same seed gives the same trade.
//
//   node demo/generate.mjs [--seed N] [--products N] [--baskets N] [--stores N] --into DIR
//     writes DIR/catalogue.csv and DIR/baskets.jsonl
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { csvLine } from './lib/csv.mjs';
import { formatDecimal } from './lib/decimal.mjs';
import { Random } from './lib/random.mjs';

const departments = [
  { name: 'Bakery', vat: 'Z', items: ['White loaf', 'Seeded loaf', 'Baguette', 'Rolls', 'Croissants', 'Crumpets', 'Scones', 'Wraps'] },
  { name: 'Dairy', vat: 'Z', items: ['Whole milk', 'Skimmed milk', 'Butter', 'Cheddar', 'Yoghurt', 'Cream', 'Crème fraîche', 'Eggs'] },
  { name: 'Produce', vat: 'Z', weighed: true, items: ['Apples', 'Bananas', 'Carrots', 'Potatoes', 'Onions', 'Grapes', 'Tomatoes', 'Leeks'] },
  { name: 'Grocery', vat: 'Z', items: ['Pasta', 'Rice', 'Flour', 'Sugar', 'Tinned tomatoes', 'Baked beans', 'Tea', 'Coffee', 'Porridge'] },
  { name: 'Household', vat: 'S', items: ['Washing-up liquid', 'Bin liners', 'Light bulb', 'Candles', 'Batteries', 'Kitchen roll', 'Soap'] },
  { name: 'Drinks', vat: 'S', items: ['Cola', 'Lemonade', 'Sparkling water', 'Lager', 'Cider', 'Red wine', 'White wine', 'Orange juice'] },
  { name: 'Energy', vat: 'R', items: ['Firelighters', 'Kindling', 'Charcoal', 'Smokeless coal'] },
];
const makers = ['Ashdown', 'Bellweather', 'Corrie & Sons', "Dunn's", 'Elm Farm', 'Fenwick', 'Gosling', 'Hartley', 'Île Verte'];
const sizes = ['small', 'medium', 'large', 'family', '2 pack', '6 pack', '500 g', '1 kg', '1 l', '330 ml', '£1 pack', '"value"'];

function checkDigit(body) {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum += Number(body[body.length - 1 - i]) * (i % 2 ? 1 : 3);
  return String((10 - (sum % 10)) % 10);
}

// What people and spreadsheets do to barcodes: about 12 in 100 real ones are spoilt (../shared/data/product_codes.csv).
function spoil(random, gtin) {
  const wrong = (Number(gtin.at(-1)) + 1 + random.below(9)) % 10;
  return random.pick([
    () => gtin.slice(0, -1) + wrong,
    () => `${gtin[0]}.${gtin.slice(1, 3)}E+${gtin.length - 1}`,
    () => gtin.slice(3),
    () => gtin.padStart(24, '0'),
    () => gtin.replace(/.$/, 'O'),
  ])();
}

export function generateCatalogue(seed, count = 5000) {
  const random = new Random(seed);
  const products = [];
  for (let i = 0; i < count; i++) {
    const department = random.pick(departments);
    const eight = random.chance(0.1);
    const body = eight ? `5${String(random.below(1e6)).padStart(6, '0')}` : `50${String(random.below(1e10)).padStart(10, '0')}`;
    const gtin = random.chance(0.15) ? '' : body + checkDigit(body);
    const pence = Math.max(15, Math.round(Math.exp(random.real() * 4 + 3.6)));
    products.push({
      sku: String(100000 + i),
      gtin: gtin && random.chance(0.12) ? spoil(random, gtin) : gtin,
      name: `${random.pick(makers)} ${random.pick(department.items)} ${random.pick(sizes)}`,
      unit_price: formatDecimal(BigInt(pence) * 10_000n + (random.chance(0.002) ? 5000n : 0n), 6, 2),
      vat: department.vat,
      goods: true,
      weighed: department.weighed ?? false,
    });
  }
  products.push({ sku: 'POST', gtin: '', name: 'Postage', unit_price: '3.95', vat: 'S', goods: false, weighed: false });
  products.push({ sku: 'BAG', gtin: '', name: 'Carrier bag', unit_price: '0.10', vat: 'S', goods: true, weighed: false });
  return products;
}

// The catalogue as it would come out of an old system: with rows that nobody should import.
export function catalogueCsv(products, seed) {
  const random = new Random(seed + 1);
  let csv = csvLine(['sku', 'gtin', 'name', 'unit_price', 'vat', 'goods']);
  for (const p of products) {
    csv += csvLine([p.sku, p.gtin, p.name, p.unit_price, p.vat, p.goods]);
    if (random.chance(0.003)) csv += csvLine([p.sku, p.gtin, `${p.name} (again)`, p.unit_price, p.vat, p.goods]);
    if (random.chance(0.002)) csv += csvLine([`${p.sku}X`, '', p.name, random.pick(['-1.00', '1,50', '£2', '', '0.1234567']), p.vat, true]);
    if (random.chance(0.001)) csv += csvLine([`${p.sku}Y`, '', p.name, p.unit_price, random.pick(['', 'Q', '20%']), true]);
  }
  return csv;
}

// How many lines baskets have in a small supermarket: many of one, a long tail (Groceries: 2,159 of 9,835 hold one item,
// the longest 32, the mean 4.4).
function basketSize(random) {
  let lines = 1;
  while (lines < 40 && random.chance(0.775)) lines++;
  return lines;
}

// An endless stream of baskets: {store, lines: [{sku, quantity, unit_price, vat, name, open}]}, store from 0, larger stores
// more often. `listed`: whether head office has listed a SKU; what it has not is sold by open price.
export function* generateBaskets(products, { seed, stores, listed = () => true }) {
  const random = new Random(seed + 2);
  const popular = products.map((_, i) => i).sort((a, b) => ((a * 7919) % 104729) - ((b * 7919) % 104729));
  for (;;) {
    const store = Math.min(stores - 1, Math.floor(stores * random.real() ** 1.6));
    const lines = [];
    for (let n = basketSize(random); n > 0; n--) {
      const p = products[popular[Math.floor(popular.length * random.real() ** 3)]];
      const quantity = p.weighed ? formatDecimal(BigInt(100 + random.below(2400)), 3) : random.chance(0.8) ? '1' : String(2 + random.below(11));
      const reduced = random.chance(0.03);  // a yellow label: the price on the shelf is not the listed one
      const unit_price = reduced ? formatDecimal((BigInt(Math.round(Number(p.unit_price) * 100)) / 2n) * 10_000n, 6, 2) : p.unit_price;
      lines.push({ sku: p.sku, quantity, unit_price, vat: p.vat, name: p.name, open: !listed(p.sku) });
      if (random.chance(0.02)) lines.push({ ...lines.at(-1) });  // the same thing scanned twice is two lines
    }
    yield { store, lines };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name, fallback) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : process.argv[at + 1];
  };
  const into = option('into');
  if (!into) {
    console.error('generate: say where: --into DIR');
    process.exit(2);
  }
  const seed = Number(option('seed', 1));
  const products = generateCatalogue(seed, Number(option('products', 5000)));
  const baskets = generateBaskets(products, { seed, stores: Number(option('stores', 32)) });
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'catalogue.csv'), catalogueCsv(products, seed));
  let text = '';
  for (let n = Number(option('baskets', 20000)); n > 0; n--) text += `${JSON.stringify(baskets.next().value)}\n`;
  writeFileSync(join(into, 'baskets.jsonl'), text);
}
