// `make bench-rebuild`: a store's machine is gone; how long until all its sales are back? Holdfast rebuilds the journal from its
// mirrors over TLS, verified against signed roots and folded; PostgreSQL 15 brings the same sales back by pg_restore, and by a
// base backup and its WAL. README.md says what each side has at the end. Prints a table and writes
// build/bench-results/rebuild.json.
//
//   HF_BENCH_SALES=N    default 10,000,000 (needs some 40 GB and half an hour); HF_BENCH_SHORT=1: 24,000
//   HF_BENCH_ROUNDS=N   default 5 up to a million sales, else 1: then each side's files are removed before the next begins
import { spawnSync } from 'node:child_process';
import { appendFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Postgres, builtPrograms, compare, directoryOfPostgres, freePort, inDirectory, machine, must, otherUser, out, small,
  startChain } from './lib.mjs';

const sales = Math.ceil(Number(process.env.HF_BENCH_SALES ?? (small ? 24_000 : 10_000_000)) / 800) * 800;
const rounds = Number(process.env.HF_BENCH_ROUNDS ?? (small || sales > 1e6 ? 1 : 5));
const keeps = rounds > 1 || sales <= 1e6;  // everything side by side
const first = 3_000_000_000;
const jobs = '2';

const seconds = async (body) => {
  const begun = process.hrtime.bigint();
  await body();
  return Number(process.hrtime.bigint() - begun) / 1e9;
};
const bytesBelow = (path) => readdirSync(path, { recursive: true }).reduce((sum, name) => {
  const status = statSync(join(path, name));
  return sum + (status.isFile() ? status.size : 0);
}, 0);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// ---- PostgreSQL

async function loadPostgres(build, dir) {
  const archive = directoryOfPostgres(join(dir, 'archive'));
  const base = directoryOfPostgres(join(dir, 'base'));
  const postgres = new Postgres(join(dir, 'loaded'), await freePort());
  postgres.init(`wal_level = replica\nmax_wal_senders = 4\narchive_mode = on\narchive_command = 'cp %p ${archive}/%f'\n`);
  try {
    await postgres.start();
    const bench = (...args) => must(join(build, 'bench/bench_node'), args);
    bench('tables', postgres.connection);
    postgres.run('pg_basebackup', ['-d', postgres.connection, '-D', base, '-X', 'stream', '-c', 'fast']);
    const took = await seconds(() => bench('load', postgres.connection, String(first), String(sales)));
    console.log(`PostgreSQL: ${sales} sales by COPY, 1,000 a transaction, in ${took.toFixed(0)} s`);
    const sums = JSON.parse(spawnSync(join(build, 'bench/bench_node'), ['sums', postgres.connection], { encoding: 'utf8' }).stdout);
    if (sums.sales !== sales) throw new Error(`PostgreSQL has ${sums.sales} of ${sales} sales`);
    const last = postgres.sql('SELECT pg_walfile_name(pg_switch_wal())');
    const dump = join(archive, 'dump');
    postgres.run('pg_dump', ['-Fd', '-j', jobs, '-f', dump, '-d', postgres.connection]);
    for (let i = 0; postgres.sql('SELECT coalesce(last_archived_wal, \'\') FROM pg_stat_archiver') < last; i++) {
      if (i > 3000) throw new Error('PostgreSQL does not archive its WAL');
      await new Promise((done) => setTimeout(done, 100));
    }
    return { archive, base, dump, sums };
  } finally {
    await postgres.stop();
    if (!keeps) rmSync(postgres.data, { recursive: true });
  }
}

function checkSums(build, postgres, expected) {
  const sums = JSON.parse(spawnSync(join(build, 'bench/bench_node'), ['sums', postgres.connection], { encoding: 'utf8' }).stdout);
  for (const what of ['sales', 'pence', 'pieces']) {
    if (sums[what] !== expected[what]) throw new Error(`${what}: restored ${sums[what]} of ${expected[what]}`);
  }
}

// Tables, indexes and keys; durable, because their WAL is.
async function restore(build, dir, loaded) {
  const postgres = new Postgres(join(dir, 'restored'), await freePort());
  postgres.init('maintenance_work_mem = 512MB\n');
  try {
    await postgres.start();
    const took = await seconds(() => postgres.run('pg_restore', ['-j', jobs, '-d', postgres.connection, loaded.dump]));
    checkSums(build, postgres, loaded.sums);
    return took;
  } finally {
    await postgres.stop();
    rmSync(postgres.data, { recursive: true });
  }
}

// The base backup lies there already; the clock runs from the start until it takes writes.
async function replayWal(build, dir, loaded) {
  const postgres = new Postgres(join(dir, 'replayed'), await freePort());
  const user = otherUser();
  must('cp', ['-a', loaded.base, postgres.data]);
  writeFileSync(join(postgres.data, 'recovery.signal'), '');
  if (user.uid !== undefined) must('chown', [`${user.uid}:${user.gid}`, join(postgres.data, 'recovery.signal')]);
  appendFileSync(join(postgres.data, 'postgresql.conf'), `archive_mode = off\nrestore_command = 'cp ${loaded.archive}/%f %p'\n`);
  try {
    const took = await seconds(() => postgres.start({ ready: 'SELECT NOT pg_is_in_recovery()' }));
    checkSums(build, postgres, loaded.sums);
    return took;
  } finally {
    await postgres.stop();
    rmSync(postgres.data, { recursive: true });
  }
}

// ---- Holdfast

async function loadChain(build, dir, sums) {
  const { chain, store } = await startChain(build, dir);
  try {
    const took = await seconds(() => must(join(build, 'bench/bench_node'),
      ['fill', '127.0.0.1', String(store.port), join(store.dir, 'admin.token'), String(first), String(sales)]));
    console.log(`Holdfast: ${sales} sales over HTTP, with three mirrors on this machine, in ${took.toFixed(0)} s`);
    await store.cosigned({ seconds: 600 });
    await compare(store, sums);
    return { chain, store };
  } catch (error) {
    await chain.stopAll();
    throw error;
  }
}

// From a new machine, empty but for its keys and their certificate, until it sells and signs.
async function rebuild(chain, store, sums) {
  await store.stop();
  const gone = store.dir;
  const machine = await chain.newMachine('store-01');
  const took = await seconds(async () => {
    await chain.rebuildAndServe('store-01', machine);
    await store.signing({ seconds: 3600 });
  });
  const said = store.said;
  rmSync(gone, { recursive: true });
  await compare(store, sums);
  return { took, said };
}

// ---- both

const build = builtPrograms();
await inDirectory(async (dir) => {
  const about = machine(dir);
  console.log(`${about.cores} cores (${about.processor}), ${about.file_system}; ${sales} sales of 5 lines, ${rounds} round(s)`);
  const loaded = await loadPostgres(build, dir);
  const bytes = { dump: bytesBelow(loaded.dump), wal: bytesBelow(loaded.archive) - bytesBelow(loaded.dump) };
  const took = { holdfast: [], pg_restore: [], wal: [] };
  let said = '';
  const postgresRound = async () => {
    took.pg_restore.push(await restore(build, dir, loaded));
    took.wal.push(await replayWal(build, dir, loaded));
  };
  if (!keeps) {
    await postgresRound();
    for (const path of [loaded.archive, loaded.base]) rmSync(path, { recursive: true });
  }
  const { chain, store } = await loadChain(build, dir, loaded.sums);
  try {
    bytes.journal = bytesBelow(join(store.dir, 'journals'));
    for (let round = 0; round < rounds; round++) {
      if (keeps) await postgresRound();
      const done = await rebuild(chain, store, loaded.sums);
      took.holdfast.push(done.took);
      said = done.said;
      console.log(`round ${round + 1}: ${Object.entries(took).map(([side, all]) => `${side} ${all.at(-1).toFixed(1)} s`).join(', ')}`);
    }
    console.log(`\nThe last rebuild's own words:\n${said}`);
  } finally {
    await chain.stopAll();
  }
  const rate = (side) => sales / median(took[side]);
  console.log(`\n${'side'.padEnd(26)}${'median s'.padStart(10)}${'sales/s'.padStart(12)}${'MB/s'.padStart(8)}   Holdfast is so many times this`);
  for (const [side, name, size] of [['holdfast', 'rebuild from mirrors', bytes.journal], ['pg_restore', `pg_restore -j ${jobs}`, bytes.dump],
    ['wal', 'base backup + WAL', bytes.wal]]) {
    console.log(`${name.padEnd(26)}${median(took[side]).toFixed(1).padStart(10)}${rate(side).toFixed(0).padStart(12)}` +
      `${(size / 1e6 / median(took[side])).toFixed(0).padStart(8)}   ${side === 'holdfast' ? '' : (rate('holdfast') / rate(side)).toFixed(2)}`);
  }
  writeFileSync(join(out, 'rebuild.json'), `${JSON.stringify({ machine: about, sales, rounds, seconds: took, bytes }, null, 2)}\n`);
  console.log('\nAll of it as JSON: build/bench-results/rebuild.json');
});
