// `make bench`: Holdfast measured beside SQLite (in process) and PostgreSQL 15 (over loopback), on this machine, in one run.
// Prints tables and writes build/bench-results/results.json. README.md says what is measured and what each side guarantees.
//
//   HF_BENCH_SHORT=1    one round of few sales: shows that everything works, not how fast
//   HF_BENCH_ONLY=journal|node
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Postgres, builtPrograms, compare, freePort, inDirectory, machine, must, out, small, startChain } from './lib.mjs';

const only = process.env.HF_BENCH_ONLY;

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

async function nodeBench(build, dir) {
  const { chain, store } = await startChain(build, dir);
  const postgres = new Postgres(join(dir, 'postgres'), await freePort());
  const results = {};
  try {
    await postgres.init().start();
    must(join(build, 'bench/bench_node'), ['tables', postgres.connection]);
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
    await postgres.stop();
  }
  return results;
}

// ---- both

const build = builtPrograms();
await inDirectory(async (dir) => {
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
});
