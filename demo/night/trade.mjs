// The trade: goods go to the stores, tills open, real baskets are rung through the HTTP API, a buyer changes prices. It goes on
// through everything that follows.
import { join } from 'node:path';
import { formatDecimal } from '../lib/decimal.mjs';
import { inParallel, sleep, waitUntil } from '../lib/http.mjs';
import { exportAll } from '../lib/journals.mjs';
import { Progress, say } from '../lib/show.mjs';
import { Desk, Trade } from '../lib/trade.mjs';
import { lookAtStandby } from './old_system.mjs';
import { cashier, second } from './night.mjs';

export async function openStores(night) {
  const { chain, config, goods } = night;
  night.office = new Desk(chain.headOffice);
  night.warehouse = new Desk(chain.warehouse);
  night.desks = new Map(chain.stores.map((store) => [store.name, new Desk(store)]));
  for (let at = 0; at < goods.length; at += 4000) {
    await night.warehouse.write({ kind: 'receive', reference: `opening stock ${at / 4000 + 1}`,
      lines: goods.slice(at, at + 4000).map(({ sku }) => ({ sku, quantity: '5000' })) });
  }
  await inParallel(night.own, 8, (store) => sendGoods(night, store, 100, '40'));
  night.trading = new Trade(chain.stores.map((site, i) => ({ site, baskets: night.supply.stores[i] })), { tillsEach: config.tills, seed: config.seed, listed: night.listed });
  await night.trading.openTills({ cashier });
  // Rejoining takes two people, and not the same two everywhere.
  await inParallel([night.attacked, ...night.fed], 4, (site) => site.session.post('/v1/staff', second));
  say(`${night.trading.tills.length} tills open; the warehouse has sent goods to each store that trades here, and each has received them`);
  await lookAtStandby(night);
  const bar = new Progress('baskets', night.trading.all);
  night.onSale = () => bar.to(night.trading.done, night.stage);
}
// Warehouse to store: dispatched there, followed, received here (protocol 7.7).
export async function sendGoods(night, store, kinds, quantity) {
  const { goods } = night, desk = night.desks.get(store.name);
  const start = (night.sent = (night.sent ?? 0) + 1) * 37;
  const lines = Array.from({ length: Math.min(kinds, goods.length) }, (_, i) => ({ sku: goods[(start + i * 7) % goods.length].sku, quantity }));
  const unique = [...new Map(lines.map((line) => [line.sku, line])).values()];
  const { dispatch } = await night.warehouse.write({ kind: 'dispatch', to: store.name, lines: unique });
  await waitUntil(`${store.name} to see dispatch ${dispatch}`, async () =>
    (await desk.client.get('/v1/dispatches')).incoming.some((each) => each.dispatch === dispatch), { seconds: 60 });
  await desk.write({ kind: 'receive_dispatch', from: 'warehouse', dispatch, lines: unique });
  return unique.length;
}

const ownShops = (night) => night.trading.shops.filter(({ site }) => !night.fed.includes(site));
// Customers take their time, each a moment: without it, 64 tills measure how long they queue for 2 cores.
const work = (night, until) => night.trading.run({ shops: ownShops(night), until, onSale: night.onSale, thinkMs: night.config.thinkMs });
const at = (night, share) => () => night.trading.done >= night.ownBaskets * share;

export async function tradeUntilEvening(night) {
  const { trading } = night;
  night.ownBaskets = ownShops(night).reduce((sum, { baskets }) => sum + baskets.length, 0);
  night.stage = 'all sites up';
  night.show('The chain trades; the fed stores stand by for their old system.', 'La chaîne vend ; les magasins alimentés se tiennent prêts à relayer leur ancien système.');
  night.buyer = changePrices(night);
  trading.phase = 'warming up';
  await work(night, at(night, 0.08));
  trading.phase = 'before';
  await work(night, at(night, 0.35));
  night.before = await exportAll(night.chain, join(night.config.dir, 'journals-before'));
}
// A buyer at head office changes prices all day, up to the last moment.
function changePrices(night) {
  const buyer = { stop: false };
  buyer.ended = (async () => {
    for (let n = 0; !buyer.stop; n++) {
      const { sku, gtin, name, vat, goods, unit_price } = night.products[(n * 101) % night.products.length];
      const changed = formatDecimal(BigInt(Math.round(Number(unit_price) * 1_000_000 * (n % 2 ? 0.95 : 1.05))), 6, 2);
      await night.office.write({ kind: 'list_products', products: [{ sku, ...(gtin ? { gtin } : {}), name, unit_price: changed, vat, goods: goods !== 'false' }] });
      await sleep(150);
    }
  })();
  buyer.ended.catch(() => {});
  return buyer;
}

// Starts the rest of the trade and gives back who waits for its end, the fed stores' included.
export function tradeToTheEnd(night) {
  const { trading } = night;
  trading.phase = 'attack';
  const rest = work(night, () => false);
  rest.catch(() => {});
  return async () => {
    await rest;
    await night.fedTrade;
    night.onSale();
    say('every basket is through');
  };
}
export async function tillsSettle(night) {
  const start = performance.now();
  night.unsafe = await night.trading.settle({ seconds: 120 });
  say(`tills have waited ${((performance.now() - start) / 1000).toFixed(1)} s until nothing of theirs was unsafe; ${night.unsafe} writes are`);
}
// Hours of trade without head office. Goods move, too: from the warehouse to a store.
export async function tradeUntil(night, share) {
  const { trading } = night;
  const sold = trading.done;
  const store = night.chain.site('store-02');
  const moved = await sendGoods(night, store, 50, '12');
  await waitUntil('stores to sell on', () => at(night, share)() || trading.done >= trading.all * 0.95, { seconds: 600 });
  say(`${trading.done - sold} sales since; ${moved} products moved from the warehouse to ${store.name}`);
}
