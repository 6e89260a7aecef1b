// Runs the stages of one way through the house (`make test`, `make check-all`, ...), prints each one's time and counts
// in a closing table, and ends with exit 1 when any failed. There is one list of stages, so that the Makefile, .ci/run
// and a developer at his desk run the same commands.
//
//   node tools/run-stages.mjs WAY [--only STAGE,STAGE]
//
// A stage's whole output goes to build/logs/WAY-STAGE.log; of a failed stage, the end of it is shown. Later stages run
// even when one failed, unless they need what it makes.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { availableParallelism } from 'node:os';

const top = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(top);
const cores = availableParallelism?.() ?? 2;
const program = join(top, 'build/release/src/holdfast');
const simulator = join(top, 'build/release/src/holdfast-sim');
const mutantsByScenario = ['--scenarios', 'test/sim/mutants_of_scenarios.txt'];
const fuzzer = join(top, 'build/release/test/fuzz/fuzz_all');

// Files of a folder whose name ends so; a stage without any fails, because a check that finds nothing to check is none.
const filesOf = (folder, ending) => (existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(ending)) : [])
  .sort().map((f) => join(folder, f));
// `atOnce`: so many files side by side. Each has ports and folders of its own; those of e2e and pages mostly wait.
const nodeTests = (folder, atOnce = 1) => {
  const files = filesOf(folder, '.test.mjs');
  if (files.length === 0) return [['sh', '-c', `echo "no tests in ${folder}" >&2; exit 1`]];
  return [['node', '--test', `--test-concurrency=${atOnce}`, ...files]];
};
const build = (preset, ...targets) => [
  ['cmake', '--preset', preset],
  ['cmake', '--build', '--preset', preset, '--', `-j${cores}`, ...targets],
];
const units = (preset) => [['ctest', '--preset', preset, '-V', '-j', String(cores)]];

// Each stage: the commands, one after the other (atOnce: all together, each a single thread that no clock touches), and the
// stages whose success it needs. The pages come before the program, which carries them inside.
const stages = {
  // What a user runs: built where the packages of the tests are not installed, too.
  program: { run: () => build('release', 'holdfast', 'holdfast-sim', 'holdfast-sealer') },
  build: { run: () => build('release') },
  format: { run: () => [['tools/check-format'], ...nodeTests('test/format')] },
  layers: { run: () => [['node', 'tools/check-layers.mjs'], ...nodeTests('test/layers')] },
  unit: { run: () => units('release'), needs: ['build'] },
  // The same seeds each time, so that a failure among them is the change's own; and a few that nobody has tried (SIM_SEED=
  // again), which may find what was there before. `make sim-night` draws many.
  sim: {
    run: () => [[1, 60], [83, 48], [Number(process.env.SIM_SEED || Date.now() % 1e9), 8]].map(([first, count]) => [simulator, '--seed', `${first}`, '--seeds', `${count}`, '--stand-in']),
    atOnce: true, needs: ['build'],
  },
  // Every decoder, fed by seeded edits of the committed corpus: always the same inputs, as far as the time reaches.
  fuzz: {
    run: () => [1, 2].map((share) => [fuzzer, '--corpus', 'test/fuzz/corpus', '--seconds', process.env.FUZZ_SECONDS || '10',
      '--seed', process.env.SEED || '1', '--share', `${share}/2`]),
    atOnce: true, needs: ['build'],
  },
  libfuzzer: { run: () => [['tools/fuzz', process.env.EACH || '10']] },
  'replay-million': {
    run: () => [['build/release/src/test_sim', '--gtest_filter=Replay.*']], needs: ['build'],
    env: { HF_REPLAY_SALES: '1000000' },
  },
  // A simulator on each core, each with seeds of its own. What it prints is seen at once, and an interrupt lets it end its day.
  'sim-night': {
    run: () => {
      mkdirSync(join(top, 'build/sim-night'), { recursive: true });
      const first = Number(process.env.SEED || Date.now() % 1e9);
      const each = process.env.SEEDS ? Math.ceil(Number(process.env.SEEDS) / cores) : 0;
      return Array.from({ length: cores }, (_, i) => [simulator, '--seed', String(first + i * (each || 1e9)),
        ...(each ? ['--seeds', String(each)] : ['--until-stopped']), '--keep', join(top, 'build/sim-night'),
        ...(process.env.NIGHT || '--stand-in').split(' ').filter(Boolean)]);
    },
    atOnce: true, isSeen: true, needs: ['program'],
  },
  // Planted bugs (docs/mutants.md): by the seeds that have found them before; `mutants` looks for them anew. Some by scenarios.
  'mutants-build': { run: () => build('release', 'holdfast-sim', 'holdfast-sim-mutants') },
  'mutants-again': {
    run: () => [[`${simulator}-mutants`, ...mutantsByScenario, '--first', 'test/sim/mutants.txt', '--seeds', '40']],
    needs: ['mutants-build'],
  },
  mutants: {
    run: () => [[`${simulator}-mutants`, ...mutantsByScenario, '--seeds', process.env.SEEDS || '500']], needs: ['mutants-build'],
  },
  // Who links which archive of core, and that both give the same states.
  archives: { run: () => nodeTests('test/sim'), needs: ['build', 'mutants-build'] },
  // A seed gives the same states in every build.
  'debug-build': { run: () => build('debug', 'holdfast-sim') },
  'same-states': { run: () => nodeTests('test/sim/builds'), needs: ['build', 'debug-build', 'asan-build'] },
  web: { run: () => [['tools/web']] },
  'web-unit': { run: () => [['npm', '--prefix', 'web', 'run', 'check'], ['npm', '--prefix', 'web', 'test']], needs: ['web'] },
  verifier: { run: () => nodeTests('test/verifier'), needs: ['build'] },
  e2e: { run: () => nodeTests('test/e2e', cores), needs: ['build', 'web'] },
  // Alert to seal, in network namespaces; told as skipped where they cannot be made.
  seal: { run: () => nodeTests('test/seal'), needs: ['build'] },
  'seal-long': { run: () => nodeTests('test/seal'), needs: ['build'], env: { HF_SEAL_TRIALS: '20', HF_SEAL_SITES: process.env.SITES || '50' } },
  crash: { run: () => nodeTests('test/crash'), needs: ['build'] },
  'crash-long': { run: () => nodeTests('test/crash'), needs: ['build'], env: { HF_KILLS: process.env.HF_KILLS || '200' } },
  // Power cuts below a file system; told as skipped where FUSE, loop devices or root are missing.
  power: { run: () => nodeTests('test/power'), needs: ['build'] },
  'power-long': {
    run: () => nodeTests('test/power'), needs: ['build'],
    env: { HF_ROUNDS: process.env.HF_ROUNDS || '25', HF_CUTS: process.env.HF_CUTS || '40', HF_FS: process.env.HF_FS || 'ext4,xfs' },
  },
  'spare-trials': { run: () => nodeTests('test/trials'), needs: ['build', 'web'] },
  'repair-large': { run: () => [['node', '--test', 'test/e2e/repair.test.mjs']], needs: ['build', 'web'] },
  'report-long': { run: () => [['node', '--test', 'test/e2e/report.test.mjs']], needs: ['build', 'web'], env: { HF_LONG: '1' } },
  pages: { run: () => nodeTests('test/pages', cores), needs: ['build', 'web'] },
  package: { run: () => nodeTests('test/package'), needs: ['build', 'web'] },
  'make-package': { run: () => [['tools/package']], needs: ['program', 'web'] },
  'debian-root': { run: () => [['node', 'test/package/debian_root.mjs']], needs: ['make-package'] },
  'asan-build': { run: () => build('asan') },
  asan: { run: () => units('asan'), needs: ['asan-build'] },
  'tsan-build': { run: () => build('tsan') },
  tsan: { run: () => units('tsan'), needs: ['tsan-build'] },
  lint: { run: () => [...build('lint', 'hf_schema'), ['tools/lint']] },
};
const test = ['web', 'build', 'format', 'layers', 'unit', 'sim', 'mutants-build', 'archives', 'mutants-again', 'fuzz', 'web-unit',
  'verifier', 'e2e', 'seal', 'crash', 'power', 'pages', 'package'];
const ways = {
  build: ['web', 'program'],
  web: ['web'],
  demo: ['web', 'program'],
  package: ['web', 'program', 'make-package'],
  'package-debian': ['web', 'program', 'make-package', 'debian-root'],
  test,
  'check-all': [...test, 'asan-build', 'asan', 'debug-build', 'same-states', 'tsan-build', 'tsan', 'libfuzzer', 'lint'],
  lint: ['lint'],
  fuzz: ['libfuzzer'],
  'crash-long': ['build', 'crash-long'],
  'power-long': ['build', 'power-long'],
  'seal-long': ['build', 'seal-long'],
  'replay-million': ['build', 'replay-million'],
  'spare-trials': ['web', 'build', 'report-long', 'spare-trials'],
  'sim-night': ['program', 'sim-night'],
  mutants: ['build', 'mutants-build', 'archives', 'mutants'],
  'repair-large': ['web', 'build', 'repair-large'],
};

const way = process.argv[2];
if (!ways[way]) {
  console.error(`run-stages: say one of: ${Object.keys(ways).join(', ')}`);
  process.exit(2);
}
const onlyAt = process.argv.indexOf('--only');
const only = onlyAt > 0 ? process.argv[onlyAt + 1].split(',') : null;
const unknown = (only ?? []).filter((name) => !ways[way].includes(name));
if (unknown.length) {
  console.error(`run-stages: ${way} has no stage ${unknown.join(', ')}; it has ${ways[way].join(', ')}`);
  process.exit(2);
}

const logs = join(top, 'build/logs');
mkdirSync(logs, { recursive: true });

function runCommand(command, env, log, isSeen = false) {
  return new Promise((resolve) => {
    log.write(`$ ${command.join(' ')}\n`);
    const child = spawn(command[0], command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOLDFAST: process.env.HOLDFAST ?? program, ...env },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        log.write(chunk);
        if (isSeen) process.stdout.write(chunk);
      });
    child.on('error', (error) => {
      log.write(`${command[0]}: ${error.message}\n`);
      resolve(127);
    });
    child.on('close', (code, signal) => resolve(signal ? 128 : code));
  });
}

// Counts of single tests, from what GoogleTest, node --test and vitest say of themselves.
function countTests(text) {
  const sum = (pattern) => [...text.matchAll(pattern)].reduce((n, match) => n + Number(match[1]), 0);
  return {
    passed: sum(/\[  PASSED  \] (\d+) tests?\./g) + sum(/^(?:#|ℹ) pass (\d+)$/gm) +
      sum(/^ +Tests .*?(\d+) passed/gm),
    failed: sum(/\[  FAILED  \] (\d+) tests?, listed below/g) + sum(/^(?:#|ℹ) fail (\d+)$/gm) +
      sum(/^ +Tests .*?(\d+) failed/gm),
    skipped: sum(/\[  SKIPPED \] (\d+) tests?, listed below/g) + sum(/^(?:#|ℹ) skipped (\d+)$/gm),
  };
}

// What node --test left out, each with its reason: "name: reason".
const whatWasSkipped = (text) => [...text.matchAll(/^\s*(?:ok \d+ - |﹣ )(.+?)(?: \([\d.]+ms\))? # (?:SKIP )?(.+)$/gm)].map(([, name, why]) => `${name}: ${why}`);

// Of a failed stage's output: each failed test with what follows it, else the end.
function whatFailed(text) {
  const lines = text.split('\n');
  const marks = /LAW BROKEN|^fuzz: .*(?:law is broken|longer than)|check failed:|^\s*not ok \d|^(?:\d+: )?.*: Failure$|error:|^FAILED: /;
  const shown = new Set();
  lines.forEach((line, at) => {
    if (marks.test(line)) for (let i = at; i < Math.min(at + 14, lines.length); i++) shown.add(i);
  });
  const some = [...shown].sort((a, b) => a - b).slice(0, 150).map((at) => lines[at]);
  return [...some, some.length ? '-- and the end of it:' : '', ...lines.slice(some.length ? -15 : -60)].join('\n');
}

// What a stage counts besides tests: seeds, scenarios, planted bugs.
const whatCounts = (text) => text.split('\n')
  .filter((line) => /^(\d+ seeds from .*laws broken|\d+ site-hours|signed with|scenarios: |planted bugs found|all off: \d+ seeds)/.test(line));

if (process.argv[2] === 'sim-night') process.on('SIGINT', () => {});  // the simulators are told as well, and end their days
const results = [];
for (const name of only ?? ways[way]) {
  const stage = stages[name];
  const missing = (stage.needs ?? []).filter((need) => results.some((r) => r.name === need && (r.state === 'FAILED' || r.state === 'not run')));
  if (missing.length) {
    console.log(`-- ${name}: not run, it needs ${missing.join(', ')}`);
    results.push({ name, state: 'not run', seconds: 0 });
    continue;
  }
  const path = join(logs, `${way}-${name}.log`);
  const log = createWriteStream(path);
  const start = process.hrtime.bigint();
  console.log(`-- ${name} ...`);
  let code = 0;
  if (stage.atOnce) {
    const each = stage.run().map((command) => ({ command, said: [] }));
    code = Math.max(...await Promise.all(each.map(({ command, said }) => runCommand(command, stage.env, { write: (chunk) => said.push(chunk) }, stage.isSeen))));
    for (const { said } of each) for (const chunk of said) log.write(chunk);
  } else {
    for (const command of stage.run()) {
      code = await runCommand(command, stage.env, log);
      if (code !== 0) break;
    }
  }
  await new Promise((resolve) => log.end(resolve));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const text = readFileSync(path, 'utf8');
  const counts = countTests(text.replaceAll(/^\d+: /gm, ''));
  const skips = whatWasSkipped(text);
  // What could not be tried here is no failure, and no success either.
  const passed = counts.skipped === 0 ? 'passed' : counts.passed > 0 ? 'partly' : 'skipped';
  const state = code === 0 && counts.failed === 0 ? passed : 'FAILED';
  results.push({ name, state, seconds, skips, ...counts });
  console.log(`-- ${name}: ${state} in ${seconds.toFixed(1)} s${counts.passed ? `, ${counts.passed} tests passed` : ''}`);
  if (!stage.isSeen) for (const line of whatCounts(text.replaceAll(/^\d+: /gm, ''))) console.log(`   ${line}`);
  for (const skip of skips) console.log(`-- ${name}: NOT RUN: ${skip}`);
  if (state === 'FAILED') {
    console.log(whatFailed(text));
    console.log(`-- the whole output of ${name}: ${path}`);
  }
}

const total = (key) => results.reduce((n, r) => n + (r[key] ?? 0), 0);
const cell = (value) => String(value || '').padStart(8);
console.log(`\nstage        result       time   passed   failed  skipped`);
for (const r of results) {
  console.log(`${r.name.padEnd(12)} ${r.state.padEnd(8)} ${`${r.seconds.toFixed(1)} s`.padStart(8)} ` +
    `${cell(r.passed)} ${cell(r.failed)} ${cell(r.skipped)}`);
}
for (const { name, skips } of results) for (const skip of skips ?? []) console.log(`not run in ${name}: ${skip}`);
const bad = results.filter((r) => r.state === 'FAILED' || r.state === 'not run');
const count = (state) => results.filter((r) => r.state === state).length;
console.log(`\n${count('passed')} of ${results.length} stages passed` + ['partly', 'skipped'].filter(count).map((state) => `, ${count(state)} ${state}`).join('') +
  ` in ${(total('seconds') / 60).toFixed(1)} min` +
  (bad.length ? `; not passed: ${bad.map((r) => r.name).join(', ')}` : ''));
// The last line in the form that CI servers read. A stage that failed without a failed test counts as one.
const failed = bad.reduce((n, r) => n + Math.max(1, r.failed ?? 0), 0);
console.log(`${way}: ${total('passed')} passed, ${failed} failed, ${total('skipped')} skipped`);
process.exit(bad.length ? 1 : 0);
