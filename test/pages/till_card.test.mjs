// The card terminal: paid once and kept, whatever is scanned, reloaded or silent meanwhile; and no card number stays in the till.
import assert from 'node:assert/strict';
import { at_till } from './at_till.mjs';
import { axe_clean, basket_lines, next_customer, pay_cash, receipt_number, safety_text, scan, tile_sku, until } from './lib.mjs';

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
  await page.getByRole('button', { name: 'Finish the sale' }).waitFor();
  await page.keyboard.press('Escape'); // the cash in the drawer belongs to this sale, too
  await page.keyboard.press('Escape');
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
    await page.getByText('was it paid?').waitFor({ state: 'detached' }); // behind it nobody can type
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
