// Who works at the till: sign-in, its end, clocks, wrong PINs, and a second tab.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { at_till } from './at_till.mjs';
import { axe_clean, basket_lines, manager, next_customer, open_till, pay_cash, receipt_number, safety_text, sign_in, until } from './lib.mjs';

/** As the mock makes it. */
const id_of = (number) => createHash('sha256').update(number).digest('hex').slice(0, 32);

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
  await until('asked: somebody works', async () => asked > before);
  const worked = asked; // a node that was not heard in between is asked once more
  await page.clock.fastForward('30:00');
  await page.waitForTimeout(2500);
  assert.equal(asked, worked, 'nobody works: not renewed');
  await page.clock.fastForward('31:00');
  await until('asked: the time is up', async () => asked > worked);
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

for (const [language, words] of [
  ['en-GB', { out: 'Sign out', in: 'Sign in', cashier: 'Cashier 12', manager: 'Manager 1' }],
  ['fr-FR', { out: 'Quitter', in: 'Connexion', cashier: 'Caissier 12', manager: 'Responsable 1' }],
]) {
  const what = `who signs in in another tab is told, and is not who works at the till before saying so (${language})`;
  at_till(what, { closed: true, mock_only: true, device: { language } }, async ({ page, node, context }) => {
    await page.clock.install();
    await open_till(page, node);
    await page.getByRole('button', { name: words.out, exact: true }).click();
    await sign_in(page, { staff: '12', pin: '1212' });
    const who = page.locator('header .who');
    await who.filter({ hasText: words.cashier }).waitFor();
    const second = await context.newPage();
    await second.goto(`${node.url}/chain/`);
    const sign_in_there = async () => {
      await second.bringToFront();
      await second.locator('header').getByRole('button', { name: words.in }).click();
      await sign_in(second, manager);
      await second.locator('header').getByText(words.manager).waitFor();
    };
    const works_a_minute = async () => {
      await page.bringToFront();
      await page.locator('.tile').first().click();
      await page.clock.fastForward('01:05');
    };
    const note = page.getByTestId('another');
    await second.locator('header').getByRole('button', { name: words.out }).click();
    await sign_in_there();
    await works_a_minute();
    await note.filter({ hasText: words.manager }).waitFor();
    assert.equal(await who.textContent(), words.cashier);
    assert.equal(await page.locator('nav button').count(), 3, 'nothing that is a manager’s');
    await axe_clean(page, `another person ${language}`);
    await pay_cash(page);
    await receipt_number(page);
    await next_customer(page);

    await second.bringToFront();
    await second.locator('header').getByRole('button', { name: words.out }).click();
    await second.locator('header').getByRole('button', { name: words.in }).waitFor();
    await works_a_minute();
    await note.waitFor({ state: 'detached' });
    assert.equal(await who.textContent(), words.cashier, 'in the middle of a basket');
    await pay_cash(page);
    await receipt_number(page);
    await next_customer(page);
    const { entries } = await node.state();
    assert.deepEqual(entries.map((e) => e.body.staff === id_of('12')), [true, true]);

    await sign_in_there();
    await works_a_minute();
    await note.getByRole('button').click();
    await who.filter({ hasText: words.manager }).waitFor();
    assert.equal(await note.count(), 0);
  });
}

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
  // A node that takes its time: what the try before was told must not stand for the answer to this one.
  let answer;
  await page.route('**/v1/session', async (route) => {
    if (route.request().method() === 'POST') await new Promise((done) => { answer = done; });
    await route.continue();
  });
  const node_answers = async () => {
    await until('the node to be asked', () => answer);
    answer();
    answer = undefined;
  };
  await page.goto(`${node.url}/till/`);
  const wrong = page.getByText('Staff number or PIN is wrong');
  for (let i = 0; i < 5; i++) {
    await sign_in(page, { staff: '1', pin: '0000' });
    assert.equal(await wrong.count(), 0, `try ${i + 1}`);
    await node_answers();
    await wrong.waitFor();
  }
  await sign_in(page, { staff: '1', pin: '0000' });
  await page.locator('#staff').focus(); // the number is corrected before the answer
  await node_answers();
  await page.getByText(/Wait \d+ seconds/).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'staff');
  await sign_in(page, { ...manager, pin: '47' });
  await page.locator('#pin').pressSequentially('11');  // before the answer: the next try's
  await node_answers();
  await page.getByText(/Wait \d+ seconds/).waitFor();  // 30 less what has passed since the fifth
  assert.equal(await page.locator('#pin').inputValue(), '11');
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
