// The till when a node does not take what it sends, when its answer is none, and when the device stores nothing.
import assert from 'node:assert/strict';
import { at_till } from './at_till.mjs';
import { axe_clean, basket_lines, next_customer, pay_cash, receipt_number, safety_text, until } from './lib.mjs';

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

for (const [language, words] of [
  ['en-GB', { next: 'Next customer', dealt: 'Dealt with', what: 'Sale', cash: 'Cash', refused: /1 refused/ }],
  ['fr-FR', { next: 'Client suivant', dealt: 'Traité', what: 'Vente', cash: 'Espèces', refused: /1 refus/ }],
]) {
  at_till(`a refused sale is forgotten only by who has been asked about it (${language})`, { mock_only: true, device: { language } }, async ({ page, node }) => {
    const row = page.locator('tr[data-state=refused]');
    const dialog = page.locator('dialog[open]');
    const receipts = async () => {
      await page.keyboard.press('F8');
      await row.getByRole('button', { name: words.dealt, exact: true }).click();
    };
    await node.post('refuse', { n: 1, status: 422, detail: 'not like this' });
    await page.locator('.tile').nth(1).click(); // 12.75
    await pay_cash(page);
    await page.getByText('not like this').first().waitFor();
    await page.locator('dialog[open] .buttons').getByText(words.next).click();
    await receipts();
    for (const told of [words.what, words.cash, /12[.,]75/]) await dialog.getByText(told).first().waitFor();
    await axe_clean(page, `dealt with ${language}`);
    await page.keyboard.press('Enter'); // the hasty answer is no
    await dialog.waitFor({ state: 'detached' });
    await receipts();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('.tile').first().waitFor();
    await until('one refused', async () => words.refused.test(await safety_text(page)));
    await receipts();
    await dialog.getByRole('button', { name: words.dealt, exact: true }).click();
    await row.waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('.tile').first().waitFor();
    assert.doesNotMatch(await safety_text(page), words.refused);
  });
}

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

at_till('storage that fails once closes the till only until it stores again', { mock_only: true }, async ({ page, node }) => {
  await page.getByTestId('ages').waitFor(); // what the first beat keeps is on its way
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
