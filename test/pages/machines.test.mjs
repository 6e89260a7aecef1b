// A till page at its node's address, with real processes and real TLS: the node dies, its spare is opened, and the same page
// sells on there. The browser is given the store's certificate by the hash of its key: what a device does that has it
// installed. Names and dates are checked by test/e2e/tills.test.mjs.
import { createHash, X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { freePorts, overwriteAll } from '../../demo/lib/chain.mjs';
import { assert, join, top, tradingChain, waitUntil } from '../e2e/lib.mjs';
import { holdsEverything, promote, spareStatus } from '../e2e/spare_lib.mjs';
import { axe_clean, new_device, next_customer, pay_alone, pay_cash, real, receipt_number, safety_text, sign_in, until } from './lib.mjs';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
let browser;
after(() => browser?.close());

test('the page that was opened at the dead node sells on at its spare, without a key being typed', { skip: real ? 'starts its own' : false, timeout: 400_000 }, async () => {
  const chain = await tradingChain('page-machines');
  const [store] = chain.stores;
  const pages = { args: ['--pages', join(top, 'web/dist')] };
  const port = await freePorts(2);
  const spare = await chain.addSpare(store.name);
  for (const [i, site] of [store, spare].entries()) Object.assign(site, { tills: `127.0.0.1:${port + i}`, origin: `https://127.0.0.1:${port + i}` });
  await store.stop();
  await store.start(pages);
  await store.signing();
  const ca = new X509Certificate((await store.client.call('GET', '/store.crt')).text);
  const spki = createHash('sha256').update(ca.publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  browser = await chromium.launch({ executablePath: process.env.HF_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', `--ignore-certificate-errors-spki-list=${spki}`] });
  const { page, context } = await new_device(browser, { width: 1024, height: 768 });
  const blocked = [];
  page.on('console', (message) => /Content Security Policy|content security policy/i.test(message.text()) && blocked.push(message.text()));
  const shot = (name) => (process.env.HF_SHOTS ? page.screenshot({ path: `${process.env.HF_SHOTS}/machines-${name}.png` }) : undefined);

  await page.goto(`${store.origin}/till/`);
  await page.locator('#staff').waitFor();
  await page.locator('[data-testid=store-certificate]').waitFor();
  assert.ok((await page.locator('[data-testid=store-certificate]').innerText()).includes(ca.fingerprint256));
  await axe_clean(page, 'sign-in with the certificate');
  await sign_in(page, { staff: store.staff.number, pin: store.staff.pin });
  await page.locator('#till-name').waitFor();
  await shot('enrol');
  await page.locator('#till-name').fill('Front');
  await page.locator('#till-name').press('Enter');
  await page.locator('.tile').first().waitFor();
  await page.locator('.tile').first().click();
  await pay_cash(page);
  const first = await receipt_number(page);
  await next_customer(page);

  // The spare comes later: the page fetches itself again, so that it may speak to that address.
  await spare.start(pages);
  await holdsEverything(spare);
  // Asked in the middle of that, the page is gone: asked again.
  await until('the page to be allowed to ask the spare', () => page.evaluate((to) => fetch(`${to}/v1/safety`, { credentials: 'omit' }).then((a) => a.status === 503, () => false), spare.origin).catch(() => false), 60_000);
  await page.locator('.tile').first().waitFor();
  blocked.length = 0;
  assert.equal(await page.evaluate((to) => fetch(to).then(() => 'passed', () => 'blocked'), `https://127.0.0.1:${port + 7}/`), 'blocked');
  assert.equal(blocked.length >= 1, true, 'and nothing else');

  await store.kill();
  overwriteAll(store.dir);
  await until('silence', async () => /does not answer/.test(await safety_text(page)), 30_000);
  await page.locator('.tile').first().click();
  await pay_alone(page);
  const alone = await receipt_number(page);
  assert.notEqual(alone.split('-')[1], first.split('-')[1]);
  await next_customer(page);

  await waitUntil('the spare to miss the machine', async () => !(await spareStatus(spare)).node.alive);
  assert.equal((await promote(spare, spare.code)).status, 200);
  await until('the till to speak to the spare', async () => (await safety_text(page)).includes(`other machine, 127.0.0.1:${port + 1}`), 60_000);
  await page.locator('.tile').first().click();
  await pay_cash(page);
  const there = await receipt_number(page);
  assert.notEqual(there.split('-')[1], alone.split('-')[1], 'a number of the journal');
  await shot('elsewhere');
  await axe_clean(page, 'at the spare');
  await next_customer(page);
  for (const receipt of [first, alone, there]) await waitUntil(`${receipt} to be at the spare`, async () => (await spare.local().call('GET', `/v1/receipts/${receipt}`)).status === 200);
  assert.equal((await spare.local().get('/v1/totals')).sites.find((site) => site.site === store.name).sales, 3, 'each once');

  // Opened again while its own address is dead.
  await page.reload();
  await page.locator('.tile').first().waitFor();
  await until('the till to speak to the spare', async () => (await safety_text(page)).includes('other machine'), 60_000);
  // What needs a person works there too: signing in again, by PIN, and a manager's view.
  await page.getByRole('button', { name: 'Sign out' }).click();
  await sign_in(page, { staff: store.staff.number, pin: store.staff.pin });
  await page.getByRole('button', { name: 'Staff', exact: true }).click();
  await page.locator('#new-number').fill('77');
  await page.locator('#new-name').fill('New Person');
  await page.locator('#new-pin').fill('4711');
  await page.locator('#new-pin').press('Enter');
  await page.getByRole('status').filter({ hasText: '77' }).waitFor();
  await context.close();
});
