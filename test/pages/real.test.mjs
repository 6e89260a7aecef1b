// The same tests of the pages and of the contract, against real nodes: a small chain of processes with head office, a
// warehouse and two stores, so that "copied to 2 of 3" is true because mirrors have signed.
// Skipped only where the program was never built; `make test` builds it first.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Chain, program, run, top } from '../../demo/lib/chain.mjs';
import { inParallel, waitUntil } from '../../demo/lib/http.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const is_built = existsSync(program);
const manager = { number: '1', pin: '7390284615' };
const names = ['Pen', 'Milk', 'Lamp', 'Coal', 'Mug', 'Tray', 'Rope', 'Soap'];
const catalogue = `sku,gtin,name,unit_price,vat,goods\n${names.map((n, i) => `HF200${i + 1},,${n},${(i + 1) * 1.25},S,true`).join('\n')}\n`;

function node_tests(env) {
  return new Promise((done) => {
    const files = ['contract', 'till', 'chain'].map((name) => join(here, `${name}.test.mjs`));
    const plain = { ...process.env, ...env };
    delete plain.NODE_TEST_CONTEXT; // a run of its own, with its own report
    const child = spawn(process.execPath, ['--test', '--test-concurrency=1', ...files], { env: plain, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { out += chunk; });
    child.on('close', (code) => done({ code, out }));
  });
}

test('both pages and the contract hold against real nodes', { skip: is_built ? false : `${program} is not built`, timeout: 600_000 }, async (t) => {
  mkdirSync(join(top, 'build/e2e'), { recursive: true });
  const chain = await Chain.create({ dir: join(top, 'build/e2e', `pages-${process.pid}`), stores: 2 });
  try {
    const sites = [...chain.sites.values()];
    await inParallel(sites, 4, (site) => site.start());
    await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
    await inParallel(sites, 4, (site) => site.signing());
    const file = join(chain.dir, 'catalogue.csv');
    writeFileSync(file, catalogue);
    const office = chain.headOffice;
    await run(['import', 'catalogue', file, '--url', office.url, '--token', join(office.dir, 'admin.token'), '--refused', `${file}.refused`]);
    const [store] = chain.stores;
    await waitUntil('the store to follow the catalogue', async () => (await store.local().call('GET', '/v1/products/HF2008')).status === 200, { seconds: 60 });
    const { code, out } = await node_tests({ HF_NODE_URL: store.url, HF_STAFF: manager.number, HF_PIN: manager.pin });
    const passed = Number(/^(?:#|ℹ) pass (\d+)/m.exec(out)?.[1] ?? 0);
    t.diagnostic(`${passed} tests passed against a real node`);
    assert.equal(code, 0, out);
    assert.ok(passed >= 15, `only ${passed} tests ran:\n${out}`);
  } finally {
    await chain.stopAll();
    if (!process.env.HF_KEEP) rmSync(chain.dir, { recursive: true, force: true });
  }
});
