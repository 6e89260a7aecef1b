// Standing by: the till that says who sells here and lets a manager take over, and the readiness page; with a person's steps,
// in both languages, on a till, a tablet and a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_clean, launch, manager, new_device, open_till, pay_cash, real, receipt_number, sign_in, start_node, until } from './lib.mjs';

const skip = real ? 'a real node that trades does not stand by' : false;
let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

async function with_page(options, run) {
  const node = await start_node(options.node ?? {});
  const device = await new_device(browser, options.device ?? {});
  try {
    await run(node, device.page, device);
    assert.deepEqual(device.errors, []);
  } finally {
    await device.context.close();
    await node.stop();
  }
}
const no_sideways = async (page) =>
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'nothing lies beyond the edge');

for (const [language, title, take, unknown] of [['en-GB', 'The old system sells here', 'Take over', 'not yet known'], ['fr-FR', 'L’ancien système vend ici', 'Prendre la relève', 'pas encore connu']]) {
  test(`a till that stands by shows the ages and opens by a manager's PIN (${language})`, { skip }, () =>
    with_page({ node: { phase: 'own trade' }, device: { language } }, async (node, page) => {
      await open_till(page, node);
      await node.post('standby', { phase: 'standing by' });
      const panel = page.locator('[data-testid=standby]');
      await panel.waitFor();
      assert.match(await panel.innerText(), new RegExp(title));
      assert.match(await panel.innerText(), new RegExp(unknown), 'nobody has told open orders');
      assert.equal(await page.locator('#search').count(), 0, 'nothing is sold meanwhile');
      await axe_clean(page, 'standing by');
      await panel.getByRole('button', { name: take }).click();
      await axe_clean(page, 'take-over');
      await page.locator('#take-staff').fill(manager.staff);
      await page.locator('#take-pin').fill(manager.pin);
      await page.locator('#take-pin').press('Enter');
      await page.locator('dialog [role=alert]').waitFor();
      assert.equal((await node.state()).phase, 'standing by', 'not without the confirmation');
      await page.locator('#take-sure').check();
      await page.locator('#take-pin').fill('9999');
      await page.locator('#take-pin').press('Enter');
      await until('the wrong PIN to be told', async () => /PIN|code/.test(await page.locator('dialog [role=alert]').innerText()));
      await page.locator('#take-pin').fill(manager.pin);
      await page.locator('#take-pin').press('Enter');
      await page.locator('#search').waitFor();
      assert.equal((await node.state()).phase, 'taken over');
      await page.locator('.tile').first().click();
      await pay_cash(page);
      assert.match(await receipt_number(page), /^\d+-/);
    }));
}

for (const [language, old, ahead] of [['en-GB', '7 days', 'ahead of this clock'], ['fr-FR', '7 jours', 'en avance sur cette horloge']]) {
  test(`how old the old system's word is, a device that has slept says by the clock on the wall (${language})`, { skip }, () =>
    with_page({ node: { phase: 'own trade' }, device: { language } }, async (node, page) => {
      await page.clock.install();
      await open_till(page, node);
      await node.post('standby', { phase: 'standing by' });
      const panel = page.locator('[data-testid=standby]');
      await panel.getByRole('button').click();
      const dialog = page.locator('dialog[open]');
      await page.clock.setSystemTime(Date.now() + 7 * 24 * 3_600_000); // asleep: the page's own clock stands still
      for (const where of [panel, dialog]) await where.locator('td', { hasText: old }).first().waitFor();
      await page.clock.setSystemTime(Date.now() - 24 * 3_600_000);
      for (const where of [panel, dialog]) await where.locator('td.unknown', { hasText: ahead }).first().waitFor();
      await axe_clean(page, `ages ahead of this clock ${language}`);
    }));
}

test('a reload without the node does not open a till that stands by', { skip }, () =>
  with_page({ node: { phase: 'standing by' } }, async (node, page) => {
    await page.goto(`${node.url}/till/`);
    await sign_in(page, manager);
    await page.locator('#till-name').fill('Front');
    await page.locator('#till-name').press('Enter');
    await page.locator('[data-testid=standby]').waitFor();
    await page.route('**/v1/**', (route) => route.abort());
    await page.reload();
    await page.locator('[data-testid=standby]').waitFor();
    assert.equal(await page.locator('[data-testid=standby] button').count(), 0, 'nobody can take over from here now');
  }));

test('the manager closes the tills again when the old system is back', { skip }, () =>
  with_page({ node: { phase: 'taken over' } }, async (node, page) => {
    await open_till(page, node);
    await page.getByRole('button', { name: 'Staff', exact: true }).click();
    await page.getByRole('button', { name: 'The old system sells again' }).click();
    await until('it to stand by', async () => (await node.state()).phase === 'standing by');
    await page.getByRole('button', { name: /^Sell/ }).click();
    await page.locator('[data-testid=standby]').waitFor();
  }));

for (const [width, height] of [[1280, 800], [820, 1180], [390, 844]]) {
  for (const language of ['en-GB', 'fr-FR']) {
    test(`readiness at ${width}x${height}, ${language}: what is missing first, nothing unknown green`, { skip }, () =>
      with_page({ node: { phase: 'standing by', no_stock: true, old_prices: true }, device: { language, width, height } }, async (node, page) => {
        await page.goto(`${node.url}/ready/`);
        await page.locator('.verdict.alarm').waitFor();
        const states = await page.locator('.checks .state').evaluateAll((all) => all.map((one) => one.className.split(' ')[1]));
        assert.equal(states[0], 'missing', 'no till is enrolled');
        assert.ok(states.indexOf('late') < states.indexOf('good'));
        assert.equal(states.filter((state) => state === 'not-yet-known').length, 2);
        await no_sideways(page);
        await axe_clean(page, `readiness ${language} ${width}`);
        await node.post('node', { down: true });
        await page.locator('.verdict[role=alert]').waitFor();
        assert.equal(await page.locator('.checks').count(), 0, 'what was known is not shown as if it still held');
      }));
  }
}

test('a ready site says so in one sentence', { skip }, () =>
  with_page({ node: { phase: 'standing by' } }, async (node, page) => {
    await page.goto(`${node.url}/till/`);
    await sign_in(page, manager);
    await page.locator('#till-name').fill('Front');
    await page.locator('#till-name').press('Enter');
    await page.locator('[data-testid=standby]').waitFor();
    await page.goto(`${node.url}/ready/`);
    await page.locator('.verdict.good').waitFor();
    assert.match(await page.locator('.verdict').innerText(), /store-03 could sell now/);
  }));
