// An existing system exports into a folder; head office and a store take it, and say how old it is.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, utimesSync, writeFileSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { program } from '../../demo/lib/chain.mjs';
import { csvLine, records } from '../../demo/lib/csv.mjs';
import { generateCatalogue } from '../../demo/generate.mjs';
import { assert, join, newKey, openTill, run, sell, tradingChain, waitUntil } from './lib.mjs';

const feeding = (site, folder, more = []) => run(['feed', folder, '--data', site.dir, '--settle', '0', '--once', ...more], { mayFail: true });
const status = (site) => run(['feed', 'status', '--data', site.dir], { mayFail: true });
const csv = (header, rows) => `${header}\n${rows.map((row) => csvLine(row).trimEnd()).join('\n')}\n`;

// Shopify's new header names, from generated products with their dirt.
const shopify = (products) => csv('Title,URL handle,Status,SKU,Barcode,Option1 name,Option1 value,Price,Charge tax,Requires shipping',
  products.map((p) => [p.name, p.sku, 'Active', p.sku, p.gtin, 'Title', 'Default Title', p.unit_price, 'TRUE', 'TRUE']));

// Stands between `holdfast feed` and a node until closed: hands every request on, and each batch of writes to `onBatch`, which
// may hand it on. Without an answer the connection breaks. The feed asks where the node is before each connection, so a node that
// was started anew has to be stood before again.
async function between(site, onBatch) {
  const server = createServer(async (request, response) => {
    try {
      const body = [];
      for await (const chunk of request) body.push(chunk);
      const { authorization = '' } = request.headers;
      const forward = () => fetch(site.url + request.url, {
        method: request.method, headers: { authorization, 'content-type': 'application/json' }, ...(body.length ? { body: Buffer.concat(body) } : {}),
      });
      const answer = await (request.url === '/v1/writes' ? onBatch(forward) : forward());
      if (!answer) return request.socket.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      response.end(await answer.text());
    } catch (error) {
      console.error(error);
      request.socket.destroy();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const says = (address) => writeFileSync(join(site.dir, 'http-address'), `${address}\n`);
  const stand = () => says(`127.0.0.1:${server.address().port}`);
  stand();
  return { stand, close() { server.close(); says(new URL(site.url).host); } };
}

test('a chain beside its old system', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('feed', { listed: false });
  const office = chain.headOffice, [store, other] = chain.stores;
  const folder = join(chain.dir, 'exports');
  mkdirSync(folder);
  let night = 0;
  const put = (name, text) => {
    const file = join(folder, name), at = 1_700_000_000 + 1000 * ++night;
    writeFileSync(file, text);
    utimesSync(file, at, at);
    return file;
  };
  for (const site of [office, store, other]) writeFileSync(join(site.dir, 'feed.toml'), '[vat]\ndefault = "S"\n[locations]\n"Main Street" = "' + store.name + '"\n');
  const size = async (site) => (await site.safety()).size;
  const products = generateCatalogue(11, 2000);
  const inventory = (levels) => csv('SKU,HS Code,COO,Location,Available (not editable),On hand (current)',
    products.flatMap((p, i) => [[p.sku, '', '', 'Main Street', '0', levels(i)], [p.sku, '', '', 'Elsewhere', '9', '9']]));

  await t.test('nothing is known yet, and that is said', async () => {
    const { out } = await status(store);
    assert.match(out, /prices +as of not yet known/);
    assert.equal((await store.local().get('/v1/products?q=')).prices.as_of, null);
  });
  await t.test('head office takes the catalogue; the bad rows stand beside it with line and reason', async () => {
    put('products_export_1.csv', shopify(products));
    const { code, out, err } = await feeding(office, folder);
    assert.equal(code, 0, out + err);
    const refused = records(readFileSync(join(folder, 'products_export_1.csv.refused.csv'), 'utf8'));
    assert.ok(refused.length > 100 && refused.every((row) => Number(row.line) > 1 && row.reason), out);
    const good = products.find((p) => p.gtin.length === 13 && !refused.some((row) => row.SKU === p.sku));
    assert.equal((await office.local().get(`/v1/products/${good.gtin}`)).unit_price, good.unit_price);
  });
  await t.test('a store shows the age of head office\'s prices, takes its own stock out of all, and sells', async () => {
    put('inventory_export_1.csv', inventory((i) => String(i % 7)));
    const { code, out, err } = await feeding(store, folder);
    assert.equal(code, 0, out + err);
    assert.match(out, /elsewhere +products_export_1/);
    await waitUntil('the store to follow the prices and their age', async () => (await store.local().get('/v1/feed')).prices.fed, { seconds: 60 });
    const feed = await store.local().get('/v1/feed');
    assert.equal(Date.parse(feed.stock.as_of), 1_700_002_000_000);
    assert.equal(feed.files.length, 1);
    const level = await store.local().get('/v1/stock?q=100006');
    assert.equal(level.products[0].on_hand, '6');
    assert.deepEqual(level.levels, feed.stock);
    const here = (await office.local().get('/v1/chain')).sites.find((site) => site.site === 'head-office');
    assert.equal(here.feed.catalogue, feed.prices.as_of);
    assert.match(await (await fetch(`${store.url}/metrics`)).text(), /\nholdfast_feed_stock_as_of_seconds 1700002000\n/);
    assert.match((await status(store)).out, /stock +as of 2023-11-14T22:46:40Z \(\d+ days ago\)/);
    const till = await openTill(store);
    const sold = products.find((p) => p.unit_price.length <= 5 && !p.gtin);
    await sell(till, [{ sku: sold.sku, quantity: '1', unit_price: sold.unit_price, vat: 'S' }]);
  });
  await t.test('the same again costs nothing, a changed file what changed', async () => {
    const before = await size(store);
    assert.equal((await feeding(store, folder)).code, 0);
    assert.equal(await size(store), before);
    put('inventory_export_1.csv', inventory((i) => String(i === 3 ? 99 : i % 7)));
    const { out } = await feeding(store, folder);
    assert.match(out, / [12] changed/, out);  // the one, and the piece that was sold
    assert.equal(await size(store), before + 2);
    assert.equal((await store.local().get('/v1/stock?q=100003')).products[0].on_hand, '99');
  });
  await t.test('a broken export destroys nothing of yesterday', async () => {
    const before = await size(store);
    for (const [text, wanted] of [['', 1], ['\0\x01\x02ENCRYPTED\n', 1], [inventory((i) => String(i)).slice(0, 5000), 3]]) {
      put('inventory_export_1.csv', text);
      const { code, out } = await feeding(store, folder);
      assert.equal(code, wanted, out);
      assert.equal((await status(store)).code, 3);
    }
    assert.equal(await size(store), before);
  });
  await t.test('a shrunken file waits for a person, who lets it in', async () => {
    const few = put('inventory_export_1.csv', inventory((i) => String(i % 7)).split('\n').slice(0, 901).join('\n') + '\n');
    const waiting = await feeding(store, folder);
    assert.equal(waiting.code, 3, waiting.out);
    assert.match(waiting.out, new RegExp(`holds 450 where ${products.length} are known`));
    await run(['feed', 'accept', few, '--data', store.dir]);
    assert.equal((await feeding(store, folder)).code, 0);
    const [file] = (await store.local().get('/v1/feed')).files;
    assert.equal(file.accepted, true);
  });
  await t.test('a node killed while it takes a file ends with the same, once', async () => {
    const named = (mark) => shopify(products.flatMap((p) => [p, { ...p, sku: `${p.sku}-2`, gtin: '' }])
      .map((p, i) => ({ ...p, name: `${p.name.slice(0, 60)} ${i} `.padEnd(190, '.') + mark })));  // several batches of 512 KiB
    const count = async (kind) => (await run(['journal', 'show', '--data', office.dir, '--count', '0', '--json'])).out.split(`"kind":"${kind}"`).length - 1;
    put('products_export_1.csv', named('?'));
    let before = await count('ProductsListed');
    assert.equal((await feeding(office, folder)).code, 0);
    const whole = (await count('ProductsListed')) - before;
    assert.ok(whole > 5);
    // Once more, with the node killed behind its first batch, whose answer is lost, and before its second.
    put('products_export_1.csv', named('!'));
    before = await count('ProductsListed');
    const taken = await count('FeedTaken'), halves = [];
    let batches = 0;
    const killed = async () => {
      await office.kill();
      halves.push((await count('ProductsListed')) - before);
      assert.equal(await count('FeedTaken'), taken, 'not taken before the last of it');
      await office.start();
      gate.stand();
    };
    const gate = await between(office, async (forward) => {
      const batch = ++batches;
      if (batch === 1) await forward();
      if (batch !== 1 && batch !== 3) return forward();
      return killed();
    });
    try {
      const { code, out, err } = await feeding(office, folder);
      assert.equal(code, 0, out + err);
    } finally {
      gate.close();
    }
    assert.equal(halves.length, 2);
    assert.ok(halves.every((n) => n > 0 && n < whole), `${halves} of ${whole} writes were there when it was killed`);
    assert.equal((await count('ProductsListed')) - before, whole, 'each write once');
    assert.equal(await count('FeedTaken'), taken + 1);
    const all = await office.local().get('/v1/products?q=!&limit=1000');
    assert.ok(all.products.length === 1000 && all.products.every((p) => p.name.endsWith('!')));
  });
  await t.test('watching: taken when it is whole, a half one waited for, ended cleanly', async () => {
    const child = spawn(program, ['feed', folder, '--data', other.dir, '--settle', '1'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    const half = join(folder, 'stock_other.csv.part');
    writeFileSync(half, `sku,location,quantity\n100001,${other.name},5\n`);
    await waitUntil('the watcher to start', () => out.includes('Watching'), { seconds: 30 });
    assert.equal((await other.local().get('/v1/feed')).stock.fed, false);
    renameSync(half, join(folder, 'stock_other.csv'));
    await waitUntil('the file to be taken', async () => (await other.local().get('/v1/feed')).stock.fed, { seconds: 30 });
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], out);
  });
  await t.test('a level is the old system\'s word: a manager cannot say it', async () => {
    const { replies } = await other.session.post('/v1/writes', { writes: [{ key: newKey(), kind: 'feed_stock',
      as_of: '2026-01-01T00:00:00Z', lines: [{ sku: 'A', level: '1' }] }] });
    assert.equal(replies[0].problem?.code, 'auth/role');
    assert.ok(existsSync(join(other.dir, 'feed', 'status.json')));
  });
});
