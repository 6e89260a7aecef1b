// How a program that drives a chain ends when something breaks that nobody waits for: with the reason, with exit 1, and with all
// that it started. The nodes are a stand-in, so that this needs no build.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const lib = (name) => JSON.stringify(new URL(`../../demo/lib/${name}`, import.meta.url).href);
const lives = (pid) => existsSync(`/proc/${pid}`);
// A killed process is there until whoever inherits it has looked; one that is not killed sleeps for a minute.
async function leftOf(pids) {
  for (let i = 0; i < 100 && pids.some(lives); ++i) await sleep(100);
  return pids.filter(lives);
}

// Two nodes and a command are under way; then `trouble` comes. { code, said, pids }
async function drive(t, trouble, prepare = () => {}) {
  const dir = mkdtempSync(join(tmpdir(), 'hf-ends-')), file = (name) => join(dir, name);
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(file('stub'), `#!/bin/sh\necho $$ >>${file('pids')}\nexec sleep 60\n`, { mode: 0o755 });
  writeFileSync(file('driver.mjs'), `
    import { readFileSync } from 'node:fs';
    import { Chain, Site, endRuns, run } from ${lib('chain.mjs')};
    import { endsWith } from ${lib('ending.mjs')};
    import { sleep } from ${lib('http.mjs')};
    const dir = ${JSON.stringify(dir)}, chain = new Chain(dir);
    endsWith(async () => { endRuns(); await chain.stopAll(); }, () => 130);
    run(['site', 'rebuild']).catch(() => {});
    for (const name of ['store-01', 'store-02']) chain.sites.set(name, new Site(chain, name, dir, 1));
    for (const site of chain.sites.values()) await site.start({ expectEnd: true });
    while (readFileSync(dir + '/pids', { encoding: 'utf8', flag: 'a+' }).split('\\n').length < 4) await sleep(20);
    ${trouble}
    await sleep(60_000);`);
  prepare(file);
  const child = spawn(process.execPath, [file('driver.mjs')], { env: { ...process.env, HOLDFAST: file('stub') }, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk; });
  const code = await new Promise((done) => child.on('close', done));
  return { code, said, pids: existsSync(file('pids')) ? readFileSync(file('pids'), 'utf8').split('\n').filter(Boolean) : [] };
}

for (const [what, trouble] of [['an error thrown where nobody catches', 'setTimeout(() => { throw new Error("no space left"); });'],
  ['a promise that nobody waits for', 'Promise.reject(new Error("no space left"));']]) {
  test(`${what} ends every process, with the reason`, { timeout: 30_000 }, async (t) => {
    const { code, said, pids } = await drive(t, trouble);
    assert.equal(code, 1, said);
    assert.match(said, /no space left/);
    assert.equal(pids.length, 3);
    assert.deepEqual(await leftOf(pids), []);
  });
}
test('a log that cannot be written ends every process, with its name', { timeout: 30_000 }, async (t) => {
  const { code, said, pids } = await drive(t, '', (file) => mkdirSync(file('logs/store-02.log'), { recursive: true }));
  assert.equal(code, 1, said);
  assert.match(said, /the log of store-02 cannot be written/);
  assert.deepEqual(await leftOf(pids), []);
});
test('a signal ends every process', { timeout: 30_000 }, async (t) => {
  const { code, pids } = await drive(t, 'process.kill(process.pid, "SIGTERM");');
  assert.equal(code, 130);
  assert.deepEqual(await leftOf(pids), []);
});
