// `make bench`: Holdfast measured beside SQLite (in process) and PostgreSQL 15 (over loopback), on this machine, in one run.
// Prints tables and writes build/bench-results/results.json. README.md says what is measured and what each side guarantees.
//
//   HF_BENCH_SHORT=1    one round of few sales: shows that everything works, not how fast
//   HF_BENCH_DIR=DIR    where data goes (default: the system's temporary directory); it must be a real disk
//   HF_BENCH_BUILD=DIR  take the programs from this build instead of building the `bench` preset
//   HF_BENCH_ONLY=journal|node
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = dirname(dirname(fileURLToPath(import.meta.url)));
const small = Number(process.env.HF_BENCH_SHORT ?? 0) !== 0;
const only = process.env.HF_BENCH_ONLY;
const postgresBin = '/usr/lib/postgresql/15/bin';
const out = join(top, 'build/bench-results');

function must(command, args, options = {}) {
  const done = spawnSync(command, args, { stdio: 'inherit', cwd: top, ...options });
  if (done.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} ended with ${done.status ?? done.signal ?? done.error}`);
  return done;
}

function builtPrograms() {
  if (process.env.HF_BENCH_BUILD) return process.env.HF_BENCH_BUILD;
  must('cmake', ['--preset', 'bench'], { stdio: ['ignore', 'ignore', 'inherit'] });
  must('cmake', ['--build', '--preset', 'bench', '--target', 'holdfast', 'bench_journal', 'bench_node']);
  return join(top, 'build/bench');
}

// ---- in process

function journalBench(build, dir, syncMs) {
  const data = join(dir, `journal-${syncMs}`);
  const json = join(out, `journal-${syncMs}ms.json`);
  mkdirSync(data);
  must(join(build, 'bench/bench_journal'), [data, json], { env: { ...process.env, HF_BENCH_SYNC_MS: String(syncMs) } });
  rmSync(data, { recursive: true });
  return JSON.parse(readFileSync(json));
}

// ---- over loopback

// PostgreSQL refuses to run as root; then it runs as the user its package made, or as nobody.
function otherUser() {
  if (process.getuid() !== 0) return {};
  const users = new Map(readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => [line.split(':')[0], line.split(':')]));
  const [, , uid, gid] = users.get('postgres') ?? users.get('nobody');
  return { uid: Number(uid), gid: Number(gid) };
}

const postgresSettings = (port) => `
listen_addresses = '127.0.0.1'
port = ${port}
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
wal_sync_method = fdatasync
shared_buffers = 1GB
max_wal_size = 8GB
checkpoint_timeout = 30min
max_connections = 100
`;

async function startPostgres(build, dir, port) {
  const user = otherUser();
  const data = join(dir, 'postgres');
  mkdirSync(data, { mode: 0o700 });
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid);
  const quiet = { ...user, cwd: data, stdio: ['ignore', 'ignore', 'inherit'] };
  must(join(postgresBin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'bench', '-E', 'UTF8', '--locale=C'], quiet);
  appendFileSync(join(data, 'postgresql.conf'), postgresSettings(port));
  // It must not outlive us, however we end.
  const child = spawn('setpriv', ['--pdeathsig', 'INT', join(postgresBin, 'postgres'), '-D', data],
    { ...user, cwd: data, stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = new Promise((done) => child.on('close', done));
  const connection = `host=127.0.0.1 port=${port} user=bench dbname=postgres`;
  const stop = async () => {
    child.kill('SIGINT');
    await ended;
  };
  for (let i = 0; ; i++) {
    const made = spawnSync(join(build, 'bench/bench_node'), ['tables', connection], { encoding: 'utf8' });
    if (made.status === 0) return { connection, stop };
    if (i === 100 || child.exitCode !== null) {
      await stop();
      throw new Error(`PostgreSQL does not come up: ${made.stderr}`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function startChain(build, dir) {
  process.env.HOLDFAST = join(build, 'src/holdfast');
  const { Chain, freePorts } = await import('../demo/lib/chain.mjs');
  const { waitUntil } = await import('../demo/lib/http.mjs');
  const chain = await Chain.create({ dir: join(dir, 'chain'), stores: 2 });
  try {
    await Promise.all([...chain.sites.values()].map((site) => site.start()));
    const store = chain.site('store-01');
    const head = chain.headOffice;
    must(join(build, 'bench/bench_node'), ['list', '127.0.0.1', String(head.port), join(head.dir, 'admin.token')]);
    for (let till = 1; till <= 32; till++) {
      const made = await store.local().post('/v1/tills', { name: `Bench ${till}` });
      if (made.till !== till) throw new Error(`till ${made.till} was made where ${till} was expected`);
    }
    await waitUntil('the store to follow the catalogue',
      async () => (await store.local().call('GET', '/v1/products/SKU-29999')).status === 200, { seconds: 60 });
    await store.signing();
    return { chain, store, port: await freePorts(1, 33_000 - 1100) };
  } catch (error) {
    await chain.stopAll();
    throw error;
  }
}

// Sales, money and goods must be the same on both sides, or the figures mean nothing.
async function compare(store, postgres) {
  const totals = await store.local().get('/v1/totals');
  const own = totals.sites.find((site) => site.site === 'store-01');
  const ours = { sales: own.sales, pence: Number(own.gross), pieces: Number(own.units) };
  for (const what of ['sales', 'pence', 'pieces']) {
    if (ours[what] !== postgres[what]) throw new Error(`${what}: Holdfast has ${ours[what]}, PostgreSQL ${postgres[what]}`);
  }
}

async function nodeBench(build, dir) {
  const { chain, store, port } = await startChain(build, dir);
  let postgres;
  const results = {};
  try {
    postgres = await startPostgres(build, dir, port);
    const measure = (label, first) => {
      const json = join(out, `node-${label}.json`);
      must(join(build, 'bench/bench_node'), ['run', json, '127.0.0.1', String(store.port), join(store.dir, 'admin.token'),
        String(first), postgres.connection]);
      return JSON.parse(readFileSync(json));
    };
    console.log('\nSales a second over loopback; holdfast with its three mirrors on this machine storing and cosigning everything');
    results.mirrored = measure('mirrored', 1_000_000_000);
    await compare(store, results.mirrored.postgresql);
    await Promise.all([...chain.sites.values()].filter((site) => site !== store).map((site) => site.stop()));
    console.log('\nThe same with every other site gone: what one machine alone does, as PostgreSQL');
    results.alone = measure('alone', 2_000_000_000);
    await compare(store, results.alone.postgresql);
    const hashes = spawnSync(process.env.HOLDFAST, ['--version'], { encoding: 'utf8' });
    results.version = hashes.stdout.trim();
  } finally {
    await chain.stopAll();
    await postgres?.stop();
  }
  return results;
}

// ---- both

function machine(dir) {
  const disk = spawnSync('findmnt', ['-n', '-o', 'FSTYPE', '-T', dir], { encoding: 'utf8' }).stdout?.trim() || 'not known';
  if (disk === 'tmpfs') throw new Error(`${dir} lies in memory: name a directory on a disk with HF_BENCH_DIR`);
  return { cores: cpus().length, processor: cpus()[0].model, memory_gib: Math.round(totalmem() / 2 ** 30), file_system: disk,
    kernel: release() };
}

const build = builtPrograms();
const dir = mkdtempSync(join(process.env.HF_BENCH_DIR ?? tmpdir(), 'holdfast-bench-'));
// PostgreSQL's user must be able to pass through.
spawnSync('chmod', ['711', dir]);
mkdirSync(out, { recursive: true });
try {
  const results = { machine: machine(dir), short: small };
  console.log(`${results.machine.cores} cores (${results.machine.processor}), ${results.machine.file_system}` +
    `${small ? '; SHORT: shows that it works, not how fast' : ''}`);
  if (only !== 'node') {
    results.journal = journalBench(build, dir, 0);
    results.journal_slow_disk = journalBench(build, dir, 5);
  }
  if (only !== 'journal') results.node = await nodeBench(build, dir);
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
  console.log('\nAll of it as JSON: build/bench-results/results.json');
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (existsSync(dir)) rmSync(dir, { recursive: true });
}
