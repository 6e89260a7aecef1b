// What the page tests share: Debian's Chromium, a node (the mock, or a real one by HF_NODE_URL), and the steps of a person.
//   HF_NODE_URL     a running node; without it each test starts web/mock/server.mjs for itself
//   HF_STAFF, HF_PIN  a manager there (mock: 1 / 4711);  HF_ENROL_CODE  for a site that has none yet
//   HF_LOCAL_TOKEN  its admin.token: lets the tests cut and heal all of its links
//   HF_CHROMIUM     another browser than /usr/bin/chromium
// A real node is used as it is: tests that need a switch of the mock (a rebuild, a roll-back) are skipped there.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');
const { make_mock, make_demo_control } = await import(new URL('../../web/mock/server.mjs', import.meta.url).href);
export { make_demo_control };

export const real = process.env.HF_NODE_URL?.replace(/\/$/, '');
export const manager = { staff: process.env.HF_STAFF ?? '1', pin: process.env.HF_PIN ?? '4711' };

export const launch = () =>
  chromium.launch({
    executablePath: process.env.HF_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });

/** A node for one test. `post` moves a switch of the mock. */
export async function start_node(options = {}) {
  if (real) return { url: real, post: null, state: null, products: null, all_links: process.env.HF_LOCAL_TOKEN && cut_links, stop: () => cut_links(false) };
  const mock = make_mock(options);
  const url = await mock.listen(0);
  const json = async (path, body) =>
    (await fetch(`${url}/mock/${path}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })).json();
  const all_links = (lost) => json('quorum', { lost });
  return { url, all_links, post: json, state: () => json('state'), products: mock.products, enrol_code: mock.enrol_code, stop: () => mock.close() };
}

/** Cuts or heals every link of the real node, so that nothing of it is copied elsewhere. */
async function cut_links(lost) {
  if (!process.env.HF_LOCAL_TOKEN) return;
  const headers = { Authorization: `Local ${process.env.HF_LOCAL_TOKEN}`, 'Content-Type': 'application/json' };
  const { links } = await (await fetch(`${real}/v1/links`)).json();
  for (const { site } of links) {
    const answer = await fetch(`${real}/v1/links/${site}`, { method: 'POST', headers, body: JSON.stringify({ state: lost ? 'cut' : 'open' }) });
    assert.equal(answer.status, 200);
  }
}

/** A browser profile of its own: one device. Anything the page reports as an error fails the test that looks at `errors`. */
export async function new_device(browser, { language = 'en-GB', width = 1280, height = 800, till_layout = false } = {}) {
  const context = await browser.newContext({
    locale: language, viewport: { width, height }, timezoneId: Intl.DateTimeFormat().resolvedOptions().timeZone, hasTouch: till_layout, reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    // A node that does not answer and a first 401 are part of the trade; broken scripts and CSP are not.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) errors.push(message.text());
  });
  return { context, page, errors };
}

export async function sign_in(page, { staff, pin }) {
  await page.locator('#staff').fill(staff);
  await page.locator('#pin').fill(pin);
  await page.locator('#pin').press('Enter');
}

/** From an empty browser to a till that sells. */
export async function open_till(page, node) {
  await page.goto(`${node.url}/till/`);
  await page.locator('#staff, #enrol-code, #search').first().waitFor();
  if (await page.locator('#enrol-code').count()) {
    await page.locator('#enrol-code').fill(process.env.HF_ENROL_CODE ?? node.enrol_code);
    await page.locator('#enrol-staff').fill(manager.staff);
    await page.locator('#enrol-pin').fill(manager.pin);
    await page.locator('#enrol-again').fill(manager.pin);
    await page.locator('#enrol-again').press('Enter');
  } else if (await page.locator('#staff').count()) await sign_in(page, manager);
  await page.locator('#till-name, #search').first().waitFor();
  if (await page.locator('#till-name').count()) {
    await page.locator('#till-name').fill('Front counter');
    await page.locator('#till-name').press('Enter');
  }
  await page.locator('#search').waitFor();
  await page.locator('.tile').first().waitFor();
}

/**
 * As a scanner does it: fast keys, then Enter. The keys carry the scanner's own times, so that a busy test machine does not
 * turn it into a slow typist.
 */
export async function scan(page, code) {
  const cdp = await page.context().newCDPSession(page);
  const start_s = Date.now() / 1000;
  const keys = [...code].map((c) => ({ key: c, text: c })).concat({ key: 'Enter', text: '\r', code: 'Enter', windowsVirtualKeyCode: 13 });
  for (const [i, key] of keys.entries()) {
    const timestamp = start_s + i * 0.004;
    await cdp.send('Input.dispatchKeyEvent', { type: 'keyDown', timestamp, ...key });
    await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', timestamp: timestamp + 0.002, ...key, text: undefined });
  }
  await cdp.detach();
}
export const tile_sku = async (page, place) => (await page.locator('.tile .sku').nth(place).textContent()).trim();
export const basket_lines = (page) => page.locator('li[data-line]');

/** Pays the basket exactly, in cash, by keyboard. The receipt stays open. */
export async function pay_cash(page) {
  await page.keyboard.press('F4');
  await page.locator('#cash-given').waitFor();
  await page.locator('#cash-given').press('Enter');
  await page.locator('[data-testid=receipt-state]').waitFor();
}
/** The same where nobody answers, once the page counts it as that: from then on sales have numbers of the till's own. */
export async function pay_alone(page) {
  await page.keyboard.press('F4');
  await page.locator('[data-testid=card-alone]').waitFor();
  await page.locator('#cash-given').press('Enter');
  await page.locator('[data-testid=receipt-state]').waitFor();
}
/** From here on the page opens without its node: a load that is cut before its service worker stands never does. */
export const opens_alone = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
export async function receipt_number(page) {
  const number = page.locator('[data-testid=receipt-number]');
  await number.waitFor();
  return (await number.textContent()).trim();
}
export async function next_customer(page) {
  await page.locator('dialog[open] .buttons .primary').click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
}
export const safety_text = (page) => page.locator('[data-testid=safety] [role=status]').textContent();
export async function until(what, check, ms = 20_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    last = await check();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`not within ${ms} ms: ${what}`);
}

/** Axe on what is shown now: nothing serious, nothing critical. */
export async function axe_clean(page, view) {
  const result = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const bad = result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  const told = bad.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
  assert.deepEqual(told, [], `axe on ${view}`);
}
