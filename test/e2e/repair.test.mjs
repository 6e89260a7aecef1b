// Damage on a real disk (protocol 2.4): sectors of a store's journal, and of a mirror's copy of it, are spoilt. Mirrors give back
// what was in them; without mirrors the entries are named exactly, the rest is served, and sales go on. `make test` takes a small
// journal; `make repair-large` one of MB=1024, with 1 of 10,000 sectors spoilt, and prints what docs/performance.md tells.
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { assert, inParallel, join, newKey, openTill, run, sell, tradingChain, waitUntil } from './lib.mjs';

const megabytes = Number(process.env.HF_REPAIR_MB ?? 6);
const isLarge = megabytes >= 100;
const oneIn = isLarge ? 10_000 : 150;
const sector = 4096;
const patience = { seconds: 60 + 2 * megabytes };

// The same numbers each time, so that a failure can be had again.
let state = 20261126n;
const random = (below) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((state >> 33n) % BigInt(below));
};

const copyAt = (site, of) => join(site.dir, 'journals', of.name, '1');
const segments = (folder) => readdirSync(folder).filter((name) => name.startsWith('seg-')).sort().map((name) => join(folder, name));

// Sectors that hold something. The last few are left alone: a journal's very end, when it rots while the machine is off, cannot be
// told from a group that was never written (docs/journal-format.md), and comes back another way (3.2).
function usedSectors(folder) {
  const out = [];
  const block = Buffer.alloc(sector);
  for (const path of segments(folder)) {
    const file = openSync(path, 'r');
    const { size } = statSync(path);
    for (let at = sector; at + sector <= size; at += sector) {
      readSync(file, block, 0, sector, at);
      if (block.some((byte) => byte !== 0)) out.push({ path, at });
    }
    closeSync(file);
  }
  return out.slice(0, -40);
}
function spoil(folder) {
  const all = usedSectors(folder);
  const count = Math.max(4, Math.round(all.length / oneIn));
  const spoilt = new Set();
  while (spoilt.size < count) spoilt.add(random(all.length));
  for (const i of spoilt) {
    const file = openSync(all[i].path, 'r+');
    writeSync(file, Buffer.alloc(sector, 0xb5), 0, sector, all[i].at);
    closeSync(file);
  }
  return { sectors: all.length, count };
}

// Sales of 300 lines, until the journal is as large as wanted. One till may not write so much at once (Pace::writing): the next
// one rings on.
async function fill(store, first) {
  const lines = Array.from({ length: 300 }, () => ({ sku: 'PEN', quantity: '1', unit_price: '1.25', vat: 'S' }));
  const sale = (till) => ({
    key: newKey(), staff: till.staff, kind: 'sale', lines,
    tenders: [{ kind: 'card', amount: 300 * 125, token: `tok_${newKey().slice(0, 12)}`, masked: '**** 1111', result: 'approved' }],
  });
  let till = first;
  for (let n = 0, bytes = 0, rung = 0; bytes < megabytes * 2 ** 20; n++, rung++) {
    const { status, body, text } = await till.client.call('POST', '/v1/writes', { writes: Array.from({ length: 20 }, () => sale(till)) });
    if (status === 429 && rung > 0) {
      till = await openTill(store, `Till ${n}`);
      rung = -1;
      continue;
    }
    assert.equal(status, 200, text);
    assert.ok(body.replies.every((reply) => reply.ok), JSON.stringify(body.replies.find((reply) => !reply.ok)));
    if (n % 20 === 0) bytes = segments(copyAt(store, store)).reduce((all, path) => all + statSync(path).size, 0);
  }
}
async function metric(site, name) {
  const { text } = await site.client.call('GET', '/metrics');
  return Number(text.split('\n').find((line) => line.startsWith(`holdfast_${name} `))?.split(' ')[1]);
}
const damage = async (site) => (await site.safety()).damage;
const isWhole = (site) => waitUntil(`${site.name} to put everything back`, async () => (await damage(site)).length === 0, patience);
const verify = (site, origin, more = {}) => run(['journal', 'verify', '--data', site.dir, '--origin', origin], { ...patience, ...more });
const told = async (site, began, whole) =>
  `${await metric(site, 'damage_mended_total')} holes, ${await metric(site, 'mended_entries_total')} entries, ` +
  `${await metric(site, 'mended_bytes_total')} bytes fetched; served after ${((began[1] - began[0]) / 1000).toFixed(1)} s, whole after ${((whole - began[0]) / 1000).toFixed(1)} s`;

test('sectors of a journal rot, and its mirrors give them back', { timeout: 900_000 + megabytes * 4000 }, async (t) => {
  const chain = await tradingChain('repair', { stores: 2 });
  const [store] = chain.stores;
  const mirror = chain.site((await store.safety()).mirrors.at(-1).site);
  const cutAll = async (how) => inParallel((await store.local().get('/v1/links')).links, 4, ({ site }) => store[how](site));
  const till = await openTill(store);
  await fill(store, till);
  await store.cosigned(patience);
  const { origin } = await store.about();

  await t.test('of the store and of a mirror, at starts that a snapshot covers: both work at once, and become whole', async () => {
    await inParallel([store, mirror], 2, (site) => site.stop());
    const own = spoil(copyAt(store, store));
    const copy = spoil(copyAt(mirror, store));
    const began = [Date.now()];
    await inParallel([store, mirror], 2, (site) => site.start(patience));
    began.push(Date.now());
    await sell(till);
    await isWhole(store);
    const whole = Date.now();
    await isWhole(mirror);
    const mirrored = Date.now();
    await store.cosigned(patience);
    for (const site of [store, mirror]) { // counted: a list of holes may be empty again before anybody looks
      assert.ok(await metric(site, 'damage_found_total') > 0, 'found at the start');
      assert.ok(await metric(site, 'damage_mended_total') > 0);
      assert.equal(await metric(site, 'mends_refused_total'), 0);
      assert.match((await verify(site, origin)).out, /: holds\. /);
    }
    console.log(`  the store: ${own.count} of ${own.sectors} sectors (${(own.sectors * sector / 1e6).toFixed(0)} MB) spoilt: ${await told(store, began, whole)}`);
    console.log(`  a mirror:  ${copy.count} of ${copy.sectors} sectors spoilt: ${await told(mirror, began, mirrored)}`);
  });

  await t.test('at a start without a snapshot: it waits for them, and says for what', async () => {
    await store.stop();
    const others = [...chain.sites.values()].filter((site) => site !== store);
    await inParallel(others, 4, (site) => site.stop()); // else all may be back before anybody looks
    for (const name of readdirSync(join(store.dir, 'snapshots'))) {
      const file = openSync(join(store.dir, 'snapshots', name), 'r+');
      writeSync(file, Buffer.alloc(64, 0xb5), 0, 64, 0);
      closeSync(file);
    }
    const { count } = spoil(copyAt(store, store));
    const began = [Date.now()];
    await store.start(patience);
    began.push(Date.now());
    const first = await store.safety();
    assert.match(first.waits_for ?? '', /cannot be read from this disk/);
    assert.ok(first.waits_for.includes(origin), first.waits_for);
    await inParallel(others, 4, (site) => site.start(patience));
    const apart = Date.now() - began[1];
    await waitUntil('the store to sell', async () => (await store.safety()).waits_for === null, patience);
    await sell(till);
    await store.signing(patience);
    await isWhole(store);
    console.log(`  without a snapshot: ${count} sectors spoilt: ${await told(store, began, Date.now() - apart)}`);
  });

  await t.test('with no mirror linked: the exact entries named, the rest served, sales go on', async () => {
    const size = (await store.safety()).size;
    await cutAll('cut');
    await store.stop();
    const before = isLarge ? null : await shown(store, origin, 0, size);
    const { count } = spoil(copyAt(store, store));
    await store.start(patience);
    const missing = await damage(store);
    assert.ok(missing.length > 0);
    for (let i = 0; i < 10; i++) await sell(till);
    const lost = missing.filter(({ first, end }) => first < end);
    const verified = await verify(store, origin, { mayFail: true });
    assert.notEqual(verified.code, 0);
    for (const { first, end } of lost)
      assert.match(verified.out, new RegExp(end === first + 1 ? `\\bentry ${first}\\b` : `\\bentries ${first} to ${end - 1}\\b`));
    // Every entry that is not named reads as it did; every one that is cannot be read. Of a large journal: around each hole.
    const isNamed = (index) => lost.some(({ first, end }) => index >= first && index < end);
    const ranges = isLarge ? lost.slice(0, 3).map(({ first, end }) => [Math.max(first - 1, 0), end + 1]) : [[0, size]];
    for (const [from, end] of ranges)
      for (const line of await shown(store, origin, from, end)) {
        const { index, kind } = JSON.parse(line);
        assert.equal(kind === 'lost', isNamed(index), line.slice(0, 200));
        if (before && kind !== 'lost') assert.equal(line, before[index]);
      }
    const sum = lost.reduce((all, { first, end }) => all + end - first, 0);
    console.log(`  no mirror: ${count} sectors spoilt: ${sum} of ${size} entries named in ${missing.length} places; all others served, 10 sales of 10 made`);
    await cutAll('heal');
    await isWhole(store);
    await store.cosigned(patience);
    assert.match((await verify(store, origin)).out, /: holds\. /);
  });
});

async function shown(site, origin, from, end) {
  const { out } = await run(['journal', 'show', '--data', site.dir, '--origin', origin, '--from', String(from), '--count', String(end - from), '--json'], patience);
  return out.trim().split('\n');
}
