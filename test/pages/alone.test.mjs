// A till that no machine of the store answers: it rings for cash under a number of its own, says that the sale is only in
// this till, and gives no money out; in both languages, on a tablet and on a phone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  axe_clean, basket_lines, launch, manager, new_device, next_customer, open_till, opens_alone, pay_alone, pay_cash, real, receipt_number,
  safety_text, sign_in, start_node, until,
} from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const skip = real ? 'looks into the mock’s journal' : false;
const shot = (page, name) => (process.env.HF_SHOTS ? page.screenshot({ path: `${process.env.HF_SHOTS}/alone-${name}.png` }) : undefined);

for (const [language, words] of [
  ['en-GB', { silent: /does not answer/, only: /Only in this till/, paper: /only in this till when printed/, card: /Cash only/, refund: /No money goes out/, most: /at most £500/ }],
  ['fr-FR', { silent: /ne répond pas/, only: /Seulement dans cette caisse/, paper: /seulement dans cette caisse/, card: /Espèces seulement/, refund: /Rien n’est versé/, most: /au plus 500/ }],
]) {
  test(`alone: cash only, a number of its own, no money out (${language})`, { skip, timeout: 120_000 }, async () => {
    const node = await start_node();
    const { page, context, errors } = await new_device(browser, { language, width: 1024, height: 768 });
    try {
      await open_till(page, node);
      await page.locator('.tile').nth(0).click();
      await pay_cash(page);
      const before = await receipt_number(page);
      await next_customer(page);
      await context.setOffline(true);
      await until('silence', async () => words.silent.test(await safety_text(page)));

      await page.locator('.tile').nth(1).click();
      await basket_lines(page).first().waitFor();
      await page.keyboard.press('F4');
      await page.locator('[data-testid=card-alone]').waitFor();
      assert.match(await page.locator('[data-testid=card-alone]').textContent(), words.card);
      assert.equal(await page.locator('section[aria-labelledby=card-title] button').isDisabled(), true, 'no card');
      await axe_clean(page, 'payment, alone');
      await shot(page, `pay-${language}`);
      await page.locator('#cash-given').press('Enter');
      await page.locator('[data-testid=receipt-state]').filter({ hasText: words.only }).waitFor();
      const alone = await receipt_number(page);
      assert.match(alone, /^3-[0-9A-HJKMNP-TV-Z]{8}-1$/);
      assert.notEqual(alone.split('-')[1], before.split('-')[1], 'not of the journal’s series');
      assert.match(await page.locator('.paper').innerText(), words.paper);
      await axe_clean(page, 'receipt, alone');
      await shot(page, `receipt-${language}`);
      await next_customer(page);

      // Too much cash for one sale that nobody else knows of.
      await page.locator('.tile').nth(1).click();
      await page.locator('li[data-line] input').fill('60');
      await page.locator('li[data-line] input').press('Tab');
      await page.keyboard.press('F4');
      await page.getByRole('alert').filter({ hasText: words.most }).waitFor();
      await page.locator('#cash-given').press('Enter');
      assert.equal(await page.locator('[data-testid=receipt-state]').count(), 0, 'it is not rung');
      await page.keyboard.press('Escape');
      await page.locator('#cash-given').waitFor({ state: 'detached' });

      await page.keyboard.press('F7');
      await page.locator('#receipt').fill(before);
      await page.locator('#receipt').press('Enter');
      await page.getByRole('alert').filter({ hasText: words.refund }).waitFor();
      await shot(page, `refund-${language}`);

      await context.setOffline(false);
      await until('it is taken', async () => (await node.state()).entries.length === 2);
      const taken = (await node.state()).entries[1];
      assert.equal(taken.alone.receipt, alone);
      assert.equal(taken.receipt, alone, 'the number on the paper stays good');
      await page.keyboard.press('F8');
      await page.locator('tr[data-state=cosigned]').nth(1).waitFor();
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await node.stop();
    }
  });
}

test('a sale rung alone while the site began to stand by is kept, not refused', { skip, timeout: 120_000 }, async () => {
  const node = await start_node();
  const { page, context } = await new_device(browser, {});
  try {
    await open_till(page, node);
    await context.setOffline(true);
    await until('silence', async () => /does not answer/.test(await safety_text(page)));
    await page.locator('.tile').nth(0).click();
    await basket_lines(page).first().waitFor();
    await page.keyboard.press('F4');
    await page.locator('[data-testid=card-alone]').waitFor();  // silent for longer than a moment
    await page.locator('#cash-given').press('Enter');
    await page.locator('[data-testid=receipt-state]').filter({ hasText: /Only in this till/ }).waitFor();
    await next_customer(page);
    await node.post('standby', { phase: 'standing by' });
    await context.setOffline(false);
    await until('it is taken', async () => (await node.state()).entries.length === 1);
    await page.locator('[data-testid=standby]').waitFor();
    assert.equal(await page.locator('.badge').count(), 0, 'nothing is refused');
  } finally {
    await context.close();
    await node.stop();
  }
});

for (const [language, leave, ask, stay] of [['en-GB', 'Sign out', /nobody can sell at this till/, 'Stay signed in'], ['fr-FR', 'Quitter', /personne ne peut vendre/, 'Rester connecté']]) {
  test(`hours alone end no sign-in, and signing out is asked about (${language})`, { skip, timeout: 120_000 }, async () => {
    const node = await start_node();
    const { page, context, errors } = await new_device(browser, { language });
    try {
      await page.clock.install();
      await open_till(page, node);
      await context.setOffline(true);
      await until('silence', async () => /does not answer|ne répond pas/.test(await safety_text(page)));
      await page.clock.fastForward('02:00:00');
      await page.waitForTimeout(2500);
      await page.getByRole('button', { name: leave, exact: true }).click();
      await page.locator('dialog[open]').filter({ hasText: ask }).waitFor();
      await axe_clean(page, 'sign out, alone');
      await page.getByRole('button', { name: stay }).click();
      await page.locator('.tile').nth(1).click();
      await pay_cash(page);
      await receipt_number(page);
      await context.setOffline(false);
      await until('it is taken', async () => (await node.state()).entries.length === 1);
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
      await node.stop();
    }
  });
}

test('a node that starts anew and falls silent leaves the till to who worked there', { skip, timeout: 120_000 }, async () => {
  const node = await start_node();
  const { page, context, errors } = await new_device(browser, {});
  const silent = async () => /does not answer/.test(await safety_text(page));
  try {
    await open_till(page, node);
    await page.locator('.tile').nth(1).click();
    await basket_lines(page).first().waitFor();
    await opens_alone(page);
    await node.post('node', { down: true });
    await until('silence', silent);
    await node.post('sessions', {}); // it has started anew
    await node.post('node', { down: false });
    await page.locator('#staff').waitFor();
    await node.post('node', { down: true });
    await page.locator('#search').waitFor();
    await pay_alone(page);
    await page.locator('[data-testid=receipt-state]').filter({ hasText: /Only in this till/ }).waitFor();
    await next_customer(page);
    await page.reload(); // from the service worker
    await page.locator('#search').waitFor();
    await node.post('node', { down: false });
    await until('it is taken', async () => (await node.state()).entries.length === 1);
    await page.locator('#staff').waitFor(); // a machine answers: he signs in
    await sign_in(page, manager);
    await page.locator('#search').waitFor();
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    await node.stop();
  }
});

/** All that the till's storage holds; with `back`, the storage as it was then. */
const storage = (page, back) => page.evaluate(async (back) => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const db = await done(indexedDB.open('holdfast-till'));
  const held = {};
  for (const name of db.objectStoreNames) {
    const store = db.transaction(name, 'readwrite').objectStore(name);
    if (back) {
      await done(store.clear());
      for (const [key, value] of back[name]) await done(store.keyPath ? store.put(value) : store.put(value, key));
    } else {
      const [keys, values] = [await done(store.getAllKeys()), await done(store.getAll())];
      held[name] = keys.map((key, i) => [key, values[i]]);
    }
  }
  db.close();
  return held;
}, back);

test('a device whose storage is set back prints no number twice', { skip, timeout: 120_000 }, async () => {
  const node = await start_node();
  const { page, context, errors } = await new_device(browser, {});
  try {
    await open_till(page, node);
    await opens_alone(page);
    await context.setOffline(true);
    const ring = async () => {
      await until('silence', async () => /does not answer/.test(await safety_text(page)));
      await page.locator('.tile').nth(0).click();
      await basket_lines(page).first().waitFor();
      await pay_alone(page);
      const number = await receipt_number(page);
      await next_customer(page);
      return number;
    };
    const printed = [await ring()];
    const image = await storage(page);
    printed.push(await ring());
    await storage(page, image);
    await page.reload(); // from the service worker
    await page.locator('#search').waitFor();
    printed.push(await ring());
    assert.equal(new Set(printed).size, 3, printed.join(' '));
    await context.setOffline(false);
    await until('what is still here is taken', async () => (await node.state()).entries.length === 2);
    assert.deepEqual((await node.state()).entries.map((e) => e.receipt), [printed[0], printed[2]]);
    assert.deepEqual(errors, []);
  } finally {
    await context.close();
    await node.stop();
  }
});
