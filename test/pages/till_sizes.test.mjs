// The till's selling view and its payment at the sizes of a phone and a tablet, in both languages: nothing runs out of the page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_clean, basket_lines, launch, new_device, open_till, real, start_node } from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const skip = real ? 'a page of the mock is enough' : false;
const shot = (page, name) => (process.env.HF_SHOTS ? page.screenshot({ path: `${process.env.HF_SHOTS}/${name}.png` }) : undefined);

for (const [language, width, height] of [['en-GB', 390, 844], ['fr-FR', 390, 844], ['en-GB', 820, 1180], ['fr-FR', 820, 1180], ['en-GB', 1024, 768], ['fr-FR', 1024, 768]]) {
  test(`the selling view fits ${width} × ${height} (${language})`, { skip, timeout: 60_000 }, async () => {
    const node = await start_node();
    const { page, context, errors } = await new_device(browser, { language, width, height });
    try {
      await open_till(page, node);
      const pay = await page.locator('.pay').boundingBox(), footer = await page.locator('footer').boundingBox();
      assert.ok(pay.y + pay.height <= footer.y, 'how to pay is seen without scrolling');
      for (const place of [0, 1, 2]) await page.locator('.tile').nth(place).click();
      await basket_lines(page).nth(2).waitFor();
      await shot(page, `sell-${language}-${width}`);
      const sideways = () => page.evaluate(() => [document.documentElement, document.querySelector('main'), document.querySelector('header')].every((e) => e.scrollWidth <= e.clientWidth));
      assert.equal(await sideways(), true, 'nothing lies beyond the edge');
      await page.locator('.pay').click();
      await page.locator('#cash-given').waitFor();
      await shot(page, `tender-${language}-${width}`);
      assert.equal(await page.evaluate(() => { const d = document.querySelector('dialog[open]'); return d.scrollWidth <= d.clientWidth; }), true, 'nor of the payment');
      await axe_clean(page, 'selling');
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await node.stop();
    }
  });
}
