// The same tests of the pages and of the contract, against real nodes: a small chain of processes with head office, a
// warehouse and two stores, so that "copied to 2 of 3" is true because mirrors have signed.
// Skipped only where the program was never built; `make test` builds it first.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Chain, overwriteAll, program, run, top } from '../../demo/lib/chain.mjs';
import { inParallel, waitUntil } from '../../demo/lib/http.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const is_built = existsSync(program);
const manager = { number: '1', pin: '7390284615' };
const names = ['Pen', 'Milk', 'Lamp', 'Coal', 'Mug', 'Tray', 'Rope', 'Soap'];
const catalogue = `sku,gtin,name,unit_price,vat,goods\n${names.map((n, i) => `HF200${i + 1},,${n},${(i + 1) * 1.25},S,true`).join('\n')}\n`;

function node_tests(env) {
  return new Promise((done) => {
    const files = ['contract', 'till', 'till_silence', 'till_card', 'till_people', 'chain'].map((name) => join(here, `${name}.test.mjs`));
    const plain = { ...process.env, ...env };
    delete plain.NODE_TEST_CONTEXT; // a run of its own, with its own report
    const child = spawn(process.execPath, ['--test', '--test-concurrency=1', ...files], { env: plain, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { out += chunk; });
    child.on('close', (code) => done({ code, out }));
  });
}

async function trading_chain(name) {
  mkdirSync(join(top, 'build/e2e'), { recursive: true });
  const chain = await Chain.create({ dir: join(top, 'build/e2e', `${name}-${process.pid}`), stores: 2 });
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (site) => site.start());
  await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
  await inParallel(sites, 4, (site) => site.signing());
  const file = join(chain.dir, 'catalogue.csv');
  writeFileSync(file, catalogue);
  const office = chain.headOffice;
  await run(['import', 'catalogue', file, '--url', office.url, '--token', join(office.dir, 'admin.token'), '--refused', `${file}.refused`]);
  for (const store of chain.stores) {
    await waitUntil(`${store.name} to follow the catalogue`, async () => (await store.local().call('GET', '/v1/products/HF2008')).status === 200, { seconds: 60 });
  }
  return chain;
}
async function end(chain) {
  await chain.stopAll();
  if (!process.env.HF_KEEP) rmSync(chain.dir, { recursive: true, force: true });
}
const skip = is_built ? false : `${program} is not built`;

test('both pages and the contract hold against real nodes', { skip, timeout: 600_000 }, async (t) => {
  const chain = await trading_chain('pages');
  try {
    const [store] = chain.stores;
    const { code, out } = await node_tests({ HF_NODE_URL: store.url, HF_STAFF: manager.number, HF_PIN: manager.pin, HF_LOCAL_TOKEN: store.token() });
    const passed = Number(/^(?:#|ℹ) pass (\d+)/m.exec(out)?.[1] ?? 0);
    t.diagnostic(`${passed} tests passed against a real node`);
    assert.equal(code, 0, out);
    assert.ok(passed >= 15, `only ${passed} tests ran:\n${out}`);
  } finally {
    await end(chain);
  }
});

test('a store’s machine is destroyed with sales that nobody else holds: its till brings them back', { skip, timeout: 600_000 }, async () => {
  Object.assign(process.env, { HF_STAFF: manager.number, HF_PIN: manager.pin });
  const pages = await import('./lib.mjs');
  const chain = await trading_chain('return');
  const browser = await pages.launch();
  try {
    const store = chain.stores[1];
    const { page, errors } = await pages.new_device(browser);
    await pages.open_till(page, { url: store.url });
    const sell = async (place) => {
      await page.locator('.tile').nth(place).click();
      await pages.pay_cash(page);
      const receipt = await pages.receipt_number(page);
      await pages.next_customer(page);
      return receipt;
    };
    const receipts = [await sell(0)];
    await pages.until('the first is copied', async () => /copied to/.test(await pages.safety_text(page)) && !/not copied/.test(await pages.safety_text(page)), 40_000);
    for (const { site } of (await store.client.get('/v1/links')).links) await store.cut(site);
    receipts.push(await sell(1), await sell(2));
    await store.kill();
    overwriteAll(store.dir);
    await pages.until('the node does not answer', async () => /does not answer/.test(await pages.safety_text(page)));
    await page.locator('.tile').nth(3).click(); // sold while there is no node at all
    await pages.pay_cash(page);
    await pages.next_customer(page);

    await chain.rebuild(store.name);
    await store.start();
    await page.locator('#enrol-code').waitFor({ timeout: 60_000 });
    await page.locator('#enrol-code').fill(store.enrolmentCode());
    await page.locator('#enrol-staff').fill(manager.number);
    await page.locator('#enrol-pin').fill(manager.pin);
    await page.locator('#enrol-again').fill(manager.pin);
    await page.locator('#enrol-again').press('Enter');
    await page.locator('#till-name').waitFor({ timeout: 30_000 });
    await page.locator('#till-name').press('Enter');
    await page.locator('#search').waitFor();
    await page.keyboard.press('F8');
    await pages.until('all four are copied elsewhere', async () => (await page.locator('tr[data-state=cosigned]').count()) === 4, 90_000);
    const shown = await page.locator('tr[data-state] td:nth-child(3)').allTextContents();
    for (const receipt of receipts) assert.ok(shown.some((text) => text.trim() === receipt), `${receipt} as printed`);
    const totals = (await store.local().get('/v1/totals')).sites.find((site) => site.site === store.name);
    assert.equal(totals.sales, 4, 'each sale is in the journal once');
    for (const receipt of receipts) assert.equal((await store.local().call('GET', `/v1/receipts/${receipt}`)).status, 200);
    await page.goto(`${store.url}/chain/`);
    const report = page.locator('[data-testid=recovery]');
    await report.waitFor();
    assert.match(await report.textContent(), /Re-submitted by tills\s*[23]/);
    await pages.axe_clean(page, 'a real recovery report');
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await end(chain);
  }
});
