// The old system: a web shop and an ERP that export every night into a folder. Head office takes catalogue and prices from it;
// the fed stores take their shelves and open orders, and stand by. Then it dies with head office, and their managers take over.
//
// Why only some stores are fed: a store that stands by rings nothing on Holdfast until its manager takes over, and the chain
// must be seen trading before the night. So one in eight keeps its old tills; the others trade on Holdfast all day. Both live
// on the same catalogue, which head office is fed.
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/chain.mjs';
import { csvLine, records } from '../lib/csv.mjs';
import { inParallel, newKey, waitUntil } from '../lib/http.mjs';
import { Random } from '../lib/random.mjs';
import { say } from '../lib/show.mjs';
import { customer, manager } from './night.mjs';

const ageHours = 24;  // since last night's export
const locationOf = (site) => `${site.name.toUpperCase()}/Stock`;
const sheet = (header, rows) => csvLine(header) + rows.map(csvLine).join('');

// Shopify's product export (new headers), Odoo's stock.quant and sale.order, from the real catalogue with its spoilt barcodes.
function writeExports(night) {
  const folder = join(night.config.dir, 'exports');
  mkdirSync(folder);
  const products = records(night.supply.catalogue);
  const random = new Random(night.config.seed + 7);
  const goods = products.filter((row) => row.goods !== 'false');
  const last = Date.now() / 1000 - ageHours * 3600;
  const put = (name, text) => {
    writeFileSync(join(folder, name), text);
    utimesSync(join(folder, name), last, last);
  };
  put('products_export_1.csv', sheet(['Title', 'URL handle', 'Status', 'SKU', 'Barcode', 'Option1 name', 'Option1 value', 'Price', 'Charge tax', 'Tax code', 'Requires shipping'],
    products.map((row) => [row.name, row.sku, 'Active', row.sku, row.gtin, 'Title', 'Default Title', row.unit_price, 'TRUE', row.vat, row.goods === 'false' ? 'FALSE' : 'TRUE'])));
  const levels = [...new Map(goods.map((row) => [row.sku, row])).values()];
  put('stock_quant.csv', sheet(['product_id/default_code', 'location_id', 'quantity'],
    night.fed.flatMap((site) => levels.map(({ sku }) => [sku, locationOf(site), String(random.below(60))]))));
  put('sale_order.csv', sheet(['name', 'partner_id', 'state', 'date_order', 'warehouse_id', 'order_line/product_id/default_code', 'order_line/product_uom_qty'],
    night.fed.flatMap((site, at) => Array.from({ length: 5 }, (_, n) => [`S${1000 + at * 10 + n}`, `${customer} ${n}`, 'sale', '2026-11-20 10:00:00', locationOf(site), random.pick(levels).sku, '1']))));
  return folder;
}

export async function feedEverybody(night) {
  const { chain } = night, office = chain.headOffice;
  const folder = writeExports(night);
  const mapping = `${night.fed.map((site) => `"${locationOf(site)}" = "${site.name}"`).join('\n')}\n`;
  for (const site of [office, ...night.fed]) writeFileSync(join(site.dir, 'feed.toml'), `[locations]\n${mapping}`);
  const feed = (site) => run(['feed', folder, '--data', site.dir, '--settle', '0', '--once'], { mayFail: true });
  const first = await feed(office);
  if (first.code !== 0) throw new Error(`head office did not take the export: ${first.out}${first.err}`);
  const files = async (site) => (await site.local().get('/v1/feed')).files;
  const [catalogue] = await files(office);
  say(`head office is fed by the old system: ${catalogue.file}, ${catalogue.rows} rows, ${catalogue.taken} taken, ${catalogue.refused} refused (line and reason beside it)`);
  await learnCatalogue(night);
  await inParallel(night.fed, 2, async (site) => {
    const { code, out, err } = await feed(site);
    if (code !== 0) throw new Error(`${site.name} did not take the export: ${out}${err}`);
    await run(['standby', 'begin', '--data', site.dir, '--reason', 'beside the old tills']);
  });
  const shelves = (await inParallel(night.fed, 4, files)).flat();
  const sum = (list, what) => list.reduce((total, file) => total + file[what], 0);
  night.facts.feed = { files: 1 + shelves.length, taken: catalogue.taken + sum(shelves, 'taken'), refused: catalogue.refused + sum(shelves, 'refused'),
    catalogue: { taken: catalogue.taken, refused: catalogue.refused } };
  say(`${night.fedNames().join(', ')} stand by for the old system: shelves and open orders out of ${shelves.length} files, ${sum(shelves, 'taken')} rows`);
  night.show('The old system exported last night. Head office and the fed stores have taken it; those stores stand by.',
    'L’ancien système a exporté la nuit dernière. Le siège et les magasins alimentés ont tout repris ; ces magasins se tiennent prêts.');
}

// What is listed is what head office says it has listed; the rest is sold by open price.
async function learnCatalogue(night) {
  const office = night.chain.headOffice;
  const known = new Set();
  for (let after = ''; ;) {
    const { products } = await office.local().get(`/v1/products?q=&limit=1000&after=${encodeURIComponent(after)}`);
    for (const { sku } of products) known.add(sku);
    if (products.length === 0 || products.at(-1).sku === after) break;
    after = products.at(-1).sku;
  }
  night.listed = (sku) => known.has(sku);
  night.products = [...new Map(records(night.supply.catalogue).filter((row) => known.has(row.sku)).reverse().map((row) => [row.sku, row])).values()];
  night.goods = night.products.filter((row) => row.goods !== 'false');
  const last = [...known].sort().at(-1);
  await inParallel(night.chain.stores, 8, (store) => waitUntil(`${store.name} to follow the catalogue`,
    async () => (await store.local().call('GET', `/v1/products/${encodeURIComponent(last)}`)).status === 200, { seconds: 120 }));
  say(`every store follows head office's catalogue of ${known.size} products`);
}

// Before the night: what monitoring is told, what the till says, and how old everything is.
export async function lookAtStandby(night) {
  const ages = [], ready = [], refused = [];
  await inParallel(night.fed, 4, async (site) => {
    const { prices, stock } = await waitUntil(`${site.name} to know the age of prices`, async () => {
      const feed = await site.local().get('/v1/feed');
      return feed.prices.fed && feed.stock.fed && feed;
    });
    ages.push(...[prices, stock].map(({ as_of }) => (Date.now() - Date.parse(as_of)) / 3_600_000));
    ready.push((await run(['ready', '--data', site.dir], { mayFail: true })).code === 0);
    const [till] = night.shopOf(site.name).tills;
    const { reply } = await till.sale([{ sku: night.goods[0].sku, quantity: '1', unit_price: night.goods[0].unit_price, vat: night.goods[0].vat }]);
    till.refused.pop();
    refused.push(reply.ok ? 'sold' : reply.problem.code);
  });
  Object.assign(night.facts, { feedAges: ages, ready: ready.filter(Boolean).length, standsBy: refused.filter((code) => code === 'standby/stands_by').length });
  say(`the fed stores are ready (holdfast ready: ${night.facts.ready} of ${night.fed.length}); prices and shelves there are ${Math.max(...ages).toFixed(1)} h old and say so; a sale is refused: the old system sells here`);
}

// The old system is gone with head office. Each manager sees the ages, types number and PIN, confirms, and sells.
export async function takeOver(night) {
  const { trading, config } = night;
  await inParallel(night.fed, 4, async (site) => {
    const [till] = night.shopOf(site.name).tills;
    await till.client.post('/v1/takeover', { key: newKey(), staff: manager.number, pin: manager.pin, confirm: true, reason: 'the old system is dead' });
  });
  const shops = night.fed.map((site) => night.shopOf(site.name));
  night.fedTrade = trading.run({ shops, onSale: night.onSale, thinkMs: config.thinkMs });
  night.fedTrade.catch(() => {});
  night.facts.takenOver = shops.length;
  say(`the old system is dead, too: the managers of ${night.fedNames().join(', ')} take over by PIN; their tills sell at last night's prices`);
  night.show('The old system died with head office. At the stores that stood by, the manager has taken over by PIN: they sell.',
    'L’ancien système est mort avec le siège. Dans les magasins qui se tenaient prêts, le responsable a repris la main par code : ils vendent.');
}
