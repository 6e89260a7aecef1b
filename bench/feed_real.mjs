// Real catalogues in every header set that the feed knows: rows taken and refused, by reason. Each
// set of one catalogue goes into the same head office after the other: what they say must be the same, so the first lists
// and the others change nothing.
//
//   node bench/feed_real.mjs [DATA]     DATA: ../shared/data
// Prices: Online Retail's last positive one; Complete Journey has none, 1.00 stands there; product_codes has none, 1.00.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chain, run, shared } from '../demo/lib/chain.mjs';
import { csvLine, records } from '../demo/lib/csv.mjs';
import { inParallel } from '../demo/lib/http.mjs';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const data = process.argv[2] ?? join(shared, 'data');
const dir = join(top, 'build/feed-real');
const unpacked = (name) => execFileSync('zstd', ['-dc', join(data, name)], { maxBuffer: 1 << 30 }).toString('utf8');

function onlineRetail() {
  const seen = new Map();
  for (const row of records(unpacked('online_retail.csv.zst'))) {
    const product = seen.get(row.StockCode) ?? { sku: row.StockCode, gtin: '', name: '', price: '' };
    seen.set(row.StockCode, product);
    if (Number(row.UnitPrice) > 0) product.price = row.UnitPrice;
    if (!product.name && Number(row.Quantity) > 0) product.name = row.Description.trim();
  }
  return [...seen.values()];
}
const completeJourney = () => records(unpacked('cj_products.csv.zst')).map((row) => ({
  sku: row.product_id, gtin: '', price: '1.00',
  name: [row.brand, row.product_category, row.product_type, row.package_size].filter(Boolean).join(' '),
}));
const productCodes = () => records(readFileSync(join(data, 'product_codes.csv'), 'utf8')).map((row) => ({
  sku: row.code, gtin: row.code, name: row.product_name, price: '1.00',
}));

const sets = {
  'own': ['sku,gtin,name,unit_price,vat,goods', (p) => [p.sku, p.gtin, p.name, p.price, 'S', 'true']],
  'Shopify, old': ['Handle,Title,Body (HTML),Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Requires Shipping,Variant Taxable,Variant Barcode,Image Src,Status',
    (p, i) => [`p-${i}`, p.name, '', '', 'Title', 'Default Title', p.sku, p.price, 'true', 'true', p.gtin, '', 'active']],
  'Shopify, new': ['Title,URL handle,Description,Vendor,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Price,Charge tax,Tax code,Requires shipping',
    (p, i) => [p.name, `p-${i}`, '', '', 'TRUE', 'Active', p.sku, p.gtin, 'Title', 'Default Title', p.price, 'TRUE', '', 'TRUE']],
  'Odoo, technical': ['id,default_code,barcode,name,list_price,taxes_id,type,active',
    (p, i) => [`__export__.p_${i}`, p.sku, p.gtin, p.name, p.price, '20% S', 'consu', 'True']],
  'Odoo, labels': ['External ID,Internal Reference,Barcode,Name,Sales Price,Customer Taxes,Product Type',
    (p, i) => [`__export__.p_${i}`, p.sku, p.gtin, p.name, p.price, '20% S', 'Consumable']],
};

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
const chain = await Chain.create({ dir: join(dir, 'chain'), stores: 2 });
const table = [];
let same = true;
try {
  const office = chain.headOffice;
  await inParallel([...chain.sites.values()], 4, (site) => site.start());
  writeFileSync(join(office.dir, 'feed.toml'), '[vat]\ndefault = "S"\n"20% S" = "S"\n');
  let night = 0;
  for (const [catalogue, products] of [['Online Retail', onlineRetail()], ['Complete Journey', completeJourney()], ['product_codes', productCodes()]]) {
    let first = true, refusedFirst = '';
    for (const [set, [header, row]] of Object.entries(sets)) {
      const exports = join(dir, `${catalogue} ${set}`.replace(/\W+/g, '-'));
      mkdirSync(exports);
      const file = join(exports, `${catalogue.replace(/\W/g, '')}.csv`);
      writeFileSync(file, `${header}\n${products.map((p, i) => csvLine(row(p, i)).trimEnd()).join('\n')}\n`);
      utimesSync(file, 1_700_000_000 + ++night, 1_700_000_000 + night);
      const { code, out } = await run(['feed', exports, '--data', office.dir, '--settle', '0', '--once'], { mayFail: true });
      const said = /: (\d+) rows, (\d+) held for \S+ (\d+) changed, (\d+) skipped, (\d+) of \d+ rows refused(?:: (.*?))?\.(?: The refused|$)/m.exec(out);
      if (code !== 0 || !said) throw new Error(`${catalogue}, ${set}: ${code} ${out}`);
      const [, rows, held, changed, skipped, refused, reasons = ''] = said;
      table.push({ catalogue, headers: set, rows: +rows, taken: +held, changed: +changed, skipped: +skipped, refused: +refused, reasons });
      if (!first && (changed !== '0' || reasons !== refusedFirst)) same = false;
      if (first) refusedFirst = reasons;
      first = false;
    }
  }
} finally {
  await chain.stopAll();
  if (!process.env.HF_KEEP) rmSync(dir, { recursive: true, force: true });
}
console.table(table);
console.log(same ? 'Every header set says the same of one catalogue.' : 'The header sets disagree.');
process.exitCode = same ? 0 : 1;
