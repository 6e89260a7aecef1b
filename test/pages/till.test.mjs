// What a cashier does at the till's page, in a real browser: sales, receipts, refunds, in both languages and by touch.
import assert from 'node:assert/strict';
import { at_till } from './at_till.mjs';
import {
  axe_clean, basket_lines, manager, next_customer, open_till, pay_cash, receipt_number, safety_text,
  scan, sign_in, tile_sku, until,
} from './lib.mjs';

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

at_till('a second press of the same hand does not take the rest in cash', { mock_only: true }, async ({ page, node }) => {
  const given = page.locator('#cash-given');
  const parts = page.locator('.sums .soft');
  const open_payment = async () => {
    await page.locator('.tile').nth(1).click(); // 12.75
    await page.keyboard.press('F4');
    await given.waitFor();
  };
  const one_part = async (how) => {
    await given.evaluate(async (field) => { // in the page, where a busy machine delays both alike
      const after = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
      for (let i = 0; i < 500 && !document.querySelector('.sums .soft'); ++i) await after(20);
      await after(50); // within the same movement
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    });
    await page.waitForTimeout(400);
    assert.equal(await page.locator('[data-testid=receipt-state]').count(), 0, `${how}: the sale goes on`);
    assert.match((await parts.allTextContents()).join(), /^\s*Cash\s+£5\.00\s*$/, how);
    await page.getByRole('button', { name: 'Back to the basket' }).click();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Empty' }).click();
  };
  await open_payment();
  await given.fill('5');
  await given.evaluate((field) => {
    const enter = { key: 'Enter', bubbles: true, cancelable: true };
    for (const repeat of [false, true]) field.dispatchEvent(new KeyboardEvent('keydown', { ...enter, repeat }));
  });
  await one_part('a key held down');
  await open_payment();
  await given.fill('5');
  await page.getByRole('button', { name: 'Take cash' }).dblclick();
  await one_part('a double click');
  assert.equal((await node.state()).entries.length, 0);

  await open_payment(); // and by keyboard alone at a person's pace: a part, then the rest
  await page.keyboard.type('5');
  await page.keyboard.press('Enter');
  await parts.first().waitFor();
  await page.waitForTimeout(700);
  await page.keyboard.press('Enter');
  await receipt_number(page);
  assert.deepEqual((await node.state()).entries.map((e) => e.body.tenders.map((t) => t.amount)), [[500, 775]]);
  await next_customer(page);

  await open_payment(); // what is typed is meant, however quickly
  await page.keyboard.type('5');
  await page.keyboard.press('Enter');
  await page.keyboard.type('7.75');
  await page.keyboard.press('Enter');
  await receipt_number(page);
  assert.deepEqual((await node.state()).entries[1].body.tenders.map((t) => t.amount), [500, 775]);
  await next_customer(page);

  await page.evaluate(() => { // and however slow the disk is: the second sum is there before the first is kept
    const { get, set } = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete');
    let waiting = null;
    window.hold_disk = () => { waiting = []; };
    window.free_disk = () => {
      const all = waiting;
      waiting = null;
      for (const go_on of all) go_on();
    };
    const gate = (then) => (event) => (waiting ? waiting.push(() => then(event)) : then(event));
    Object.defineProperty(IDBTransaction.prototype, 'oncomplete', { get, set(then) { set.call(this, gate(then)); } });
  });
  await open_payment();
  await page.evaluate(() => window.hold_disk());
  await page.keyboard.type('5');
  await page.keyboard.press('Enter');
  await page.keyboard.type('7.75');
  await page.keyboard.press('Enter');
  assert.equal(await parts.count(), 0, 'the first part is still on its way to the disk');
  await page.evaluate(() => window.free_disk());
  await receipt_number(page);
  assert.deepEqual((await node.state()).entries[2].body.tenders.map((t) => t.amount), [500, 775]);
});

at_till('cash given in part is not the next customer’s in an emptied basket', { mock_only: true }, async ({ page, node }) => {
  const sku = await tile_sku(page, 2);
  await page.locator('.tile').nth(1).click(); // 12.75
  await page.keyboard.press('F4');
  await page.locator('#cash-given').fill('5');
  await page.locator('#cash-given').press('Enter');
  await page.locator('.sums .soft').waitFor();
  await scan(page, sku); // one thing more: the payment closes, and what was given stays with this customer
  await until('two lines', async () => (await basket_lines(page).count()) === 2);
  await page.keyboard.press('F4');
  await page.locator('.sums .soft').waitFor();
  await scan(page, sku);
  await until('two pieces', async () => (await page.locator('li[data-line] input').nth(1).inputValue()) === '2');
  for (const left of [1, 0]) {
    await page.locator('li[data-line] .danger').first().click();
    await until(`${left} lines`, async () => (await basket_lines(page).count()) === left);
    await page.waitForTimeout(700); // at a person's pace
  }
  await page.locator('.tile').nth(1).click();
  await page.keyboard.press('F4');
  await page.locator('#cash-given').waitFor();
  assert.equal(await page.locator('.sums .soft').count(), 0);
  await page.locator('#cash-given').press('Enter');
  await receipt_number(page);
  assert.deepEqual((await node.state()).entries.map((e) => e.body.tenders.map((t) => t.amount)), [[1275]]);
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

at_till('two quick presses on a line are of that line alone, however slow the disk is', { mock_only: true }, async ({ page, node }) => {
  const quantity = (place) => page.locator('li[data-line] input').nth(place);
  const names = () => page.locator('li[data-line] .what .name').allTextContents();
  const [one, two, three] = node.products.map(({ name }) => name);
  const fill = async () => {
    for (const name of [one, two, three]) await page.locator('.tile', { hasText: name }).click();
    await until('three lines', async () => (await basket_lines(page).count()) === 3);
    await quantity(1).fill('5');
    await quantity(1).press('Tab');
    await until('five of it', async () => (await quantity(1).inputValue()) === '5');
  };
  for (const disk of ['quick', 'slow']) {
    if (disk === 'slow') {
      await page.evaluate(() => {
        const { get, set } = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete');
        const slow = (then) => (event) => setTimeout(() => then(event), 300);
        Object.defineProperty(IDBTransaction.prototype, 'oncomplete', { get, set(then) { set.call(this, slow(then)); } });
      });
    }
    for (const press of [`Remove: ${one}`, `One less: ${one}`]) {
      await fill();
      await page.getByRole('button', { name: press }).dblclick();
      await until('two lines', async () => (await basket_lines(page).count()) === 2);
      await page.waitForTimeout(1200);
      assert.deepEqual(await names(), [two, three], `${press}, ${disk}`);
      assert.equal(await quantity(0).inputValue(), '5');
      await page.getByRole('button', { name: `One more: ${three}` }).dblclick();
      await until('three pieces', async () => (await quantity(1).inputValue()) === '3');
      await page.getByRole('button', { name: 'Empty' }).click();
      await until('an empty basket', async () => (await basket_lines(page).count()) === 0);
    }
  }
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

for (const [language, words] of [
  ['en-GB', { first: 'Finish this line first', not_kept: /could not keep it/ }],
  ['fr-FR', { first: 'Terminez d’abord cette ligne', not_kept: /n’a pas pu l’enregistrer/ }],
]) {
  at_till(`an open price stays of the code that it was opened with, and is added once (${language})`, { mock_only: true, device: { language } }, async ({ page }) => {
    const dialog = page.locator('dialog[open]');
    await scan(page, 'NOSUCH-1');
    await dialog.getByText('NOSUCH-1').waitFor();
    await page.locator('#open-name').fill('Odd vase');
    await page.locator('#open-price').fill('7.99');
    await page.locator('input[name=vat]').first().check();
    await scan(page, 'NOSUCH-2');
    await dialog.getByRole('alert').filter({ hasText: words.first }).filter({ hasText: 'NOSUCH-2' }).waitFor();
    assert.match(await dialog.locator('p.soft').textContent(), /^NOSUCH-1 /);
    assert.equal(await page.locator('#open-name').inputValue(), 'Odd vase');
    await axe_clean(page, `another code at an open price ${language}`);

    await page.evaluate(() => {
      const put = IDBObjectStore.prototype.put;
      window.mend = () => { IDBObjectStore.prototype.put = put; };
      IDBObjectStore.prototype.put = () => { throw new Error('full'); };
    });
    const go = dialog.locator('button.primary');
    await go.click();
    await dialog.getByRole('alert').filter({ hasText: words.not_kept }).waitFor();
    await page.evaluate(() => {
      window.mend();
      const { get, set } = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, 'oncomplete');
      const slow = (then) => (event) => setTimeout(() => then(event), 700);
      Object.defineProperty(IDBTransaction.prototype, 'oncomplete', { get, set(then) { set.call(this, slow(then)); } });
    });
    await go.dblclick();
    await dialog.waitFor({ state: 'detached' });
    await page.waitForTimeout(1000);
    assert.equal(await basket_lines(page).count(), 1, 'once');
  });
}

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
  at_till(`gold is sold for what it costs; what cannot be counted is not sold for nothing (${language})`, { closed: true, mock_only: true, device: { language } }, async ({ page, node }) => {
    const product = { gtin: null, goods: true, vat: 'S', stock: '5' };
    await node.post('product', { ...product, sku: 'GOLD', name: 'Gold', unit_price: '1200000.00' });
    await node.post('product', { ...product, sku: 'BROKEN', name: 'Broken', unit_price: '-1.00' });
    await open_till(page, node); // with them: a look-up that takes its time finds them in the till's copy, too
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

at_till('receipts have the VAT of the journal: a refund’s parts add up, and a rate that changed later changes nothing', { closed: true, mock_only: true }, async ({ page, node }) => {
  const vat = async () => (await page.getByTestId('receipt-vat').locator('tbody tr').allTextContents()).map((row) => row.replace(/\s+/g, ' ').trim());
  const silent = () => safety_text(page).then((text) => /does not answer/.test(text));
  await node.post('product', { sku: 'POUND', name: 'Pound', unit_price: '1.00', vat: 'S', gtin: null, goods: true });
  await open_till(page, node);
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

const rates_of_now = 'a receipt has the VAT rate of now: from the first sale of a page that is opened, and a minute later at most';
at_till(rates_of_now, { closed: true, mock_only: true }, async ({ page, node }) => {
  await page.clock.install();
  await open_till(page, node);
  const { sku } = node.products[0]; // 2.55
  const sell_three = async () => {
    await page.locator('.tile', { hasText: sku }).click();
    const quantity = page.locator('li[data-line] input');
    await quantity.fill('3');
    await quantity.press('Tab');
    await pay_cash(page);
    await receipt_number(page);
    const rows = await page.getByTestId('receipt-vat').locator('tbody tr').allTextContents();
    await next_customer(page);
    return rows.map((row) => row.replace(/\s+/g, ' ').trim());
  };
  await node.post('rate', { code: 'S', rate: '25' }); // the node has a new chain file, and no till was open
  await page.reload();
  await page.locator('.tile').first().waitFor();
  assert.deepEqual(await sell_three(), ['S 25 %£6.12£1.53£7.65']);
  await node.post('rate', { code: 'S', rate: '50' });
  await Promise.all([page.waitForResponse('**/v1/about'), page.clock.fastForward('01:05')]);
  assert.deepEqual(await sell_three(), ['S 50 %£5.10£2.55£7.65']);
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

for (const [language, words] of [
  ['en-GB', {
    out: 'Sign out', cash: 'Pay out cash', pay: /To pay out/, wait: /Do not pay out yet/, need: 'A manager signs in',
  }],
  ['fr-FR', {
    out: 'Quitter', cash: 'Rendre en espèces', pay: /À rendre/, wait: /Ne versez rien encore/, need: 'Un responsable se connecte',
  }],
]) {
  const what = `no money goes out of a sealed store before a manager is there, nor before the node has taken it (${language})`;
  at_till(what, { mock_only: true, device: { language } }, async ({ page, node }) => {
    await page.locator('.tile').nth(0).click();
    await page.locator('.tile').nth(1).click();
    await pay_cash(page);
    const receipt = await receipt_number(page);
    await next_customer(page);
    await page.getByRole('button', { name: words.out, exact: true }).click();
    await sign_in(page, { staff: '12', pin: '1212' });
    await page.locator('#search').waitFor();
    await node.post('posture', { posture: 'sealed' });
    await until('it says so', async () => /refunds need a manager|demande un responsable/.test(await safety_text(page)));

    const refunds = async () => (await node.state()).entries.filter((e) => e.kind === 'refund').length;
    const ask = async (rows) => {
      await page.keyboard.press('F7');
      await page.locator('#receipt').fill(receipt);
      await page.locator('#receipt').press('Enter');
      await page.locator('table input').nth(rows - 1).waitFor();
      await page.locator('table input').first().fill('1');
      await page.getByRole('button', { name: words.cash }).click();
    };
    const manager_signs_in = async () => {
      await page.locator('dialog[open] #staff').fill(manager.staff);
      await page.locator('dialog[open] #pin').fill(manager.pin);
      await page.locator('dialog[open] #pin').press('Enter');
    };
    await ask(2);
    await page.locator('dialog[open] h2').filter({ hasText: words.need }).waitFor();
    await axe_clean(page, `a manager for a refund ${language}`);
    assert.equal(await page.locator('dialog[open]').getByText(words.pay).count(), 0, 'nothing is paid out');
    await page.waitForTimeout(1500);
    assert.equal(await refunds(), 0);
    assert.doesNotMatch(await safety_text(page), /waits for|attend/, 'nothing is kept');
    await manager_signs_in(); // and it goes on by itself
    await page.locator('dialog[open]').getByText(words.pay).waitFor();
    assert.equal(await refunds(), 1);
    await page.locator('dialog[open] .buttons .primary').click();

    // The node sees the cashier's sign-in where the page still sees the manager's: kept, and not paid out until it is taken.
    await node.post('sessions', {});
    await ask(1);
    await page.locator('dialog[open]').getByText(words.wait).waitFor();
    await page.locator('dialog[open] .note.alarm').waitFor();
    await axe_clean(page, `a refund that waits ${language}`);
    assert.equal(await page.locator('dialog[open]').getByText(words.pay).count(), 0, 'not yet');
    await page.getByRole('button', { name: words.need }).click();
    await manager_signs_in();
    await page.locator('dialog[open]').getByText(words.pay).waitFor();
    assert.equal(await refunds(), 2);
  });
}

at_till('of two receipts scanned in a row the second is shown, whichever answer comes first', { mock_only: true }, async ({ page, context }) => {
  const receipts = [];
  for (const place of [0, 1]) {
    await page.locator('.tile').nth(place).click();
    await pay_cash(page);
    receipts.push(await receipt_number(page));
    await next_customer(page);
  }
  const [a, b] = receipts;
  let answer;
  const held = new Promise((resolve) => { answer = resolve; });
  let told = false;
  await context.route(`**/v1/receipts/${a}`, async (route) => {
    await held;
    await route.continue();
    told = true;
  });
  const shown = page.locator('#of-title');
  await scan(page, a);
  await until('it is asked for', async () => (await page.locator('#receipt').inputValue()) === a);
  await scan(page, b);
  await shown.filter({ hasText: b }).waitFor();
  answer();
  await until('the first answer is there', async () => told);
  await page.waitForTimeout(500);
  assert.equal(await shown.textContent(), b);
  assert.equal(await page.locator('#receipt').inputValue(), b);
  await context.unroute(`**/v1/receipts/${a}`);

  await page.getByRole('button', { name: 'Cancel' }).click();
  await shown.waitFor({ state: 'detached' });
  await scan(page, b); // once more the same
  await shown.filter({ hasText: b }).waitFor();
});

const pays_when_taken = 'cash of a refund is paid out when the node has taken it; what waits is not left of the receipt';
at_till(pays_when_taken, { mock_only: true }, async ({ page, node }) => {
  const look_up = async (receipt) => {
    await page.keyboard.press('F7');
    await page.locator('#receipt').fill(receipt);
    await page.locator('#receipt').press('Enter');
  };
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  const receipt = await receipt_number(page);
  await next_customer(page);
  await node.post('refuse', { n: 1000, status: 503, detail: 'not now' });
  await look_up(receipt);
  await page.getByRole('button', { name: 'Everything left' }).click();
  await page.getByRole('button', { name: 'Pay out cash' }).click();
  await page.locator('dialog[open] .note.alarm').filter({ hasText: 'not now' }).waitFor();
  await page.locator('dialog[open] h2').filter({ hasText: 'Not paid out yet' }).waitFor();
  assert.equal(await page.locator('dialog[open]').getByText('To pay out').count(), 0);
  await page.locator('dialog[open] .buttons .primary').click();
  await look_up(receipt);
  await page.getByText('nothing left').waitFor();
  await page.keyboard.press('F8');
  await page.getByRole('button', { name: 'Send 1 now' }).evaluate(async (button) => {
    await fetch('/mock/refuse', { method: 'POST', body: JSON.stringify({ n: 0 }) });
    button.click(); // where the till's own next try was first, it is gone, and this does nothing
  });
  await page.locator('tr', { hasText: 'Refund' }).first().getByRole('button', { name: 'Show' }).click();
  await page.locator('dialog[open]').getByText('To pay out').waitFor();
  assert.equal((await node.state()).entries.length, 2);
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
