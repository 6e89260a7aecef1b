// A whole chain on this machine: it trades, loses its head office, sells on, and gets it back; then every promise is checked
// from the journals. `make demo` runs it after the build; `make demo ONCE=1` ends with exit 0 or 1.
//
//   node demo/demo.mjs [--once]      STORES=32 BASKETS=20000 SEED=1 DATA=../shared/data TILLS=2 THINK_MS=60
//
// Everything happens below build/demo, in processes that are ended by their own ids.
import { existsSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { trade as loadTrade } from './baskets.mjs';
import { Chain, overwriteAll, program, run, top } from './lib/chain.mjs';
import { checkAcknowledged, differsFromClaim, stockBalance } from './lib/audit.mjs';
import { Control } from './lib/control.mjs';
import { formatDecimal, pounds } from './lib/decimal.mjs';
import { inParallel, sleep, waitUntil } from './lib/http.mjs';
import { exportAll, ledgersOf, verifyAll } from './lib/journals.mjs';
import { records } from './lib/csv.mjs';
import { searchInClear } from './lib/search.mjs';
import { Progress, percentile, say, table } from './lib/show.mjs';
import { Desk, Trade } from './lib/trade.mjs';

const once = process.argv.includes('--once') || process.env.ONCE === '1';
const number = (name, fallback) => Number(process.env[name] ?? fallback);
const config = {
  stores: number('STORES', 32), baskets: number('BASKETS', 20_000), seed: number('SEED', 1), tills: number('TILLS', 2), thinkMs: number('THINK_MS', 60),
  data: process.env.DATA ?? join(top, '../shared/data'), dir: process.env.HF_DEMO_DIR ?? join(top, 'build/demo'),
};
// Long enough that no run of digits in a journal is one by chance.
const manager = { number: '1', pin: '7390284615' };
const cashier = (site) => ({ number: '12', name: `Wilhelmina Ashdown-Quill of ${site.name}`, role: 'cashier', pin: '5182936407' });
const secrets = ['Wilhelmina', 'Ashdown-Quill', manager.pin, '5182936407'];

class Demo {
  constructor() {
    this.caption = { en: 'The chain is being made.', fr: 'La chaîne est en cours de création.' };
    this.facts = {};
  }

  async run() {
    mkdirSync(join(config.dir, '..'), { recursive: true });
    if (!existsSync(program)) throw new Error(`${program} is not there: run make build`);
    await this.makeChain();
    await this.importCatalogue();
    await this.openStores();
    await this.trade();
    const held = (this.held = await this.checkPromises());
    if (once) return held;
    await this.goOn();
    return held;
  }

  // ---- a chain of processes
  async makeChain() {
    this.supply = loadTrade({ stores: config.stores, baskets: config.baskets, data: config.data, seed: config.seed });
    const baskets = this.supply.stores.reduce((sum, list) => sum + list.length, 0);
    say(`trade: ${this.supply.source}; ${baskets} baskets${this.supply.notes.map((note) => `; ${note}`).join('')}`);
    this.chain = await Chain.create({ dir: config.dir, stores: config.stores });
    if (!once) await this.startControl();
    say(`chain: ${this.chain.sites.size} sites, each with its own keys and journal, in ${config.dir}`);
    const sites = [...this.chain.sites.values()];
    await inParallel(sites, 4, (site) => site.start());
    await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
    await inParallel(sites, 8, (site) => site.signing());
    say(`${sites.length} processes serve, on 127.0.0.1:${sites[0].port} to ${sites.at(-1).port}; a manager is enrolled at each`);
  }

  async importCatalogue() {
    const file = join(config.dir, 'catalogue.csv');
    writeFileSync(file, this.supply.catalogue);
    const office = this.chain.headOffice;
    const refused = join(config.dir, 'catalogue.refused.csv');
    const { out } = await run(['import', 'catalogue', file, '--url', office.url, '--token', join(office.dir, 'admin.token'), '--refused', refused]);
    say(out.trim().replaceAll('\n', '\n          '));
    // What is listed is what head office says it has listed; the rest is sold by open price.
    const known = new Set();
    for (let after = ''; ;) {
      const { products } = await office.local().get(`/v1/products?q=&limit=1000&after=${encodeURIComponent(after)}`);
      for (const { sku } of products) known.add(sku);
      if (products.length === 0 || products.at(-1).sku === after) break;
      after = products.at(-1).sku;
    }
    this.listed = (sku) => known.has(sku);
    this.products = [...new Map(records(this.supply.catalogue).filter((row) => known.has(row.sku)).reverse().map((row) => [row.sku, row])).values()];
    const last = [...known].sort().at(-1);
    await inParallel(this.chain.stores, 8, (store) => waitUntil(`${store.name} to follow the catalogue`,
      async () => (await store.local().call('GET', `/v1/products/${encodeURIComponent(last)}`)).status === 200, { seconds: 120 }));
    say(`every store follows head office's catalogue of ${known.size} products`);
  }

  // ---- goods and tills
  async openStores() {
    this.office = new Desk(this.chain.headOffice);
    this.warehouse = new Desk(this.chain.warehouse);
    this.desks = [this.office, this.warehouse, ...this.chain.stores.map((store) => new Desk(store))];
    const goods = this.products.filter((row) => row.goods !== 'false');
    for (let at = 0; at < goods.length; at += 4000) {
      await this.warehouse.write({ kind: 'receive', reference: `opening stock ${at / 4000 + 1}`,
        lines: goods.slice(at, at + 4000).map(({ sku }) => ({ sku, quantity: '5000' })) });
    }
    this.goods = goods;
    await inParallel(this.desks.slice(2), 8, (desk) => this.sendGoods(desk, 100, '40'));
    this.trading = new Trade(this.chain.stores.map((site, i) => ({ site, baskets: this.supply.stores[i] })),
      { tillsEach: config.tills, seed: config.seed, listed: this.listed });
    await this.trading.openTills({ cashier });
    say(`${this.trading.tills.length} tills open; the warehouse has sent goods to each store, and each has received them`);
  }
  // Warehouse to store: dispatched there, followed, received here (protocol 7.7).
  async sendGoods(desk, kinds, quantity) {
    const start = (this.sent = (this.sent ?? 0) + 1) * 37;
    const lines = Array.from({ length: Math.min(kinds, this.goods.length) }, (_, i) => ({ sku: this.goods[(start + i * 7) % this.goods.length].sku, quantity }));
    const unique = [...new Map(lines.map((line) => [line.sku, line])).values()];
    const { dispatch } = await this.warehouse.write({ kind: 'dispatch', to: desk.site.name, lines: unique });
    await waitUntil(`${desk.site.name} to see dispatch ${dispatch}`, async () =>
      (await desk.client.get('/v1/dispatches')).incoming.some((each) => each.dispatch === dispatch), { seconds: 60 });
    await desk.write({ kind: 'receive_dispatch', from: 'warehouse', dispatch, lines: unique });
    return unique.length;
  }

  // ---- the day
  async trade() {
    const { trading } = this;
    const bar = new Progress('baskets', trading.all);
    const onSale = () => bar.to(trading.done, this.stage);
    const at = (share) => () => trading.done >= trading.all * share;
    // Customers take their time, each a moment: without it, 64 tills measure how long they queue for 2 cores.
    const thinkMs = config.thinkMs;
    this.stage = 'all sites up';
    const prices = this.changePrices();
    trading.phase = 'warming up';
    await trading.run({ until: at(0.1), onSale, thinkMs });
    trading.phase = 'before';
    await trading.run({ until: at(0.4), onSale, thinkMs });
    this.before = await exportAll(this.chain, join(config.dir, 'journals-before'));
    trading.phase = 'meanwhile';
    const rest = trading.run({ until: at(2), onSale, thinkMs });
    await this.destroyHeadOffice(prices);
    trading.phase = 'gone';
    this.stage = 'head office is gone';
    const sold = trading.done;
    const moved = await this.sendGoods(this.desks[2 + Math.min(4, config.stores - 1)], 50, '12');
    await waitUntil('stores to sell on', () => trading.done >= Math.min(trading.all * 0.8, sold + trading.all * 0.3), { seconds: 600 });
    say(`${trading.done - sold} sales since head office is gone; ${moved} products moved from the warehouse to a store`);
    trading.phase = 'rebuilding';
    this.stage = 'head office is rebuilt';
    await this.rebuildHeadOffice();
    this.stage = 'head office is back';
    trading.phase = 'after';
    await rest;
    bar.to(trading.done, this.stage);
    say('every basket is through; tills wait until nothing of theirs is unsafe');
    this.unsafe = await trading.settle({ seconds: 120 });
  }
  // A buyer at head office changes prices all day, up to the last moment.
  changePrices() {
    const work = { stop: false };
    work.ended = (async () => {
      for (let n = 0; !work.stop; n++) {
        const { sku, gtin, name, vat, goods } = this.products[(n * 101) % this.products.length];
        const now = this.products[(n * 101) % this.products.length].unit_price;
        const changed = formatDecimal(BigInt(Math.round(Number(now) * 1_000_000 * (n % 2 ? 0.95 : 1.05))), 6, 2);
        await this.office.write({ kind: 'list_products', products: [{ sku, ...(gtin ? { gtin } : {}), name, unit_price: changed, vat, goods: goods !== 'false' }] });
        await sleep(150);
      }
    })();
    return work;
  }
  async destroyHeadOffice(prices) {
    const office = this.chain.headOffice;
    prices.stop = true;
    await prices.ended;
    // The attacker takes the network first: what head office acknowledges from here on, nobody has a copy of.
    for (const { site } of (await office.local().get('/v1/links')).links) await office.cut(site);
    for (let n = 1; n <= 3; n++) {
      await this.office.write({ kind: 'list_products', products: [{ sku: `LAST-WORD-${n}`, name: 'Last word of the old head office', unit_price: '1.00', vat: 'S', goods: true }] });
    }
    this.gone = performance.now();
    await office.kill();
    const { files, bytes } = overwriteAll(office.dir);
    say(`head office is gone: network cut, process ${office.child.pid} killed, ${files} files (${(bytes / 1e6).toFixed(1)} MB) overwritten`);
    this.caption = { en: 'Head office is gone. The stores sell on: nothing on the path of a sale leaves the store.',
      fr: 'Le siège a disparu. Les magasins continuent : rien, sur le chemin d’une vente, ne sort du magasin.' };
  }
  async rebuildHeadOffice() {
    const office = this.chain.headOffice;
    const start = performance.now();
    const report = await this.chain.rebuild('head-office');
    await office.start();
    await waitUntil('head office to serve again', async () => {
      const safety = await office.safety();
      return safety.signing === 'signing' && !safety.provisional;
    }, { seconds: 120 });
    const served = performance.now();
    await office.enrol({ ...manager });
    this.facts.rebuildSeconds = (served - start) / 1000;
    this.facts.goneSeconds = (served - this.gone) / 1000;
    const fetched = Number(/fetched +(\d+) entries/.exec(report)?.[1]), registered = Number(/([\d.]+) s {2}registered/.exec(report)?.[1]);
    this.facts.rebuild = `${fetched} entries of ${this.chain.sites.size} journals fetched and verified in ${registered} s: ${(fetched / registered).toFixed(0)}/s`;
    this.facts.rebuilt = fetched > 0;
    say(`head office serves again, ${this.facts.rebuildSeconds.toFixed(1)} s after its new machine was started\n${report.trim().replaceAll(/^/gm, '          ')}`);
    const { again, known } = await this.office.resendAll();
    this.facts.resent = { again, known };
    say(`its buyer sent ${again + known} acknowledged price changes again: ${known} were there, ${again} were taken in again`);
    this.caption = { en: 'Head office is back from its mirrors, verified; what was acknowledged is there once.',
      fr: 'Le siège est revenu depuis ses miroirs, vérifié ; ce qui avait été confirmé y est, une seule fois.' };
  }

  // ---- every promise, from the journals
  async checkPromises() {
    const { chain, trading, facts } = this;
    say('checking every promise from the exported journals');
    await this.quiet();
    const totals = await this.totalsThatFollowAll();
    this.after = await exportAll(chain, join(config.dir, 'journals-after'));
    const verified = await verifyAll(this.before, this.after);
    const ledgers = await ledgersOf(this.after);
    const kept = [...trading.acknowledged, ...this.desks.flatMap((desk) => desk.replies)];
    const { found, problems } = checkAcknowledged(ledgers, kept);
    const all = [...ledgers.values()];
    const doubled = all.flatMap((ledger) => ledger.doubled), repeats = all.flatMap((ledger) => ledger.repeats), gaps = all.flatMap((ledger) => ledger.gaps());
    const lost = problems.filter(({ what }) => what === 'lost'), other = problems.filter(({ what }) => what !== 'lost');
    const goods = stockBalance(ledgers);
    const claims = totals.sites.map((claim) => ({ site: claim.site, wrong: differsFromClaim(ledgers.get(claim.site), claim) }));
    const wrongClaims = claims.filter(({ wrong }) => wrong.length);
    const sum = (name) => all.reduce((total, ledger) => total + ledger.sums[name], 0n);
    const canary = this.searchForPeople();
    const ratio = (share) => {
      const before = percentile(trading.latencies.before, share), during = percentile(trading.latencies.gone ?? [], share);
      return `${before.toFixed(1)} ms / ${during.toFixed(1)} ms / ${(during / before).toFixed(2)}`;
    };
    const units = (value) => formatDecimal(value, 3);
    this.evidence({ lost, other, doubled, repeats, gaps, wrongClaims, verified, refused: trading.refused });
    console.log('');
    const held = table([
      { what: 'sites, as separate processes', value: `${chain.sites.size}, ${chain.stores.length} of them stores` },
      { what: 'baskets sold through the HTTP API', value: `${trading.counts.sale} (${this.supply.source})`, ok: trading.counts.sale >= config.baskets },
      { what: 'refunds / without receipt / write-offs / counts', value: `${trading.counts.refund} / ${trading.counts.refund_no_receipt} / ${trading.counts.write_off} / ${trading.counts.count}` },
      { what: 'writes refused by a node', value: `${trading.refused.length}`, ok: trading.refused.length === 0 },
      { what: 'acknowledged, and in the journals', value: `${kept.length}, ${found}`, ok: kept.length === found },
      { what: 'lost', value: `${lost.length}`, ok: lost.length === 0 },
      { what: 'doubled', value: `${doubled.length}`, ok: doubled.length === 0 },
      { what: 'with another number, place or total than the till was told', value: `${other.length}`, ok: other.length === 0 },
      { what: 'receipt numbers repeated / missing', value: `${repeats.length} / ${gaps.length}`, ok: repeats.length + gaps.length === 0 },
      { what: 'acknowledged writes that are not yet safe at the end', value: `${this.unsafe}`, ok: this.unsafe === 0 },
      { what: 'sales while head office was gone / being rebuilt', value: `${trading.sales.gone ?? 0} / ${trading.sales.rebuilding ?? 0}`, ok: (trading.sales.gone ?? 0) > 0 },
      { what: 'a till\'s write, p50: all up / head office gone / ratio', value: ratio(0.5) },
      { what: 'a till\'s write, p99: all up / head office gone / ratio', value: ratio(0.99) },
      { what: 'goods from outside, net = on shelves + in transit + differences', value: `${units(goods.outside)} = ${units(goods.onShelves)} + ${units(goods.inTransit)} + ${units(goods.differences)}`,
        ok: goods.outside === goods.onShelves + goods.inTransit + goods.differences && goods.unsent.length === 0 },
      { what: 'dispatches sent / received', value: `${goods.dispatches} / ${goods.arrivals}`, ok: goods.arrivals > config.stores },
      { what: 'totals of the rebuilt head office = sums over exported journals', value: `${claims.length} sites, ${wrongClaims.length} differ; £${pounds(sum('gross'))}, ${sum('sales')} sales`,
        ok: wrongClaims.length === 0 && claims.length === chain.sites.size },
      { what: 'head office: machine gone to serving again', value: `${facts.goneSeconds.toFixed(1)} s (${(facts.goneSeconds - facts.rebuildSeconds).toFixed(1)} s of trade without, then ${facts.rebuildSeconds.toFixed(1)} s from new machine to serving)`, ok: facts.goneSeconds > 0 },
      { what: 'rebuild from the mirrors', value: facts.rebuild, ok: facts.rebuilt },
      { what: 'acknowledged by head office with no copy anywhere; sent again', value: `${facts.resent.again} taken in again, ${facts.resent.known} were there`, ok: facts.resent.again >= 3 },
      { what: 'journals verified before and after, by another program', value: `${verified.trees} trees, ${verified.leaves} leaves, ${verified.failed.length} fail`, ok: verified.failed.length === 0 && verified.trees > chain.sites.size },
      { what: 'staff names and PINs in the clear', value: `${canary.found} in ${canary.files} files (${(canary.bytes / 1e6).toFixed(0)} MB)`, ok: canary.found === 0 },
      { what: 'a canary planted in the clear, found by the same search', value: canary.planted ? 'yes' : 'no', ok: canary.planted },
    ]);
    console.log(held ? '\nEvery promise held.' : `\nNot every promise held: see ${join(config.dir, 'evidence.json')}`);
    return held;
  }
  // Until every journal is cosigned to its end, so that exports hold all of it.
  async quiet() {
    await inParallel(this.chain.sites.values(), 8, (site) => site.cosigned({ seconds: 60 }));
  }
  // Head office's totals once it has followed every site to the end of its trade.
  async totalsThatFollowAll() {
    const sizes = new Map(await inParallel(this.chain.sites.values(), 8, async (site) => [site.name, await this.trade_of(site)]));
    return waitUntil('head office to follow every site', async () => {
      const totals = await this.chain.headOffice.local().get('/v1/totals');
      return totals.sites.every((claim) => sizes.get(claim.site).every((value, i) => value === this.signature(claim)[i])) && totals;
    }, { seconds: 90 }).catch(async (error) => {
      say(error.message);
      return this.chain.headOffice.local().get('/v1/totals');
    });
  }
  async trade_of(site) {
    const totals = await site.local().get('/v1/totals');
    return this.signature(totals.sites.find((each) => each.site === site.name));
  }
  signature(claim) { return [claim.sales, claim.refunds, claim.refunds_without_receipt, claim.gross]; }

  searchForPeople() {
    const directories = [...this.chain.sites.values()].map((site) => site.dir).concat(join(config.dir, 'logs'));
    const planted = join(this.chain.stores[0].dir, 'canary');
    writeFileSync(planted, Buffer.concat([Buffer.alloc(5000, 7), Buffer.from('Canary Featherstone-Budgie'), Buffer.alloc(5000, 9)]));
    const told = {};
    const found = searchInClear(directories, [...secrets, 'Canary Featherstone-Budgie'], told);
    const people = found.filter(({ path }) => path !== planted);
    this.found = people;
    return { found: people.length, files: told.files, bytes: told.bytes, planted: found.some(({ path }) => path === planted) };
  }
  // ---- the chain goes on, slowly, and can be hurt from its chain page
  async startControl() {
    const { chain } = this;
    const quietly = (action) => async (name) => {
      if (!chain.sites.has(name)) throw new Error('no such site');
      await action(chain.site(name));
    };
    this.control = new Control({
      origins: () => new Set([...chain.sites.values()].map((site) => site.url)),
      actions: {
        destroy: quietly((site) => this.destroy(site)),
        cut: quietly((site) => this.setLinks(site, 'cut')),
        heal: quietly((site) => this.setLinks(site, 'open')),
        rebuild: quietly((site) => this.bringBack(site)),
      },
      state: () => ({ caption: this.caption, sites: [...chain.sites.values()].map((site) => ({ site: site.name, url: site.url, alive: site.alive,
        cut: this.cutSites.has(site.name), rebuilding: this.rebuilding === site.name })) }),
    });
    this.cutSites = new Set();
    chain.control = await this.control.listen(chain.spare_port);
  }
  async destroy(site) {
    if (!site.alive) throw new Error(`${site.name} is gone already`);
    await site.kill();
    overwriteAll(site.dir);
    this.caption = { en: `${site.name} is destroyed: its process killed, its disk overwritten. Its mirrors hold its journal; the others trade on.`,
      fr: `${site.name} est détruit : processus tué, disque écrasé. Ses miroirs gardent son journal ; les autres continuent.` };
  }
  async setLinks(site, state) {
    const { links } = await site.local().get('/v1/links');
    for (const link of links) await site.local().post(`/v1/links/${link.site}`, { state });
    if (state === 'cut') this.cutSites.add(site.name);
    else this.cutSites.delete(site.name);
    this.caption = state === 'cut'
      ? { en: `${site.name} has cut every link and sells on alone. Cutting needed nobody else.`, fr: `${site.name} a coupé toutes ses liaisons et vend seul. Personne d’autre n’était nécessaire.` }
      : { en: `${site.name} has opened its links; what it sold alone is copied at full speed.`, fr: `${site.name} a rouvert ses liaisons ; ce qu’il a vendu seul est copié à pleine vitesse.` };
  }
  async bringBack(site) {
    if (site.alive) throw new Error(`${site.name} lives; destroy it first`);
    this.rebuilding = site.name;
    const start = performance.now();
    try {
      await this.chain.rebuild(site.name);
      await site.start();
      await site.signing({ seconds: 120 });
      await site.enrol({ ...manager });
      await this.newTillKeys(site);
    } finally {
      this.rebuilding = null;
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    this.caption = { en: `${site.name} is back from its mirrors in ${seconds} s, verified. Its tills send again what they hold.`,
      fr: `${site.name} est revenu depuis ses miroirs en ${seconds} s, vérifié. Ses caisses renvoient ce qu’elles détiennent.` };
  }
  // A rebuilt store knows no till's key (protocol 11.1): each till asks for its own number again and sends what it kept.
  async newTillKeys(site) {
    const shop = this.trading.shops.find((each) => each.site === site);
    if (!shop) return;
    const { staff_id } = await site.session.post('/v1/staff', cashier(site));
    for (const till of shop.tills) {
      till.enter({ ...(await site.session.post('/v1/tills', { name: `Till ${till.number}`, till: till.number })), staff: staff_id, session: site.session });
      await till.settle({ resend: true });
    }
  }
  async goOn() {
    this.finished = true;
    const store = this.chain.stores[0];
    console.log(`
The chain goes on trading, slowly, until Ctrl-C.

  chain page   ${this.chain.headOffice.url}/chain/
  a till       ${store.url}/till/
  sign in      staff number ${manager.number}, PIN ${manager.pin}
`);
    const { trading } = this;
    for (const shop of trading.shops) shop.next = 0;
    trading.phase = 'later';
    trading.stopping = false;
    await Promise.all(trading.shops.map(async (shop) => {
      while (!trading.stopping) {
        // A store that is destroyed or rebuilt has no till to sell at.
        if (shop.site.alive && this.rebuilding !== shop.site.name) {
          await trading.sellOne(shop, shop.tills[0]).catch((error) => shop.site.alive && say(`${shop.site.name}: ${error.message}`));
        }
        await sleep(1500 + Math.random() * 3000);
      }
    }));
  }

  evidence(what) {
    const plain = (key, value) => (typeof value === 'bigint' ? value.toString() : value instanceof Map ? Object.fromEntries(value) : value);
    const short = Object.fromEntries(Object.entries(what).map(([name, value]) => [name, Array.isArray(value) ? { count: value.length, first: value.slice(0, 20) } : value]));
    writeFileSync(join(config.dir, 'evidence.json'), JSON.stringify({ ...short, found: this.found, facts: this.facts }, plain, 1));
  }
}

const demo = new Demo();
let ending = false;
async function end(code) {
  if (ending) return;
  ending = true;
  demo.trading && (demo.trading.stopping = true);
  demo.control?.close();
  await demo.chain?.stopAll().catch(() => {});
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(demo.finished ? (demo.held ? 0 : 1) : 130));
try {
  const held = await demo.run();
  await end(held ? 0 : 1);
} catch (error) {
  console.error(`\nThe demo stopped: ${error.stack ?? error}`);
  await end(1);
}
