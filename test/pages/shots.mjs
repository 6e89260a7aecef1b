// Screenshots of the pages in both languages, to be looked at. Run: node test/pages/shots.mjs DIRECTORY
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, make_demo_control, manager, new_device, open_till, pay_cash, receipt_number, scan, sign_in, start_node, until } from './lib.mjs';

const into = process.argv[2];
if (!into) {
  console.error('usage: node test/pages/shots.mjs DIRECTORY');
  process.exit(2);
}
await mkdir(into, { recursive: true });
const browser = await launch();
for (const language of ['en', 'fr']) {
  const locale = language === 'en' ? 'en-GB' : 'fr-FR';
  for (const [width, height] of [[1280, 800], [1024, 768]]) {
    const control = make_demo_control();
    const node = await start_node({ enrol: true, currency: language === 'fr' ? 'EUR' : 'GBP' });
    const { context, page } = await new_device(browser, { language: locale, width, height, till_layout: width === 1024 });
    const shot = async (name) => {
      await page.waitForTimeout(250);
      await page.screenshot({ path: join(into, `${name}-${language}-${width}.png`) });
    };
    await page.goto(`${node.url}/till/`);
    await page.locator('#staff, #enrol-code').first().waitFor();
    await shot('till-01-start');
    await open_till(page, node);
    await shot('till-02-empty');
    for (const at of [0, 3, 3, 9, 12, 18]) await page.locator('.tile').nth(at).click();
    await until('copied', async () => (await page.locator('footer.good').count()) === 1);
    await shot('till-03-basket');
    await page.locator('#search').fill('retro');
    await page.waitForTimeout(400);
    await shot('till-04-search');
    await page.locator('#search').fill('');
    await page.keyboard.press('F3');
    await page.locator('#open-name').fill('Vase');
    await shot('till-05-open-price');
    await page.keyboard.press('Escape');
    await page.keyboard.press('F4');
    await page.locator('#cash-given').fill('50');
    await shot('till-06-payment');
    await page.locator('.ways section').last().locator('button').click();
    await page.locator('dialog[open]').nth(1).waitFor();
    await shot('till-07-terminal');
    await page.keyboard.press('Escape');
    await page.locator('#cash-given').press('Enter');
    const receipt = await receipt_number(page);
    await shot('till-08-receipt');
    await page.emulateMedia({ media: 'print' });
    await shot('till-09-print');
    await page.emulateMedia({ media: 'screen' });
    await page.locator('dialog[open] .buttons .primary').click();
    await scan(page, receipt);
    await page.locator('table input').first().fill('1');
    await shot('till-10-refund');
    await page.getByRole('button', { name: language === 'en' ? 'Refund without receipt' : 'Rembourser sans ticket' }).click();
    await page.locator('#refund-code').fill('bunting');
    await shot('till-11-without-receipt');
    if (node.post) {
      await node.post('refuse', { n: 1, status: 422, detail: 'S 20 % is not a VAT rate of this chain' });
      await page.keyboard.press('F6');
      await page.locator('.tile').nth(1).click();
      await pay_cash(page);
      await page.locator('dialog[open] .note.alarm').waitFor();
      await shot('till-12-refused');
      await page.locator('dialog[open] .buttons button').first().click();
      await node.post('quorum', { lost: true });
      await page.locator('.tile').nth(2).click();
      await pay_cash(page);
      await receipt_number(page);
      await page.locator('dialog[open] .buttons .primary').click();
      await page.locator('footer.care').waitFor();
      await page.waitForTimeout(1200);
      await shot('till-13-here-only');
    }
    await context.setOffline(true);
    await page.locator('footer.alarm').waitFor();
    await page.locator('.tile').nth(2).click();
    await pay_cash(page);
    await shot('till-14-node-silent');
    await page.locator('dialog[open] .buttons .primary').click();
    await page.keyboard.press('F8');
    await shot('till-15-receipts');
    await context.setOffline(false);
    await page.locator('nav button').nth(3).click();
    await shot('till-16-staff');

    await page.goto(`${node.url}/chain/`);
    await page.locator('tr[data-site]').first().waitFor();
    await page.waitForTimeout(1200);
    await shot('chain-01');
    await page.locator('tr[data-site] button.open').nth(2).click();
    await page.mouse.wheel(0, 500);
    await shot('chain-02-details');
    await page.mouse.wheel(0, -2000);
    if (node.post) {
      if (!(await page.locator('header').getByText('4711').count())) {
        await page.locator('header button.plain').last().click();
        if (await page.locator('#staff').count()) await sign_in(page, manager);
      }
      await node.post('contradiction', {});
      await node.post('recovery', {});
      await node.post('listed', {});
      await page.waitForTimeout(1500);
      await shot('chain-03-alarm');
      await node.post('contradiction', { off: true });
      await node.post('recovery', { off: true });
      await node.post('listed', { off: true });
      await node.post('demo', { control: await control.listen() });
      await page.reload();
      await page.locator('tr[data-site=head-office] button.danger').click();
      await page.locator('tr[data-site=head-office] button.danger').click();
      await page.waitForTimeout(1500);
      await shot('chain-04-demo');
    }
    await page.locator('.head .small').click();
    await shot('chain-05-table');
    await context.close();
    await node.stop();
    await control.close().catch(() => undefined);
  }
}

// The bad night: a till that stands by, readiness and the chain, on the tablet at the till and on a phone. Its incident
// page stands on real nodes: HF_SHOTS=DIRECTORY node --test test/pages/incident.test.mjs
for (const [language, locale] of [['en', 'en-GB'], ['fr', 'fr-FR']]) {
  for (const [width, height] of [[820, 1180], [390, 844]]) {
    const node = await start_node({ phase: 'own trade' });
    const { context, page } = await new_device(browser, { language: locale, width, height, till_layout: true });
    const shot = async (name) => {
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(into, `${name}-${language}-${width}.png`), fullPage: true });
    };
    await open_till(page, node);
    await node.post('standby', { phase: 'standing by' });
    const panel = page.locator('[data-testid=standby]');
    await panel.waitFor();
    await shot('night-01-till-stands-by');
    await panel.getByRole('button').first().click();
    await page.locator('#take-staff').waitFor();
    await shot('night-02-take-over');
    await page.locator('#take-staff').fill(manager.staff);
    await page.locator('#take-pin').fill(manager.pin);
    await page.locator('#take-sure').check();
    await page.locator('#take-pin').press('Enter');
    await page.locator('#search').waitFor();
    await shot('night-03-taken-over');
    await page.goto(`${node.url}/ready/`);
    await page.waitForTimeout(1000);
    await shot('night-04-readiness');
    await page.goto(`${node.url}/chain/`);
    await page.locator('tr[data-site]').first().waitFor();
    await page.waitForTimeout(1000);
    await shot('night-05-chain');
    await context.close();
    await node.stop();
  }
}
await browser.close();
