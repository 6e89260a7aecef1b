// The till's page in a real browser: what a cashier does, and what happens when things break.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  axe_clean, basket_lines, launch, manager, new_device, next_customer, open_till, pay_cash, real, receipt_number, safety_text,
  scan, sign_in, start_node, tile_sku, until,
} from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** One node, one device, a till that sells; the test body; everything stopped again. */
function at_till(name, options, body) {
  const skip = (options.mock_only && real) || (options.needs_links && real && !process.env.HF_LOCAL_TOKEN);
  test(name, { skip: skip ? 'needs a switch of the mock' : false, timeout: 120_000 }, async () => {
    const node = await start_node(options.node);
    const device = await new_device(browser, options.device);
    try {
      if (!options.closed) await open_till(device.page, node);
      await body({ node, ...device });
      assert.deepEqual(device.errors, [], 'errors on the page');
    } finally {
      await device.context.close();
      await node.stop();
    }
  });
}
const till_and_n = (receipt) => {
  const [till, series, n] = receipt.split('-');
  return { till, series, n: Number(n) };
};

for (const [language, told] of [['en-GB', /^Prices of the old system: .*(02:10|ago).* · stock: /], ['fr-FR', /^Prix de l’ancien système : .*(02:10|il y a).* · stock : /]]) {
  at_till(`what the old system said shows its age (${language})`, { mock_only: true, device: { language } }, async ({ page }) => {
    const ages = page.locator('[data-testid=ages]');
    await ages.waitFor();
    assert.match(await ages.textContent(), told);
    await axe_clean(page, `ages ${language}`);
    if (process.env.HF_SHOTS) await page.screenshot({ path: `${process.env.HF_SHOTS}/till-ages-${language}.png` });
  });
}

at_till('a sale by keyboard alone gets a receipt number and is copied', {}, async ({ page, node }) => {
  const sku = await tile_sku(page, 0);
  await page.keyboard.press('F2');
  await page.keyboard.type(sku, { delay: 90 }); // a person's pace
  await page.locator('.tile').first().waitFor();
  await page.keyboard.press('Enter');
  await basket_lines(page).first().waitFor();
  await page.keyboard.press('F4');
  await page.locator('#cash-given').waitFor();
  await page.keyboard.type('500', { delay: 60 });
  await page.keyboard.press('Enter');
  const receipt = await receipt_number(page);
  assert.match(receipt, /^\d+-[0-9A-HJKMNP-TV-Z]{8}-\d+$/);
  assert.ok(await page.locator('.receipt > .change strong').textContent(), 'change is shown');
  await page.keyboard.press('Enter'); // next customer
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await until('an empty basket', async () => (await basket_lines(page).count()) === 0);
  await until('saved here · copied', async () => /saved here · copied to \d+ of \d+ at/.test(await safety_text(page)));
  if (node.state) {
    const { entries } = await node.state();
    assert.equal(entries.length, 1);
    assert.equal(entries[0].body.tenders[0].amount - entries[0].body.change, entries[0].total);
  }
});

at_till('a scanner adds products wherever the focus is, and leaves no digits behind', {}, async ({ page }) => {
  const [a, b] = [await tile_sku(page, 0), await tile_sku(page, 1)];
  await page.locator('.languages button').first().focus();
  await scan(page, a);
  await until('one line', async () => (await basket_lines(page).count()) === 1);
  await page.locator('#search').focus();
  await scan(page, b);
  await until('two lines', async () => (await basket_lines(page).count()) === 2);
  assert.equal(await page.locator('#search').inputValue(), '');
  const quantity = page.locator('li[data-line] input').first();
  await quantity.focus();
  await scan(page, a);
  await until('two pieces', async () => (await quantity.inputValue()) === '2');
  assert.equal(await basket_lines(page).count(), 2);
  // The receipt dialog is open: the next customer's first scan ends it and starts his basket.
  await pay_cash(page);
  await receipt_number(page);
  await scan(page, b);
  await until('the next basket', async () => (await basket_lines(page).count()) === 1 && (await page.locator('dialog[open]').count()) === 0);
});

at_till('quantities change and lines go', {}, async ({ page }) => {
  await page.locator('.tile').nth(0).click();
  await page.locator('.tile').nth(1).click();
  const quantity = page.locator('li[data-line] input').first();
  await quantity.fill('0.250');
  await quantity.press('Enter');
  await until('a quarter', async () => (await quantity.inputValue()) === '0.25');
  await quantity.fill('1.2345');
  await quantity.press('Tab');
  await page.locator('.find .note').waitFor();
  assert.equal(await quantity.inputValue(), '0.25');
  await page.locator('li[data-line] .danger').first().click();
  await until('one line', async () => (await basket_lines(page).count()) === 1);
  await page.reload();
  await until('the basket survives a reload', async () => (await basket_lines(page).count()) === 1);
});

at_till('an open price needs a name and a VAT rate and is flagged', {}, async ({ page, node }) => {
  await page.keyboard.press('F3');
  await page.locator('#open-name').fill('Odd vase');
  await page.locator('#open-price').fill('7.999');
  await page.locator('#open-price').press('Enter');
  await page.locator('dialog[open] .note').filter({ hasText: 'VAT' }).waitFor();
  await page.locator('input[name=vat]').first().check();
  await page.locator('dialog[open] button.primary').click();
  await page.locator('li[data-line] .flag').waitFor();
  assert.match(await page.locator('[data-testid=total]').textContent(), /8\.00/);
  await pay_cash(page);
  await receipt_number(page);
  if (node.state) assert.equal((await node.state()).entries[0].body.lines[0].open, true);
});

at_till('a card is paid at the terminal: token, masked number and result are all that is kept', {}, async ({ page, node }) => {
  await page.locator('.tile').first().click();
  await page.keyboard.press('F4');
  await page.getByRole('button', { name: /by card/ }).click();
  await page.locator('dialog[open]').filter({ hasText: 'SIMULATED TERMINAL' }).waitFor();
  await page.getByRole('button', { name: 'Decline' }).click();
  await page.getByText('The terminal declined').waitFor();
  await page.getByRole('button', { name: 'Approve' }).click();
  await receipt_number(page);
  if (node.state) {
    const [tender] = (await node.state()).entries[0].body.tenders;
    assert.deepEqual(Object.keys(tender).sort(), ['amount', 'kind', 'masked', 'result', 'token']);
    assert.ok(!/\d{5,}/.test(`${tender.token} ${tender.masked}`));
  }
});

at_till('a card number is refused in every text field, and never leaves the till', {}, async ({ page, context }) => {
  const sent = [];
  context.on('request', (request) => sent.push(`${request.url()} ${request.postData() ?? ''}`));
  const card = '4111 1111 1111 1111';
  const refused = async (field, where) => {
    await field.fill(card);
    await until(`${where} is empty again`, async () => (await field.inputValue()) === '');
    await page.locator('.field .note.alarm').filter({ hasText: 'This looks like a card number' }).first().waitFor();
  };
  await refused(page.locator('#search'), 'search');
  await page.locator('#search').fill('');
  await page.keyboard.press('F3');
  await refused(page.locator('#open-name'), 'open price name');
  await page.keyboard.press('Escape');
  await page.keyboard.press('F7');
  await refused(page.locator('#receipt'), 'receipt number');
  await page.getByRole('button', { name: 'Refund without receipt' }).click();
  await refused(page.locator('#reason'), 'reason');
  await page.keyboard.press('F6');
  await page.locator('#search').waitFor();
  await scan(page, '4111111111111111'); // a magnetic stripe reader is a keyboard, too
  await page.getByText('This looks like a card number').first().waitFor();
  await page.waitForTimeout(600);
  assert.ok(!sent.some((s) => /4111.?1111.?1111.?1111/.test(decodeURIComponent(s))), 'nothing was sent');
});

at_till('a receipt is refunded once, line by line, never more than was sold', {}, async ({ page, node }) => {
  await page.locator('.tile').nth(0).click();
  await page.locator('.tile').nth(0).click();
  await page.locator('.tile').nth(1).click();
  await until('two pieces', async () => (await page.locator('li[data-line] input').first().inputValue()) === '2');
  await pay_cash(page);
  const receipt = await receipt_number(page);
  await next_customer(page);
  await scan(page, receipt); // the printed number as a barcode
  const first = page.locator('table input').first();
  await first.waitFor();
  await first.fill('3');
  await page.getByText('More than what is left').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Pay out cash' }).isDisabled());
  await first.fill('1');
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  const refund = await receipt_number(page);
  assert.notEqual(refund, receipt);
  await page.locator('dialog[open] .buttons .primary').click();
  await page.locator('#receipt').fill(receipt);
  await page.locator('#receipt').press('Enter');
  await page.getByRole('button', { name: 'Everything left' }).click();
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  await receipt_number(page);
  await page.locator('dialog[open] .buttons .primary').click();
  await page.locator('#receipt').fill(receipt);
  await page.locator('#receipt').press('Enter');
  await page.getByText('nothing left').first().waitFor();
  assert.equal(await page.locator('table input').count(), 0);
  if (node.state) {
    const { entries } = await node.state();
    const refunds = entries.filter((e) => e.kind === 'refund').reduce((sum, e) => sum + e.total, 0);
    assert.equal(refunds, entries.find((e) => e.kind === 'sale').total, 'the parts add up to the receipt');
  }
});

for (const [language, words] of [
  ['en-GB', { total: '£2,400,000.00', bad: /The price of Broken.*cannot be counted/, uncounted: /There is no total/, line: 'cannot be counted' }],
  ['fr-FR', { total: /2\s400\s000,00\s£/, bad: /Le prix de Broken.*ne peut pas être compté/, uncounted: /pas de total/, line: 'ne peut pas être compté' }],
]) {
  at_till(`gold is sold for what it costs; what cannot be counted is not sold for nothing (${language})`, { mock_only: true, device: { language } }, async ({ page, node }) => {
    const product = { gtin: null, goods: true, vat: 'S', stock: '5' };
    await node.post('product', { ...product, sku: 'GOLD', name: 'Gold', unit_price: '1200000.00' });
    await node.post('product', { ...product, sku: 'BROKEN', name: 'Broken', unit_price: '-1.00' });
    await scan(page, 'BROKEN');
    await page.getByRole('alert').filter({ hasText: words.bad }).waitFor();
    assert.equal(await basket_lines(page).count(), 0);
    await scan(page, 'GOLD');
    await basket_lines(page).first().waitFor();
    const quantity = page.locator('li[data-line] input');
    await quantity.fill('900000000');
    await quantity.press('Tab');
    await page.getByRole('alert').filter({ hasText: words.uncounted }).waitFor();
    await page.locator('li[data-line]').getByText(words.line).waitFor();
    assert.ok(await page.locator('button.pay').isDisabled());
    await page.keyboard.press('F4');
    assert.equal(await page.locator('dialog[open]').count(), 0, 'nothing is paid');
    await axe_clean(page, `a basket without a total ${language}`);
    await quantity.fill('2');
    await quantity.press('Tab');
    await page.getByTestId('total').filter({ hasText: words.total }).waitFor();
    await pay_cash(page);
    await receipt_number(page);
    assert.equal((await node.state()).entries[0].total, 240_000_000);
  });
}

at_till('receipts have the VAT of the journal: a refund’s parts add up, and a rate that changed later changes nothing', { mock_only: true }, async ({ page, node }) => {
  const vat = async () => (await page.getByTestId('receipt-vat').locator('tbody tr').allTextContents()).map((row) => row.replace(/\s+/g, ' ').trim());
  const silent = () => safety_text(page).then((text) => /does not answer/.test(text));
  await node.post('product', { sku: 'POUND', name: 'Pound', unit_price: '1.00', vat: 'S', gtin: null, goods: true });
  await scan(page, 'POUND');
  const quantity = page.locator('li[data-line] input');
  await quantity.fill('3');
  await quantity.press('Tab');
  await pay_cash(page);
  const receipt = await receipt_number(page);
  assert.deepEqual(await vat(), ['S 20 %£2.50£0.50£3.00']);
  await next_customer(page);

  await node.post('rate', { code: 'S', rate: '25' });
  await node.post('node', { down: true }); // the page asks anew what the rates are
  await until('silence', silent);
  await node.post('node', { down: false });
  await until('an answer', async () => !(await silent()));

  for (const taken of ['£0.17', '£0.16', '£0.17']) {
    await page.keyboard.press('F7');
    await page.locator('#receipt').fill(receipt);
    await page.locator('#receipt').press('Enter');
    await page.locator('td input').fill('1');
    await page.locator('.foot .primary').click();
    await receipt_number(page);
    const [row] = await vat();
    assert.match(row, new RegExp(`^S 20 %£0.8[34]${taken}£1.00$`));
    await page.locator('dialog[open] .buttons .primary').click();
  }
  await page.keyboard.press('F8');
  await page.locator('tr', { hasText: receipt }).getByRole('button', { name: 'Show' }).click();
  await page.getByTestId('receipt-vat').waitFor();
  assert.deepEqual(await vat(), ['S 20 %£2.50£0.50£3.00']);
});

at_till('a refund without receipt is a manager’s and needs a reason', { mock_only: true }, async ({ page, node }) => {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await sign_in(page, { staff: '12', pin: '1212' });
  await page.locator('#search').waitFor();
  await page.keyboard.press('F7');
  await page.getByRole('button', { name: 'Refund without receipt' }).click();
  await page.locator('dialog[open] #staff').fill(manager.staff);
  await page.locator('dialog[open] #pin').fill(manager.pin);
  await page.locator('dialog[open] #pin').press('Enter');
  await page.locator('#refund-code').fill(node.products[0].sku);
  await page.locator('#refund-code').press('Enter');
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  await page.getByText('A reason is needed.', { exact: true }).waitFor();
  await page.locator('#reason').fill('gift, receipt lost');
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  await receipt_number(page);
  assert.equal((await node.state()).entries[0].kind, 'refund_no_receipt');
});

at_till('the node goes down: sales wait here, survive a reload, and are taken exactly once when it is back', {}, async ({ page, context, node }) => {
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  const first = await receipt_number(page);
  await next_customer(page);
  const codes = [await tile_sku(page, 1), await tile_sku(page, 2)];
  await context.setOffline(true);
  await until('the node does not answer', async () => /does not answer/.test(await safety_text(page)));
  for (const code of codes) {
    await scan(page, code);
    await basket_lines(page).first().waitFor();
    await pay_cash(page);
    await page.locator('[data-testid=receipt-state]').filter({ hasText: 'Only in this till' }).waitFor();
    await next_customer(page);
  }
  await until('two wait', async () => /2 sales wait in this till/.test(await safety_text(page)));
  await page.locator('.tile').nth(3).click(); // a basket is open when the browser dies
  await basket_lines(page).first().waitFor();
  await page.reload(); // opens from the service worker: the node gives no page either
  await page.locator('#search').waitFor();
  await until('still two', async () => /2 sales wait in this till/.test(await safety_text(page)));
  assert.equal(await basket_lines(page).count(), 1);
  await context.setOffline(false);
  await until('all answered', async () => /copied to/.test(await safety_text(page)) && !/wait/.test(await safety_text(page)));
  await page.keyboard.press('F8');
  const rows = page.locator('tr[data-state]');
  await until('three rows', async () => (await rows.count()) >= 3);
  const receipts = [];
  for (let i = 0; i < 3; i++) receipts.push((await rows.nth(i).locator('td').nth(2).textContent()).trim());
  const [second, alone] = receipts.slice(0, 2).map(till_and_n); // the newest first
  assert.equal(receipts[2], first);
  assert.notEqual(alone.series, till_and_n(first).series, 'rung alone: a series of the till’s own');
  assert.deepEqual([alone.n, second.n, second.series], [1, 2, alone.series], 'no number twice, none left out');
  if (node.state) assert.equal((await node.state()).entries.length, 3);
});

at_till('a reply that is lost, and a reload before the retry, make one sale', {}, async ({ page, context, node }) => {
  await page.locator('.tile').nth(0).click();
  let lost = 0;
  await context.route('**/v1/writes', async (route) => {
    if (lost >= 2) return route.continue();
    lost++;
    await route.fetch(); // the node takes it …
    await route.abort('connectionreset'); // … and nobody hears
  });
  await pay_cash(page);
  await until('the first answer is lost', async () => lost >= 1);
  await page.reload();
  await page.locator('#search').waitFor();
  await page.keyboard.press('F8');
  const row = page.locator('tr[data-state]').first();
  await until('answered', async () => /^\d+-/.test((await row.locator('td').nth(2).textContent()).trim()));
  assert.ok(lost >= 2, 'the retry was lost, too');
  const receipt = till_and_n((await row.locator('td').nth(2).textContent()).trim());
  await page.keyboard.press('F6');
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  assert.equal(till_and_n(await receipt_number(page)).n, receipt.n + 1, 'the retries took no number');
  if (node.state) assert.equal((await node.state()).entries.length, 2);
});

at_till('a reload in the middle of a queue loses nothing and doubles nothing', {}, async ({ page, context, node }) => {
  await context.setOffline(true);
  await until('down', async () => /does not answer/.test(await safety_text(page)));
  const sales = 12;
  for (let i = 0; i < sales; i++) {
    await page.locator('.tile').nth(i % 5).click();
    await pay_cash(page);
    await next_customer(page);
  }
  let batches = 0;
  await context.route('**/v1/writes', async (route) => {
    const body = route.request().postDataJSON();
    if (++batches === 1) {
      // The node takes a part of the batch, then the connection is gone.
      await route.fetch({ postData: JSON.stringify({ writes: body.writes.slice(0, 5) }) });
      return route.abort('connectionreset');
    }
    return route.continue();
  });
  await context.setOffline(false);
  await until('the first batch', async () => batches >= 1);
  await page.reload();
  await page.locator('#search').waitFor();
  await page.keyboard.press('F8');
  const rows = page.locator('tr[data-state]');
  await until('all answered', async () => (await page.locator('tr[data-state=waiting]').count()) === 0 && (await rows.count()) === sales);
  const ns = [];
  for (let i = 0; i < sales; i++) ns.push(till_and_n((await rows.nth(i).locator('td').nth(2).textContent()).trim()).n);
  ns.sort((a, b) => a - b);
  ns.forEach((n, i) => assert.equal(n, ns[0] + i));
  if (node.state) assert.equal((await node.state()).entries.length, sales);
});

at_till('no copy elsewhere is said, and since when', { needs_links: true }, async ({ page, node }) => {
  await node.all_links(true);
  await page.locator('.tile').first().click();
  await pay_cash(page);
  await receipt_number(page);
  await next_customer(page);
  await until('here only', async () => /saved here only: this store has had no copy elsewhere since \d\d:\d\d:\d\d/.test(await safety_text(page)), 40_000);
  await until('one is not copied', async () => /1 of this till not copied yet/.test(await safety_text(page)));
  await node.all_links(false);
  await until('copied', async () => /copied to/.test(await safety_text(page)) && !/not copied yet/.test(await safety_text(page)), 60_000);
});

at_till('after a rebuild the till keeps its number and sends again what was not copied, with the reply it got', { mock_only: true }, async ({ page, node }) => {
  await node.post('quorum', { lost: true });
  const receipts = [];
  for (let i = 0; i < 3; i++) {
    await page.locator('.tile').nth(i).click();
    await pay_cash(page);
    receipts.push(await receipt_number(page));
    await next_customer(page);
  }
  // A refund of the last sale, which must wait for it.
  await scan(page, receipts[2]);
  await page.getByRole('button', { name: 'Everything left' }).click();
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  await receipt_number(page);
  await page.locator('dialog[open] .buttons .primary').click();
  await node.post('origin', { drop: 3, forget_tills: true, forget_staff: true });
  await node.post('quorum', { lost: false });
  await page.locator('#enrol-code').waitFor({ timeout: 15_000 });
  await axe_clean(page, 'enrolment of the site');
  await page.locator('#enrol-code').fill(node.enrol_code);
  await page.locator('#enrol-staff').fill('1');
  await page.locator('#enrol-pin').fill('8080');
  await page.locator('#enrol-again').fill('8080');
  await page.locator('#enrol-again').press('Enter');
  await page.locator('#till-name').waitFor({ timeout: 15_000 });
  await axe_clean(page, 'enrolment of the till');
  await page.locator('#till-name').press('Enter');
  await page.locator('#receipt').waitFor(); // back where the work was
  await until('everything is copied again', async () => /copied to/.test(await safety_text(page)) && !/again|wait|not copied/.test(await safety_text(page)));
  const { entries } = await node.state();
  assert.equal(new Set(entries.map((e) => e.key)).size, entries.length, 'nothing doubled');
  assert.deepEqual(entries.map((e) => e.kind).sort(), ['refund', 'sale', 'sale', 'sale']);
  assert.ok(entries.every((e) => e.till === 3), 'one till number');
  for (const receipt of receipts) assert.ok(entries.some((e) => e.receipt === receipt), 'as printed');
  const again = entries.filter((e) => e.prior);
  assert.equal(again.length, 3);
  assert.ok(again.every((e) => e.prior.origin.endsWith('/1') && e.prior.receipt && e.prior.at));
  const at = (receipt) => entries.findIndex((e) => e.receipt === receipt);
  assert.ok(at(receipts[2]) < entries.findIndex((e) => e.kind === 'refund'), 'the refund after its sale');
});

at_till('a node that was rolled back gets the missing sale from the till', { mock_only: true }, async ({ page, node }) => {
  await node.post('quorum', { lost: true });
  await page.locator('.tile').first().click();
  await pay_cash(page);
  const receipt = await receipt_number(page);
  await next_customer(page);
  await node.post('rollback', { drop: 1 });
  await until('sent again', async () => (await node.state()).entries.length === 1);
  const [entry] = (await node.state()).entries;
  assert.equal(entry.receipt, receipt);
  assert.equal(entry.prior.index, 0);
});

at_till('a refused sale says so, and goes back into the basket', { mock_only: true }, async ({ page, node }) => {
  await node.post('refuse', { n: 1, status: 422, detail: 'the VAT rate of this product has changed' });
  await page.locator('.tile').first().click();
  await pay_cash(page);
  await page.getByText('the VAT rate of this product has changed').first().waitFor();
  await axe_clean(page, 'refused');
  await page.locator('dialog[open] .buttons').getByText('Next customer').click();
  await until('one refused', async () => /1 refused/.test(await safety_text(page)));
  await page.keyboard.press('F8');
  await page.getByRole('button', { name: 'Into the basket' }).click();
  await basket_lines(page).first().waitFor();
  await pay_cash(page);
  await receipt_number(page);
  assert.equal((await node.state()).entries.length, 1);
});

// The card has paid, so nobody can take a line out or change it.
for (const [what, change, told] of [
  ['was delisted', { off: true }, { open: true, vat: (p) => p.vat }],
  ['has another VAT code', { vat: 'R' }, { open: undefined, vat: () => 'R' }],
]) {
  at_till(`a sale paid by card whose product ${what} meanwhile goes back into the basket, and is finished`, { mock_only: true }, async ({ page, node }) => {
    const product = { ...node.products.find((p) => p.vat === 'S') };
    await page.locator('.tile', { hasText: product.sku }).click();
    await basket_lines(page).first().waitFor();
    await node.post('product', { sku: product.sku, ...change });
    await page.keyboard.press('F4');
    await page.getByRole('button', { name: /by card/ }).click();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('alert').filter({ hasText: product.sku }).waitFor();
    await page.locator('dialog[open] .buttons').getByText('Into the basket').click();
    await page.getByRole('button', { name: 'Finish the sale' }).click();
    await receipt_number(page);
    const { entries } = await node.state();
    assert.equal(entries.length, 1, 'once');
    const [{ body }] = entries;
    assert.deepEqual(body.tenders.map((t) => t.kind), ['card'], 'asked once');
    assert.deepEqual([body.lines[0].sku, body.lines[0].unit_price, body.lines[0].open, body.lines[0].vat], [product.sku, product.unit_price, told.open, told.vat(product)]);
    if (told.open) assert.equal(body.lines[0].name, product.name);
    assert.doesNotMatch(await safety_text(page), /refused/);
  });
}

for (const [language, words] of [
  ['en-GB', { basket: 'Into the basket', met: /recorded under this reference already/, next: 'Next customer' }],
  ['fr-FR', { basket: 'Au panier', met: /déjà inscrit sous cette référence/, next: 'Client suivant' }],
]) {
  at_till(`a refused sale keeps its key: where another machine had taken it, a person is told (${language})`, { mock_only: true, device: { language } }, async ({ page, context, node }) => {
    let first = null; // the sale as it was sent before anybody refused it
    await context.route('**/v1/writes', async (route) => {
      if (first) return route.continue();
      first = { data: route.request().postDataJSON(), headers: await route.request().allHeaders() };
      const [{ key }] = first.data.writes;
      const { origin, size, cosigned_size, cosigned_at } = await node.state();
      const problem = { code: 'till/unknown_sku', title: 'x', detail: 'not listed here', status: 422 };
      return route.fulfill({ json: { replies: [{ key, ok: false, problem }], safety: { origin, size, cosigned_size, cosigned_at } } });
    });
    await page.locator('.tile').first().click();
    await pay_cash(page);
    await page.getByText('not listed here').first().waitFor();
    await page.locator('dialog[open] .buttons').getByText(words.basket).click();
    await page.locator('li[data-line] input').fill('2');
    await page.locator('li[data-line] input').press('Tab');
    await page.reload(); // the basket is on disk, the refused sale is not
    await basket_lines(page).first().waitFor();
    assert.equal(await page.locator('.badge').count(), 0);

    // Meanwhile the tail of the machine that had taken it comes in.
    const { authorization } = first.headers;
    const taken = await context.request.post(`${node.url}/v1/writes`, { data: first.data, headers: { authorization } });
    assert.equal((await taken.json()).replies[0].ok, true);
    await pay_cash(page);
    await page.getByRole('alert').filter({ hasText: words.met }).waitFor();
    await axe_clean(page, 'two sales met');
    assert.equal(await page.locator('dialog[open] .buttons .primary').textContent(), words.next, 'not rung again by a hasty Enter');
    const keys = async () => (await node.state()).entries.map((e) => e.key);
    assert.deepEqual(await keys(), [first.data.writes[0].key], 'counted once');

    // A person has looked: it was another sale after all.
    await page.locator('dialog[open] .buttons').getByText(words.basket).click();
    await basket_lines(page).first().waitFor();
    await pay_cash(page);
    await receipt_number(page);
    assert.equal(new Set(await keys()).size, 2);
  });
}

for (const [language, words] of [
  ['en-GB', { provisional: /not registered yet/, sale: /one sale takes in at most £500/, refund: /one refund pays out at most £500/, card: 'Back to the card' }],
  ['fr-FR', { provisional: /pas encore inscrite/, sale: /une vente encaisse au plus 500/, refund: /un remboursement rend au plus 500/, card: 'Rendre sur la carte' }],
]) {
  at_till(`a machine that is not registered yet: little cash in and out, the rest by card (${language})`, { mock_only: true, device: { language } }, async ({ page, node }) => {
    const ring = async (quantity) => {
      await page.locator('.tile').nth(1).click(); // 12.75
      await page.locator('li[data-line] input').fill(quantity);
      await page.locator('li[data-line] input').press('Tab');
      await page.keyboard.press('F4');
      await page.locator('#cash-given').waitFor();
    };
    await node.post('provisional', { on: true });
    await until('it says so', async () => words.provisional.test(await safety_text(page)));
    await ring('40');
    await page.locator('#cash-given').press('Enter');
    await page.getByRole('alert').filter({ hasText: words.sale }).waitFor();
    await axe_clean(page, 'payment at a machine that is not registered');
    await page.locator('#cash-given').fill('490');
    await page.locator('#cash-given').press('Enter');
    await page.locator('.sums .soft').waitFor(); // taken in part
    await page.locator('#cash-given').press('Enter');
    await page.getByRole('alert').filter({ hasText: words.sale }).waitFor();
    await page.locator('section[aria-labelledby=card-title] button').click();
    await page.locator('dialog[open] .terminal button.primary').click();
    const receipt = await receipt_number(page);
    await next_customer(page);

    await ring('38'); // 484.50, and the change goes out again
    await page.locator('#cash-given').fill('550');
    await page.locator('#cash-given').press('Enter');
    await receipt_number(page);
    await next_customer(page);
    assert.equal((await node.state()).entries.length, 2);

    await page.keyboard.press('F7');
    await page.locator('#receipt').fill(receipt);
    await page.locator('#receipt').press('Enter');
    await page.locator('td input').fill('40');
    await page.getByText(words.refund).waitFor();
    assert.equal(await page.locator('.foot .primary').isDisabled(), true, 'no cash');
    assert.equal(await page.getByRole('button', { name: words.card }).isEnabled(), true, 'the card is offered');
    await axe_clean(page, 'refund at a machine that is not registered');
    await page.locator('td input').fill('39'); // 497.25
    await page.locator('.foot .primary').click();
    await until('it is taken', async () => (await node.state()).entries.length === 3);
  });
}

at_till('a crash between card payment and the end of the sale keeps the payment, once', { mock_only: true }, async ({ page, context, node }) => {
  await page.locator('.tile').first().click();
  await page.keyboard.press('F4');
  await page.locator('#cash-given').fill('1');
  await page.locator('#cash-given').press('Enter');
  // Stop the page's clockwork right after the card is on disk: the hand-over never happens.
  await page.evaluate(() => {
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (value, key) {
      if (this.name === 'writes') throw new Error('the machine stops here');
      return put.call(this, value, key);
    };
  });
  await page.getByRole('button', { name: /by card/ }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('could not keep it').waitFor();
  assert.equal((await node.state()).entries.length, 0);
  await page.reload();
  await page.getByRole('button', { name: 'Finish the sale' }).click();
  await receipt_number(page);
  const { entries } = await node.state();
  assert.equal(entries.length, 1);
  assert.deepEqual(entries[0].body.tenders.map((t) => t.kind), ['cash', 'card']);
  await context.storageState();
});

at_till('a scan while the card terminal is asked changes nothing, and the approved payment ends the sale', { mock_only: true }, async ({ page, node }) => {
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  const receipt = await receipt_number(page);
  await next_customer(page);
  const other = await tile_sku(page, 1);
  await page.locator('.tile').nth(0).click();
  await page.keyboard.press('F4');
  await page.getByRole('button', { name: /by card/ }).click();
  const approve = page.getByRole('button', { name: 'Approve' });
  await approve.waitFor();
  await scan(page, other);
  await scan(page, receipt); // would open the refund
  await node.post('sessions', {}); // and here the node starts again: it knows of nobody
  await node.post('node', { down: true });
  await until('silence', async () => /does not answer/.test(await safety_text(page)));
  await node.post('node', { down: false });
  await until('an answer', async () => !/does not answer/.test(await safety_text(page)));
  await page.waitForTimeout(1500);
  assert.equal(await approve.isVisible(), true, 'the terminal is still open');
  assert.equal(await basket_lines(page).count(), 1, 'the basket is as it was');
  await approve.click();
  await page.locator('[data-testid=receipt-state]').waitFor();
  await until('it is taken', async () => (await node.state()).entries.length === 2);
  const { body } = (await node.state()).entries[1];
  assert.deepEqual([body.lines.length, body.tenders.map((t) => t.kind)], [1, ['card']]);
});

for (const [answer, tenders] of [['Yes, approved', ['card']], ['No, not paid', ['cash']]]) {
  at_till(`a reload while the card terminal is asked: was it paid? (${answer})`, { mock_only: true }, async ({ page, node }) => {
    await page.locator('.tile').nth(0).click();
    await page.keyboard.press('F4');
    await page.getByRole('button', { name: /by card/ }).click();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await page.reload();
    await page.getByText('was it paid?').waitFor();
    await axe_clean(page, 'was it paid');
    await page.keyboard.press('Escape'); // no answer to this question
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter'); // nor is the end of a scan
    await page.getByText('was it paid?').waitFor();
    await page.getByRole('button', { name: answer }).click();
    if (tenders[0] === 'cash') await page.locator('#cash-given').press('Enter');
    await receipt_number(page);
    await page.reload();
    await page.locator('#search').waitFor();
    const { entries } = await node.state();
    assert.equal(entries.length, 1, 'once');
    assert.deepEqual(entries[0].body.tenders.map((t) => t.kind), tenders);
    assert.equal(await basket_lines(page).count(), 0);
  });
}

at_till('a terminal’s answer that cannot be kept is said, and taken when it can', { mock_only: true }, async ({ page, node }) => {
  await page.locator('.tile').nth(0).click();
  await page.keyboard.press('F4');
  await page.getByRole('button', { name: /by card/ }).click();
  const approve = page.getByRole('button', { name: 'Approve' });
  await approve.waitFor();
  await page.evaluate(() => {
    const put = IDBObjectStore.prototype.put;
    window.mend = () => { IDBObjectStore.prototype.put = put; };
    IDBObjectStore.prototype.put = () => { throw new Error('full'); };
  });
  await approve.click();
  await page.getByText('could not keep the terminal’s answer').waitFor();
  await page.evaluate(() => window.mend());
  await approve.click();
  await receipt_number(page);
  assert.deepEqual((await node.state()).entries[0].body.tenders.map((t) => t.kind), ['card']);
});

at_till('a refund that the terminal has paid back is kept, whatever is scanned and whoever is silent', { mock_only: true }, async ({ page, node }) => {
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  const receipt = await receipt_number(page);
  await next_customer(page);
  await scan(page, receipt);
  await page.getByRole('button', { name: 'Everything left' }).click();
  await page.getByRole('button', { name: 'Back to the card' }).click();
  const approve = page.getByRole('button', { name: 'Approve' });
  await approve.waitFor();
  await scan(page, receipt); // would look it up anew
  await node.post('node', { down: true });
  await until('silence', async () => /does not answer/.test(await safety_text(page)));
  await page.waitForTimeout(2500); // alone
  await approve.click();
  await page.locator('[data-testid=receipt-state]').waitFor();
  await page.locator('dialog[open] .buttons .primary').click();
  await node.post('node', { down: false });
  await until('it is taken', async () => (await node.state()).entries.length === 2);
  assert.deepEqual((await node.state()).entries[1].body.tenders.map((t) => t.kind), ['card']);

  // The other way round: alone, the terminal is not asked at all.
  await page.keyboard.press('F6');
  await page.locator('.tile').nth(1).click();
  await pay_cash(page);
  const second = await receipt_number(page);
  await next_customer(page);
  await scan(page, second);
  await page.getByRole('button', { name: 'Everything left' }).click();
  await node.post('node', { down: true });
  await until('silence', async () => /does not answer/.test(await safety_text(page)));
  await page.waitForTimeout(2500);
  await page.getByRole('button', { name: 'Back to the card' }).click();
  await page.getByRole('alert').filter({ hasText: 'No money goes out' }).waitFor();
  assert.equal(await approve.count(), 0);
});

at_till('a till whose clock is hours ahead of the node’s keeps who is signed in', { closed: true, mock_only: true }, async ({ page, node }) => {
  await page.clock.install({ time: Date.now() + 2 * 3600_000 });
  await open_till(page, node);
  await page.waitForTimeout(2500);
  await page.reload();
  await page.locator('#search').waitFor();
  await page.waitForTimeout(2500);
  assert.equal(await page.locator('#search').count(), 1);
});

at_till('the node is asked who works here while somebody does, and its word ends the sign-in', { closed: true, mock_only: true }, async ({ page, node, context }) => {
  await page.clock.install();
  let asked = 0;
  await context.route('**/v1/session', (route) => {
    if (route.request().method() === 'GET') asked++;
    return route.continue();
  });
  await open_till(page, node);
  await page.locator('.tile').first().click();
  const before = asked;
  await page.clock.fastForward('01:05');
  await until('asked: somebody works', async () => asked === before + 1);
  await page.clock.fastForward('30:00');
  await page.waitForTimeout(2500);
  assert.equal(asked, before + 1, 'nobody works: not renewed');
  await page.clock.fastForward('31:00');
  await until('asked: the time is up', async () => asked === before + 2);
  assert.equal(await page.locator('#search').count(), 1, 'the node says that it goes on');
  await node.post('sessions', {});
  await page.clock.fastForward('01:00:05');
  await page.locator('#staff').waitFor();
  await sign_in(page, manager);
  await until('the basket is still there', async () => (await basket_lines(page).count()) === 1);
});

at_till('a sign-out that nobody answered is said again before anybody is signed in', { mock_only: true }, async ({ page, context }) => {
  await context.route('**/v1/session', (route) => (route.request().method() === 'DELETE' ? route.abort('connectionreset') : route.continue()));
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.locator('#staff').waitFor();
  await page.reload();
  await page.locator('#staff').waitFor();
  await context.setOffline(true);
  await until('silence', async () => /does not answer/.test(await safety_text(page)));
  await context.unroute('**/v1/session');
  await context.setOffline(false);
  await until('an answer', async () => !/does not answer/.test(await safety_text(page)));
  await until('the cookie is worth nothing', () => page.evaluate(() => fetch('/v1/session').then((answer) => answer.status === 401)));
  await page.waitForTimeout(1500);
  assert.equal(await page.locator('#staff').count(), 1, 'nobody is signed in');
  await sign_in(page, manager);
  await page.locator('#search').waitFor();
  await page.reload();
  await page.locator('#search').waitFor();
});

at_till('storage that fails once closes the till only until it stores again', { mock_only: true }, async ({ page, node }) => {
  await page.evaluate(() => {
    const put = IDBObjectStore.prototype.put;
    window.mend = () => { IDBObjectStore.prototype.put = put; };
    IDBObjectStore.prototype.put = () => { throw new Error('full'); };
  });
  await node.post('standby', { phase: 'taken over' }); // something to keep
  await page.getByText('This till cannot keep sales').waitFor();
  await page.waitForTimeout(2500);
  await page.getByText('This till cannot keep sales').waitFor();
  await page.evaluate(() => window.mend());
  await page.locator('#search').waitFor();
});

at_till('an answer that is no node’s is silence, not a broken storage', { mock_only: true }, async ({ page, context }) => {
  await context.route('**/v1/safety', (route) => route.fulfill({ json: null }));
  await until('silence', async () => /does not answer/.test(await safety_text(page)));
  assert.equal(await page.getByText('This till cannot keep sales').count(), 0);
  await page.locator('#search').waitFor();
});

at_till('a second tab of the same till says so and sells nothing', {}, async ({ context, page, node }) => {
  const second = await context.newPage();
  await second.goto(`${node.url}/till/`);
  await second.getByText('This till is already open').waitFor();
  await axe_clean(second, 'second tab');
  assert.equal(await second.locator('#search').count(), 0);
  await second.close();
  await page.locator('#search').waitFor();
});

at_till('five wrong PINs: the page says to wait', { closed: true, mock_only: true }, async ({ page, node }) => {
  await page.goto(`${node.url}/till/`);
  for (let i = 0; i < 5; i++) {
    await sign_in(page, { staff: '1', pin: '0000' });
    await page.getByText('Staff number or PIN is wrong').waitFor();
  }
  await sign_in(page, manager);
  await page.getByText(/Wait \d+ seconds/).waitFor();  // 30 less what has passed since the fifth
});

at_till('the PIN pad signs in by touch', { closed: true, mock_only: true, device: { width: 1024, height: 768, till_layout: true } }, async ({ page, node }) => {
  await page.goto(`${node.url}/till/`);
  const pad = page.locator('.pad');
  await pad.getByText('1', { exact: true }).tap();
  await pad.getByText('Next').tap();
  for (const digit of '4711') await pad.getByText(digit, { exact: true }).tap();
  await pad.getByText('Sign in').tap();
  await page.locator('#till-name').waitFor();
});

at_till('everything the till asks for by touch is at least 44 px', { device: { width: 1024, height: 768, till_layout: true } }, async ({ page }) => {
  await page.locator('.tile').first().tap();
  const small = async (where) => {
    const found = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, a')].filter((e) => e.checkVisibility() && !e.matches('[type=radio]'))
        .map((e) => ({ what: e.textContent?.trim() || e.getAttribute('aria-label') || e.id, box: e.getBoundingClientRect() }))
        .filter(({ box }) => box.width < 44 || box.height < 44).map(({ what, box }) => `${what} ${Math.round(box.width)}×${Math.round(box.height)}`));
    assert.deepEqual(found, [], where);
  };
  await small('selling');
  await page.getByRole('button', { name: /^Pay/ }).tap();
  await page.locator('#cash-given').waitFor();
  await small('paying');
  await page.locator('#cash-given').press('Enter');
  await receipt_number(page);
  await small('receipt');
});

at_till('French from the browser, switchable and remembered', { device: { language: 'fr-FR' } }, async ({ page }) => {
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
  await page.getByRole('button', { name: /^Payer/ }).waitFor();
  await page.locator('.tile').first().click();
  await pay_cash(page);
  await receipt_number(page);
  assert.match(await page.locator('dialog[open]').textContent(), /Client suivant/);
  assert.match(await page.locator('.paper .sum').textContent(), /\d,\d\d/);
  await next_customer(page);
  await until('la ligne', async () => /enregistré ici · copié chez \d+ sur \d+ à/.test(await safety_text(page)));
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: /^Pay/ }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: /^Pay/ }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
});

for (const language of ['en-GB', 'fr-FR']) {
  at_till(`axe finds nothing serious on any view of the till (${language})`, { closed: true, device: { language } }, async ({ page, node, context }) => {
    await page.goto(`${node.url}/till/`);
    await page.locator('#staff, #enrol-code').first().waitFor();
    await axe_clean(page, 'sign in');
    await open_till(page, node);
    await axe_clean(page, 'empty basket');
    await page.locator('.tile').nth(0).click();
    await page.locator('.tile').nth(1).click();
    await axe_clean(page, 'basket');
    await page.keyboard.press('F3');
    await page.locator('#open-name').waitFor();
    await axe_clean(page, 'open price');
    await page.keyboard.press('Escape');
    await page.keyboard.press('F4');
    await page.locator('#cash-given').waitFor();
    await axe_clean(page, 'payment');
    await page.locator('.ways section').last().locator('button').click();
    await page.locator('dialog[open]').nth(1).waitFor();
    await axe_clean(page, 'terminal');
    await page.locator('dialog[open]').last().locator('button.primary').click();
    const receipt = await receipt_number(page);
    await axe_clean(page, 'receipt');
    await next_customer(page);
    await page.keyboard.press('F7');
    await page.locator('#receipt').fill(receipt);
    await page.locator('#receipt').press('Enter');
    await page.locator('table input').first().waitFor();
    await axe_clean(page, 'refund');
    await page.keyboard.press('F8');
    await page.locator('tr[data-state]').first().waitFor();
    await axe_clean(page, 'receipts');
    await page.locator('nav button').nth(3).click();
    await page.locator('#new-name').waitFor();
    await axe_clean(page, 'staff');
    await context.setOffline(true);
    await page.locator('footer.alarm').waitFor();
    await axe_clean(page, 'node down');
  });
}

at_till('a day without a copy elsewhere: since when is said, and the sales are offered as a file that a node takes', { mock_only: true }, async ({ page, context, node }) => {
  await until('copied', async () => /copied to/.test(await safety_text(page)));
  await context.setOffline(true);
  await until('down', async () => /does not answer/.test(await safety_text(page)));
  for (let i = 0; i < 2; i++) {
    await page.locator('.tile').nth(i).click();
    await pay_cash(page);
    await next_customer(page);
  }
  assert.equal(await page.locator('[data-testid=save-file]').count(), 0, 'not before the day is over');
  // Yesterday, as far as the till's own disk goes.
  await page.evaluate(() => new Promise((done, failed) => {
    const open = indexedDB.open('holdfast-till');
    open.onsuccess = () => {
      const tx = open.result.transaction('writes', 'readwrite');
      const writes = tx.objectStore('writes');
      writes.getAll().onsuccess = (event) => {
        for (const kept of event.target.result) writes.put({ ...kept, body: { ...kept.body, at: new Date(Date.now() - 25 * 3600_000).toISOString() } });
      };
      tx.oncomplete = () => { open.result.close(); done(); };
      tx.onabort = () => failed(tx.error);
    };
  }));
  await page.reload();
  await page.locator('#search').waitFor();
  await until('the day is said', async () => /nothing of this till is known to be copied elsewhere since/.test(await safety_text(page)));
  await axe_clean(page, 'a day without a copy');
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('footer [data-testid=save-file]').click()]);
  assert.match(download.suggestedFilename(), /^holdfast-.+-till-\d+-.+\.json$/);
  const file = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(file.format, 'holdfast till writes 1');
  assert.equal(file.writes.length, 2);
  // What the file holds is what the till itself sends later: taken once.
  await context.setOffline(false);
  const taken = async () => (await node.state()).entries.map((entry) => entry.body.key).sort();
  await until('both taken', async () => (await taken()).length >= 2);
  assert.deepEqual(await taken(), file.writes.map((write) => write.key).sort());
  await until('nothing left to save', async () => (await page.locator('[data-testid=save-file]').count()) === 0);
});

at_till('before the device is full, the till says how much still fits', { mock_only: true }, async ({ page, context }) => {
  const give = async (bytes) => {
    await context.addInitScript((left) => {
      navigator.storage.estimate = async () => ({ usage: 1e9, quota: 1e9 + left });
    }, bytes);
    await page.reload();
    await page.locator('#search').waitFor();
  };
  await give(4096 * 50_000);
  await until('small', async () => /room for only 50,000 more sales/.test(await safety_text(page)));
  await give(4096 * 800);
  await until('nearly full', async () => /nearly full: room for 800 more sales/.test(await safety_text(page)));
  assert.equal(await page.locator('[data-testid=safety]').getAttribute('class').then((names) => /alarm/.test(names)), true);
});

at_till('a hundred thousand unconfirmed sales: they fit, the till opens with them and sells on', { mock_only: true }, async ({ page, context }) => {
  const count = 100_000;
  await context.setOffline(true);
  await until('down', async () => /does not answer/.test(await safety_text(page)));
  for (let i = 0; i < 5; i++) await page.locator('.tile').nth(i).click();
  await pay_cash(page);
  await next_customer(page);
  const measured = await page.evaluate((all) => new Promise((done, failed) => {
    const open = indexedDB.open('holdfast-till');
    open.onsuccess = async () => {
      const db = open.result;
      const before = (await navigator.storage.estimate()).usage;
      const one = await new Promise((resolve) => { db.transaction('writes').objectStore('writes').getAll().onsuccess = (e) => resolve(e.target.result[0]); });
      for (let from = 1; from < all; from += 5000) {
        await new Promise((resolve, reject) => {
          const tx = db.transaction('writes', 'readwrite');
          for (let n = from; n < Math.min(from + 5000, all); n++) {
            const key = n.toString(16).padStart(32, '0');
            tx.objectStore('writes').put({ ...one, key, seq: one.seq + n, body: { ...one.body, key } });
          }
          tx.oncomplete = resolve;
          tx.onabort = () => reject(tx.error);
        }).catch(failed);
      }
      const { usage, quota } = await navigator.storage.estimate();
      db.close();
      done({ each: (usage - before) / (all - 1), json: JSON.stringify(one).length, quota });
    };
  }), count);
  assert.ok(measured.each > 0 && measured.each < 4096, `${measured.each} bytes each are more than room.ts counts on`);
  const start = performance.now();
  await page.reload();
  await page.locator('#search').waitFor({ timeout: 60_000 });
  console.log(`# ${count} sales of 5 lines: ${measured.each.toFixed(0)} bytes each on disk (${measured.json} as JSON), the till opens in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await until('all are there', async () => new RegExp(`${count.toLocaleString('en-GB')} sales wait in this till`).test(await safety_text(page)), 60_000);
  await page.locator('.tile').first().click();
  await pay_cash(page);
  await next_customer(page);
  await until('and one more', async () => new RegExp(`${(count + 1).toLocaleString('en-GB')} sales wait in this till`).test(await safety_text(page)), 60_000);
});

at_till('the till’s page is an app that can be installed', { closed: true, mock_only: true }, async ({ page, node }) => {
  await page.goto(`${node.url}/till/`);
  const link = await page.locator('link[rel=manifest]').getAttribute('href');
  const answer = await page.request.get(new URL(link, page.url()).href);
  assert.match(answer.headers()['content-type'], /^application\/manifest\+json/);
  const manifest = await answer.json();
  assert.equal(manifest.start_url, '/till/');
  assert.equal(manifest.display, 'standalone');
  const cdp = await page.context().newCDPSession(page);
  const { errors } = await cdp.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
});
