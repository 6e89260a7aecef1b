// What the benchmarks share: the programs, a PostgreSQL of our own, a chain that follows the workload's catalogue, and what
// machine it is.
//
//   HF_BENCH_DIR=DIR    where data goes (default: the system's temporary directory); it must be a real disk
//   HF_BENCH_BUILD=DIR  take the programs from this build instead of building the `bench` preset
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = dirname(dirname(fileURLToPath(import.meta.url)));
export const out = join(top, 'build/bench-results');
export const small = Number(process.env.HF_BENCH_SHORT ?? 0) !== 0;
export const postgresBin = '/usr/lib/postgresql/15/bin';

export function must(command, args, options = {}) {
  const done = spawnSync(command, args, { stdio: 'inherit', cwd: top, ...options });
  if (done.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} ended with ${done.status ?? done.signal ?? done.error}`);
  return done;
}

export function builtPrograms() {
  const build = process.env.HF_BENCH_BUILD ?? join(top, 'build/bench');
  if (!process.env.HF_BENCH_BUILD) {
    must('cmake', ['--preset', 'bench'], { stdio: ['ignore', 'ignore', 'inherit'] });
    must('cmake', ['--build', '--preset', 'bench', '--target', 'holdfast', 'bench_journal', 'bench_node']);
  }
  process.env.HOLDFAST = join(build, 'src/holdfast');  // demo/lib reads it when it is loaded
  return build;
}

// Runs `body` with a directory of its own on a real disk, which is gone afterwards; a failure ends the program with 1.
export async function inDirectory(body) {
  const dir = mkdtempSync(join(process.env.HF_BENCH_DIR ?? tmpdir(), 'holdfast-bench-'));
  spawnSync('chmod', ['711', dir]);  // PostgreSQL's user must be able to pass through
  mkdirSync(out, { recursive: true });
  try {
    await body(dir);
  } catch (error) {
    console.error(`bench: ${error.message}`);
    process.exitCode = 1;
  } finally {
    if (existsSync(dir)) rmSync(dir, { recursive: true });
  }
}

export function machine(dir) {
  const disk = spawnSync('findmnt', ['-n', '-o', 'FSTYPE', '-T', dir], { encoding: 'utf8' }).stdout?.trim() || 'not known';
  if (disk === 'tmpfs') throw new Error(`${dir} lies in memory: name a directory on a disk with HF_BENCH_DIR`);
  return { cores: cpus().length, processor: cpus()[0].model, memory_gib: Math.round(totalmem() / 2 ** 30), file_system: disk,
    kernel: release() };
}

// ---- PostgreSQL

// It refuses to run as root; then it runs as the user its package made, or as nobody.
export function otherUser() {
  if (process.getuid() !== 0) return {};
  const users = new Map(readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => [line.split(':')[0], line.split(':')]));
  const [, , uid, gid] = users.get('postgres') ?? users.get('nobody');
  return { uid: Number(uid), gid: Number(gid) };
}

const settings = `
listen_addresses = '127.0.0.1'
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

// A directory that PostgreSQL's user may write.
export function directoryOfPostgres(path) {
  const user = otherUser();
  mkdirSync(path, { mode: 0o700 });
  if (user.uid !== undefined) chownSync(path, user.uid, user.gid);
  return path;
}

export class Postgres {
  constructor(data, port) {
    Object.assign(this, { data, port, connection: `host=127.0.0.1 port=${port} user=bench dbname=postgres` });
  }
  // One of PostgreSQL's programs, as its user.
  run(program, args, options = {}) {
    return must(join(postgresBin, program), args, { ...otherUser(), cwd: this.data, stdio: ['ignore', 'ignore', 'inherit'], ...options });
  }
  sql(text) {
    const done = spawnSync(join(postgresBin, 'psql'), ['-X', '-q', '-t', '-A', '-d', this.connection, '-c', text], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`PostgreSQL: ${done.stderr}`);
    return done.stdout.trim();
  }
  init(more = '') {
    directoryOfPostgres(this.data);
    this.run('initdb', ['-D', this.data, '-A', 'trust', '-U', 'bench', '-E', 'UTF8', '--locale=C']);
    appendFileSync(join(this.data, 'postgresql.conf'), `${settings}${more}`);
    return this;
  }
  // Until it answers what `ready` asks with "t".
  async start({ ready = 'SELECT true', seconds = 3600 } = {}) {
    // It must not outlive us, however we end.
    this.child = spawn('setpriv', ['--pdeathsig', 'INT', join(postgresBin, 'postgres'), '-D', this.data, '-p', String(this.port)],
      { ...otherUser(), cwd: this.data, stdio: ['ignore', 'ignore', 'ignore'] });
    this.ended = new Promise((done) => this.child.on('close', done));
    for (const until = Date.now() + seconds * 1000; ;) {
      const asked = spawnSync(join(postgresBin, 'psql'), ['-X', '-q', '-t', '-A', '-d', this.connection, '-c', ready], { encoding: 'utf8' });
      if (asked.status === 0 && asked.stdout.trim() === 't') return this;
      if (this.child.exitCode !== null || Date.now() > until) throw new Error(`PostgreSQL does not come up: ${asked.stderr}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  async stop() {
    this.child?.kill('SIGINT');
    await this.ended;
  }
}

// ---- a chain

// Two stores that follow the workload's catalogue; the first has 32 tills.
export async function startChain(build, dir) {
  const { Chain } = await import('../demo/lib/chain.mjs');
  const { waitUntil } = await import('../demo/lib/http.mjs');
  const chain = await Chain.create({ dir: join(dir, 'chain'), stores: 2 });
  raiseBounds(chain);
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
    return { chain, store };
  } catch (error) {
    await chain.stopAll();
    throw error;
  }
}

// A mirror takes 4 GiB of a store a day, some 4,500,000 sales here: the chain file's next version allows more.
function raiseBounds(chain) {
  const signed = join(chain.path, 'chain.hfc');
  const [next, raised] = [join(chain.path, 'next.toml'), join(chain.path, 'next.hfc')];
  const [text] = readFileSync(signed, 'utf8').split('\n— ');  // what is below are signatures
  writeFileSync(next, text.replace(/^mirror_bytes_a_day = .*$/m, `mirror_bytes_a_day = ${2 ** 40}`));
  const holdfast = (...args) => must(process.env.HOLDFAST, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  holdfast('chain', 'init', next, '--supersedes', signed, '--root-keys', join(chain.path, 'ceremony/root'), '--out', raised);
  for (const site of chain.sites.values()) holdfast('site', 'adopt', site.dir, raised);
  renameSync(raised, signed);
}

export async function freePort() {
  const { freePorts } = await import('../demo/lib/chain.mjs');
  return freePorts(1);
}

// Sales, money and goods must be the same on both sides, or the figures mean nothing.
export async function compare(store, sums) {
  const totals = await store.local().get('/v1/totals');
  const own = totals.sites.find((site) => site.site === 'store-01');
  const ours = { sales: own.sales, pence: Number(own.gross), pieces: Number(own.units) };
  for (const what of ['sales', 'pence', 'pieces']) {
    if (ours[what] !== sums[what]) throw new Error(`${what}: Holdfast has ${ours[what]}, the other side ${sums[what]}`);
  }
}
