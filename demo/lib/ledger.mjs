// A receiving ledger: what an old system does with a handback. Each row has an id; the id is a unique key; a row that is
// there already is left as it is. In a private PostgreSQL 15 where that is installed (packages.txt: bench) and starts, else in
// memory with the same keys: `make test` needs no database, and says which of the two it used, and why.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { records } from './csv.mjs';

const kinds = ['sales', 'lines', 'payments', 'movements'];

// dir: for files of this side. bin: where PostgreSQL's programs are.
export async function openLedger(dir, port, { bin = '/usr/lib/postgresql/15/bin' } = {}) {
  if (!existsSync(join(bin, 'initdb')) || spawnSync('psql', ['--version']).status !== 0) return new Memory('PostgreSQL 15 is not installed');
  const postgres = new Postgres(dir, port, bin);
  try {
    await postgres.start();
    return postgres;
  } catch (error) {
    await postgres.stop();
    return new Memory(error.message);
  }
}

class Memory {
  constructor(why) { this.name = `memory (${why})`; }
  tables = Object.fromEntries(kinds.map((kind) => [kind, new Map()]));
  take(kind, file) {
    let taken = 0;
    for (const row of records(readFileSync(file, 'utf8'))) {
      if (this.tables[kind].has(row.id)) continue;
      this.tables[kind].set(row.id, row);
      taken++;
    }
    return taken;
  }
  rows(kind) { return [...this.tables[kind].values()]; }
  async stop() {}
}

class Postgres {
  name = 'PostgreSQL 15';
  constructor(dir, port, bin) { Object.assign(this, { dir, port, bin }); }
  // Its data lies in a directory of its own, where the user under whom it runs can come: the demo's may lie below a home that is
  // closed to others, and stays as closed as it is.
  async start() {
    const data = this.data = mkdtempSync('/var/tmp/holdfast-ledger-');
    const user = {};
    if (process.getuid() === 0) { // it refuses to run as root
      const users = new Map(readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => [line.split(':')[0], line.split(':')]));
      const [, , uid, gid] = users.get('postgres') ?? users.get('nobody');
      Object.assign(user, { uid: Number(uid), gid: Number(gid) });
      chownSync(data, user.uid, user.gid);
    }
    const made = spawnSync(join(this.bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'ledger', '-E', 'UTF8', '--locale=C'],
      { ...user, cwd: data, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`PostgreSQL's initdb failed: ${(made.error?.message ?? made.stderr).trim().split('\n').at(-1)}`);
    appendFileSync(join(data, 'postgresql.conf'), `listen_addresses = '127.0.0.1'\nport = ${this.port}\nunix_socket_directories = ''\nfsync = off\n`);
    this.child = spawn('setpriv', ['--pdeathsig', 'INT', join(this.bin, 'postgres'), '-D', data], { ...user, cwd: data, stdio: 'ignore' });
    this.ended = new Promise((done) => this.child.on('error', done).on('close', done));
    this.connection = `host=127.0.0.1 port=${this.port} user=ledger dbname=postgres`;
    for (let i = 0; spawnSync('psql', ['-X', this.connection, '-c', 'select 1'], { stdio: 'ignore' }).status !== 0; i++) {
      if (i === 100 || this.child.exitCode !== null) throw new Error('PostgreSQL does not come up');
      await new Promise((done) => setTimeout(done, 100));
    }
    for (const kind of kinds) this.sql(`create table ${kind} (id text primary key, row jsonb not null)`);
  }
  sql(text) {
    const file = join(this.dir, 'ledger.sql');
    writeFileSync(file, text);
    const done = spawnSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', this.connection, '-f', file],
      { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (done.status !== 0) throw new Error(done.stderr);
    return done.stdout;
  }
  // As its own COPY reads the file; unique keys decide what is new.
  take(kind, file) {
    const header = readFileSync(file, 'utf8').split('\r\n')[0].split(',');
    const out = this.sql(`create temp table t (${header.map((name) => `"${name}" text`).join(', ')});
\\copy t from '${file}' with (format csv, header true, encoding 'UTF8')
with taken as (insert into ${kind} select id, to_jsonb(t) from t on conflict (id) do nothing returning 1) select count(*) from taken;`);
    return Number(out.trim());
  }
  rows(kind) {
    return this.sql(`select row from ${kind}`).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
  async stop() {
    this.child?.kill('SIGINT');
    await this.ended;
    if (this.data) rmSync(this.data, { recursive: true, force: true });
  }
}
