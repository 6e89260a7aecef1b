// `make feed-large`: an ordinary night of a large chain, into real nodes. 100,000 products × 300 locations in one inventory
// file: head office takes the catalogue, one store takes its own levels out of the 30,000,000 rows; then the same night
// again, and one in which 1 % has changed. Beside it, in the same run, SQLite's own `.import` of the same file, with all of
// it and with what a store needs of it. Seconds (median), and the peak memory of each process.
//
//   node bench/feed.mjs [--products N] [--locations N] [--runs N] [--small]
//   HF_BENCH_DIR=DIR   where data goes (default: build/feed-large); about 1.5 GB
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Chain, program } from '../demo/lib/chain.mjs';
import { inParallel } from '../demo/lib/http.mjs';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const small = process.argv.includes('--small');
const products = option('products', small ? 2_000 : 100_000);
const locations = option('locations', small ? 20 : 300);
const runs = option('runs', small ? 1 : 5);
const dir = join(process.env.HF_BENCH_DIR ?? join(top, 'build'), 'feed-large');

const sku = (i) => `P${String(1_000_000 + i)}`;
const site = (l) => (l === 0 ? 'store-01' : `Location ${String(l).padStart(3, '0')}`);
const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];

async function write(path, header, lines) {
  const out = createWriteStream(path, { highWaterMark: 1 << 20 });
  let chunk = `${header}\n`;
  for (const line of lines) {
    chunk += line;
    if (chunk.length < 1 << 20) continue;
    if (!out.write(chunk)) await once(out, 'drain');
    chunk = '';
  }
  out.end(chunk);
  await once(out, 'close');
}
function* catalogue(night) {
  for (let i = 0; i < products; i++)
    yield `${sku(i)},,Product number ${i} of the chain,${1 + (i % 90)}.${night > 0 && i % 100 === 0 ? '51' : '50'},S,true\n`;
}
function* inventory(night) {
  for (let i = 0; i < products; i++)
    for (let l = 0; l < locations; l++)
      yield `${sku(i)},${site(l)},${(i * 7 + l * 3) % 41 + (night > 0 && i % 100 === 0 ? 1 : 0)}\n`;
}

// Runs a program to its end; seconds and the largest resident size the kernel saw.
async function measured(command, args, input) {
  const started = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  let out = '', peakKiB = 0;
  child.stdout.on('data', (chunk) => { out += chunk; });
  child.stderr.on('data', (chunk) => { out += chunk; });
  child.stdin?.on('error', () => {});  // it ended, or was never there, before it read all: its end says which
  if (input !== undefined) child.stdin.end(input);
  const timer = setInterval(() => { peakKiB = Math.max(peakKiB, peakOf(child.pid)); }, 20);
  const [code] = await once(child, 'close').finally(() => clearInterval(timer));  // rejects if it cannot be started
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}: ${out}`);
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, mib: peakKiB / 1024, out };
}
function peakOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;  // it has just ended
  }
}

// Known now, not after the first of the long nights.
if (spawnSync('sqlite3', ['-version']).error) throw new Error('there is no sqlite3 here to measure beside: `tools/setup bench` installs it');

rmSync(dir, { recursive: true, force: true });
const exports = join(dir, 'exports');
mkdirSync(exports, { recursive: true });
let night = 0;
const stamp = (file) => utimesSync(file, 1_700_000_000 + 1000 * ++night, 1_700_000_000 + 1000 * night);
const chain = await Chain.create({ dir: join(dir, 'chain'), stores: 2 });
const rows = [];
const report = (what, { seconds, mib }, note = '') => {
  rows.push({ what, seconds: Number(seconds.toFixed(2)), 'peak MiB': Math.round(mib), note });
};
try {
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (each) => each.start());
  await inParallel(sites, 4, (each) => each.enrol({ number: '1', pin: '7390284615' }));
  const office = chain.headOffice, [store] = chain.stores;
  const feed = (at) => measured(program, ['feed', exports, '--data', at.dir, '--settle', '0', '--once']);
  const size = async (at) => (await at.safety()).size;

  await write(join(exports, 'products.csv'), 'sku,gtin,name,unit_price,vat,goods', catalogue(0));
  stamp(join(exports, 'products.csv'));
  report(`head office: ${products} products, first night`, await feed(office), `${await size(office)} entries; node ${Math.round(peakOf(office.child.pid) / 1024)} MiB`);
  const file = join(exports, 'inventory.csv');
  await write(file, 'sku,location,quantity', inventory(0));
  stamp(file);
  const bytes = statSync(file).size;
  let before = await size(store);
  report(`store: its ${products} levels of ${products * locations} rows, first night`, await feed(store),
    `${await size(store) - before} entries; file ${Math.round(bytes / 1e6)} MB; node ${Math.round(peakOf(store.child.pid) / 1024)} MiB`);

  // The same content of later nights: reading and comparing, one entry each. And SQLite beside it, in turns.
  const again = [], whole = [], own = [];
  for (let run = 0; run < runs; run++) {
    stamp(file);
    again.push(await feed(store));
    const db = join(dir, 'peer.db');
    rmSync(db, { force: true });
    whole.push(await measured('sqlite3', [db], `CREATE TABLE i(sku TEXT, location TEXT, quantity INT);\nPRAGMA journal_mode=OFF;\nPRAGMA synchronous=OFF;\n.mode csv\n.import --skip 1 ${file} i\n`));
    own.push(await measured('sqlite3', [db], "CREATE TABLE s AS SELECT sku, quantity FROM i WHERE location='store-01';\n"));
  }
  const mid = (all) => ({ seconds: median(all.map((each) => each.seconds)), mib: Math.max(...all.map((each) => each.mib)) });
  report(`store: the same levels of a later night, median of ${runs}`, mid(again), '1 entry each');
  report(`SQLite .import of the file, no journal, no sync, median of ${runs}`, mid(whole));
  report('SQLite: then one location\'s rows out of it', mid(own));
  const peer = mid(whole).seconds + mid(own).seconds;
  console.log(`store's feed / SQLite's import and select: ${(mid(again).seconds / peer).toFixed(2)}`);

  before = await size(store);
  await write(file, 'sku,location,quantity', inventory(1));
  stamp(file);
  report('store: a night in which 1 % has changed', await feed(store), `${await size(store) - before} entries`);
  before = await size(office);
  await write(join(exports, 'products.csv'), 'sku,gtin,name,unit_price,vat,goods', catalogue(1));
  stamp(join(exports, 'products.csv'));
  report('head office: a night in which 1 % of the prices have changed', await feed(office), `${await size(office) - before} entries`);
  console.table(rows);
  mkdirSync(join(top, 'build/bench-results'), { recursive: true });
  writeFileSync(join(top, 'build/bench-results/feed.json'), JSON.stringify({ products, locations, runs, bytes, rows }, null, 1));
} finally {
  await chain.stopAll();
  if (!process.env.HF_KEEP) rmSync(dir, { recursive: true, force: true });
}
