// A receiving ledger: what an old system does with a handback. Each row has an id; the id is a unique key; a row that is
// there already is left as it is. In a private PostgreSQL 15 where that is installed (packages.txt: bench), else in memory
// with the same keys: `make test` needs no database, and says which of the two it used.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { records } from './csv.mjs';

const bin = '/usr/lib/postgresql/15/bin';
const kinds = ['sales', 'lines', 'payments', 'movements'];

export async function openLedger(dir, port) {
  return existsSync(join(bin, 'initdb')) && spawnSync('psql', ['--version']).status === 0 ? Postgres.start(dir, port) : new Memory();
}

class Memory {
  name = 'memory (PostgreSQL 15 is not installed)';
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
  static async start(dir, port) {
    const self = new Postgres();
    const data = join(dir, 'postgres');
    mkdirSync(data, { mode: 0o700 });
    const user = {};
    if (process.getuid() === 0) { // it refuses to run as root
      const users = new Map(readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => [line.split(':')[0], line.split(':')]));
      const [, , uid, gid] = users.get('postgres') ?? users.get('nobody');
      Object.assign(user, { uid: Number(uid), gid: Number(gid) });
      chownSync(data, user.uid, user.gid);
      for (let up = dir; up !== '/' && up.includes('build'); up = join(up, '..')) chmodSync(up, 0o755);
    }
    const options = { ...user, cwd: data, stdio: ['ignore', 'ignore', 'inherit'] };
    const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'ledger', '-E', 'UTF8', '--locale=C'], options);
    if (made.status !== 0) throw new Error('initdb failed');
    appendFileSync(join(data, 'postgresql.conf'), `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\nfsync = off\n`);
    self.child = spawn('setpriv', ['--pdeathsig', 'INT', join(bin, 'postgres'), '-D', data], { ...user, cwd: data, stdio: 'ignore' });
    self.ended = new Promise((done) => self.child.on('close', done));
    self.connection = `host=127.0.0.1 port=${port} user=ledger dbname=postgres`;
    self.dir = dir;
    for (let i = 0; ; i++) {
      if (spawnSync('psql', ['-X', self.connection, '-c', 'select 1'], { stdio: 'ignore' }).status === 0) break;
      if (i === 100 || self.child.exitCode !== null) throw new Error('PostgreSQL does not come up');
      await new Promise((done) => setTimeout(done, 100));
    }
    for (const kind of kinds) self.sql(`create table ${kind} (id text primary key, row jsonb not null)`);
    return self;
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
    this.child.kill('SIGINT');
    await this.ended;
  }
}
