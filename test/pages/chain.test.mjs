// The chain's page in a real browser.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_clean, launch, make_demo_control, manager, new_device, real, sign_in, start_node, until } from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

function at_chain(name, options, body) {
  test(name, { skip: options.mock_only && real ? 'needs a switch of the mock' : false, timeout: 120_000 }, async () => {
    const node = await start_node(options.node);
    const device = await new_device(browser, options.device);
    try {
      await device.page.goto(`${node.url}/chain/`);
      await device.page.locator('tr[data-site]').first().waitFor();
      await body({ node, ...device });
      assert.deepEqual(device.errors, [], 'errors on the page');
    } finally {
      await device.context.close();
      await node.stop();
    }
  });
}
const rows = (page) => page.locator('tr[data-site]');

at_chain('a fed site says how old its stock and orders are', { mock_only: true }, async ({ page }) => {
  await page.locator('tr[data-site="store-02"] button.open').click();
  const details = page.locator('tr.more dl');
  await details.waitFor();
  assert.match(await details.textContent(), /Stock of the old system.*(02:10|ago)/s);
  assert.doesNotMatch(await details.textContent(), /Prices of the old system/, 'they are head office\'s');
  if (process.env.HF_SHOTS) await page.screenshot({ path: `${process.env.HF_SHOTS}/chain-feed.png` });
});

at_chain('34 sites stay readable at 1280×800: no row wraps, nothing runs out of the page', { mock_only: true }, async ({ page }) => {
  assert.equal(await rows(page).count(), 34);
  const heights = await rows(page).evaluateAll((all) => all.map((r) => r.getBoundingClientRect().height));
  assert.ok(Math.max(...heights) <= 34, `rows are ${Math.max(...heights)} px high`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
});

at_chain('what is not known is said to be not yet known', { mock_only: true }, async ({ page }) => {
  const quiet = page.locator('tr[data-site=store-08]');
  assert.match(await quiet.textContent(), /not yet known/);
  await quiet.locator('button.open').click();
  assert.match(await page.locator('tr.more').textContent(), /Sales since 00:00 UTC\s*not yet known/);
  assert.match(await page.getByTestId('sum-told').textContent(), /sales of \d+ of \d+ sites/, 'the sums above lack that site, and say so');
});

at_chain('rows sort and filter by keyboard', { mock_only: true }, async ({ page }) => {
  const header = page.getByRole('columnheader', { name: 'Journal' }).getByRole('button');
  await header.focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('th[aria-sort=descending]').count(), 1);
  const sizes = async () =>
    (await rows(page).locator('td:nth-child(4)').allTextContents()).map((s) => Number(s.replace(/\D/g, '') || -1));
  const down = await sizes();
  assert.deepEqual(down, [...down].sort((a, b) => b - a));
  await page.keyboard.press('Enter');
  const up = await sizes();
  assert.deepEqual(up, [...up].sort((a, b) => a - b));
  await page.locator('#filter').fill('store-1');
  await until('ten', async () => (await rows(page).count()) === 10);
  await page.locator('#filter').fill('');
  await page.getByLabel(/need attention/).check();
  const few = await rows(page).count();
  assert.ok(few > 0 && few < 10, `${few} need attention`);
});

at_chain('a manager cuts and heals this site’s links; a visitor cannot', {}, async ({ page }) => {
  assert.equal(await page.getByRole('button', { name: 'Cut the link with warehouse' }).count(), 0);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sign_in(page, manager);
  await page.getByRole('button', { name: 'Cut the link with warehouse' }).click();
  await page.getByRole('button', { name: 'Heal the link with warehouse' }).waitFor();
  await until('the row of this site says so', async () => /1 cut/.test(await page.locator('tr.here').textContent()));
  await page.getByRole('button', { name: 'Heal the link with warehouse' }).click();
  await page.getByRole('button', { name: 'Cut the link with warehouse' }).waitFor();
});

at_chain('entries that the disk has lost are named, with what becomes of them, in both languages', { mock_only: true }, async ({ page, node }) => {
  await node.post('damage', {});
  const note = page.getByTestId('damage');
  await note.getByText('The disk of this machine has lost 153 entries').waitFor();
  assert.match(await note.textContent(), /sales go on.*\/1: entry 812.*\/1: entries 900 to 1,011.*\/1: a checkpoint.*and 2 more places/s);
  await axe_clean(page, 'damage');
  await page.getByRole('button', { name: 'Français' }).click();
  await note.getByText('Le disque de cette machine a perdu 153 écritures').waitFor();
  assert.match(await note.textContent(), /la vente continue.*écriture 812/s);
  await node.post('damage', { waits: true });
  await note.getByText('Rien n’est vendu ici avant leur retour').waitFor();
  assert.equal(await note.getAttribute('role'), 'alert');
  await axe_clean(page, 'damage without which nothing is sold');
  await node.post('damage', { off: true });
  await note.waitFor({ state: 'detached' });
});

at_chain('receipt numbers that this site lacks are named, in both languages', { mock_only: true }, async ({ page, node }) => {
  await node.post('missing_receipts', { n: 1 });
  await page.getByText('1 receipt number is skipped here, lost with a machine or an old disk or not sent again yet: 3-7KQ2M9XA-15').waitFor();
  await node.post('missing_receipts', { n: 12 });
  await page.getByText('12 receipt numbers are skipped here').waitFor();
  await page.getByText('3-7KQ2M9XA-24 …').waitFor();
  await axe_clean(page, 'missing receipts');
  await page.getByRole('button', { name: 'Français' }).click();
  await page.getByText('12 numéros de ticket manquent ici').waitFor();
  await node.post('missing_receipts', { n: 0 });
  await page.getByText('manquent ici').waitFor({ state: 'detached' });
});

at_chain('a contradiction is an alarm with its evidence', { mock_only: true }, async ({ page, node }) => {
  await node.post('contradiction', {});
  await page.getByText('evidence/store-07-1-4398.txt').waitFor();
  assert.match(await page.locator('tr[data-site=store-07]').textContent(), /contradiction/);
  await axe_clean(page, 'contradiction');
});

at_chain('the recovery report and the list for a person are shown; a manager closes an item with a note', { mock_only: true }, async ({ page, node }) => {
  await node.post('recovery', {});
  await node.post('listed', {});
  const report = page.locator('[data-testid=recovery]');
  await report.waitFor();
  assert.match(await report.textContent(), /20,412/);
  await report.locator('summary').click();
  assert.match(await report.textContent(), /20429–20430/);
  await page.getByText('1 entry of the old machine’s journal not yet taken in').waitFor();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sign_in(page, manager);
  await page.getByText('the receipt that it refunds is not known here').waitFor();
  await axe_clean(page, 'recovery and list');
  assert.equal(await page.getByTestId('recorded').count(), 0);
  await node.post('listed', { recorded: { origin: 'holdfast.example/demo/store-01/2', index: 5 } });
  await page.getByTestId('recorded').getByText('do not ring or book it again').waitFor();
  await page.getByRole('button', { name: 'Dealt with' }).click();
  await page.getByText('A note is needed').waitFor();
  await page.getByPlaceholder('Note: what was done').fill('customer was paid, checked with till 3');
  await page.getByRole('button', { name: 'Dealt with' }).click();
  await page.getByText('the receipt that it refunds is not known here').waitFor({ state: 'detached' });
  const { entries } = await node.state();
  assert.equal(entries[0].body.note, 'customer was paid, checked with till 3');
});

at_chain('a price list that waits is one item, whatever it changes, and hides nothing else; a manager accepts it', { mock_only: true }, async ({ page, node }) => {
  await node.post('listed', {});
  await node.post('held', { counts: [2, 9] });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await sign_in(page, manager);
  await page.getByText('3 items wait for a person').waitFor();
  await page.getByText('the receipt that it refunds is not known here').waitFor();
  const item = (index) => page.locator('li').filter({ hasText: `head-office/1 · ${index}` });
  const products = item(4712).locator('.product');
  assert.equal(await item(4711).locator('.product').count(), 2, 'both products of one entry');
  assert.equal(await item(4711).getByRole('button', { name: 'Accept' }).count(), 1);
  assert.equal(await item(4712).locator('.product:visible').count(), 5);
  assert.match(await products.nth(0).textContent(), /\d → 99\.00$/);
  assert.match(await products.nth(1).textContent(), / VAT \w+ → X$/, 'its VAT code alone');
  assert.match(await products.nth(2).textContent(), / new: 99\.00, VAT \w+$/);
  await item(4712).getByText('and 4 more products').click();
  assert.equal(await item(4712).locator('.product:visible').count(), 9);
  await axe_clean(page, 'a price list that waits');
  await item(4711).getByRole('button', { name: 'Accept' }).click();
  await item(4711).waitFor({ state: 'detached' });
  await page.getByText('2 items wait for a person').waitFor();
  await item(4712).waitFor();
});

at_chain('the chart follows the chosen sites and has a table with the same numbers', {}, async ({ page }) => {
  await page.locator('.u-wrap canvas, .chart canvas').first().waitFor();
  assert.ok((await page.locator('.chart').getAttribute('aria-label')).length > 20);
  const box = rows(page).locator('input[type=checkbox]').first();
  const site = await rows(page).first().getAttribute('data-site');
  if (!(await box.isChecked())) await box.check();
  await until('in the legend', async () => (await page.locator('.legend').textContent()).includes(site));
  await page.getByRole('button', { name: 'Show as table' }).click();
  assert.ok((await page.locator('.scroll thead').first().textContent()).includes(site));
  await axe_clean(page, 'chart as table');
});

at_chain('the page lives on what it knows when its node goes, and finds it again', {}, async ({ page, context }) => {
  await context.setOffline(true);
  await page.getByText('This node does not answer since').waitFor();
  assert.ok((await rows(page).count()) > 0, 'what was known is still there');
  await axe_clean(page, 'node gone');
  await context.setOffline(false);
  await page.getByText('This node does not answer since').waitFor({ state: 'detached' });
});

test('in demo mode, and only there, each site can be destroyed and rebuilt, with a caption of what is proved', { skip: real ? 'needs the mock' : false }, async () => {
  const control = make_demo_control();
  const node = await start_node({ demo: { control: await control.listen() } });
  const device = await new_device(browser);
  try {
    const { page } = device;
    await page.goto(`${node.url}/chain/`);
    await page.getByText('The chain trades.').waitFor();
    const row = page.locator('tr[data-site=head-office]');
    await row.getByRole('button', { name: 'destroy' }).click();
    await row.getByRole('button', { name: 'really?' }).click();
    await page.getByText('The machine of head-office is destroyed').waitFor();
    await row.getByText('machine gone').waitFor();
    await axe_clean(page, 'demo');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
    await row.getByRole('button', { name: 'rebuild' }).click();
    await row.getByRole('button', { name: 'destroy' }).waitFor();
    assert.deepEqual(device.errors, []);
    const plain = await start_node();
    await page.goto(`${plain.url}/chain/`);
    await page.locator('tr[data-site]').first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'destroy' }).count(), 0);
    await plain.stop();
  } finally {
    await device.context.close();
    await node.stop();
    await control.close();
  }
});

at_chain('a site is sealed with one button, and a false alarm is undone in one step, by a manager with PIN and reason', {}, async ({ page, node }) => {
  const panel = page.getByTestId('posture');
  await panel.getByText('Open: links work').waitFor();
  assert.equal(await panel.getByRole('button').count(), 0, 'nothing to press before somebody signs in');
  await page.locator('header button.plain').last().click();
  await sign_in(page, manager);
  await panel.getByRole('button', { name: 'Seal this site' }).click();
  await axe_clean(page, 'sealing');
  await page.locator('dialog button.danger').click();
  await panel.getByText('Sealed: every link of this site has ended. The tills sell on.').waitFor();
  await axe_clean(page, 'a sealed site');
  await until('links to be told as cut', async () => (await panel.locator('xpath=..').locator('.link.up').count()) === 0);
  const reader = await fetch(`${node.url}/v1/posture`).then((answer) => answer.json());
  assert.equal(reader.posture, 'sealed');
  await panel.getByRole('button', { name: 'False alarm: open again' }).click();
  await axe_clean(page, 'unsealing');
  await page.locator('dialog button.primary').click();
  await page.getByText('Say why, and your PIN.').waitFor();
  await page.locator('#posture-reason').fill('the printer was tested');
  await page.locator('#posture-pin').fill('0000');
  await page.locator('dialog button.primary').click();
  await page.locator('dialog .note.alarm').getByText(/PIN is wrong/i).waitFor();
  await page.locator('#posture-pin').fill(manager.pin);
  await page.locator('dialog button.primary').click();
  await panel.getByText('Open: links work').waitFor();
});

at_chain('a seal that came while the dialog was open is not undone unseen: it is asked again, with what it is now', { mock_only: true }, async ({ page, node }) => {
  const panel = page.getByTestId('posture');
  const posture = async () => (await (await fetch(`${node.url}/v1/posture`)).json()).posture;
  await page.locator('header button.plain').last().click();
  await sign_in(page, manager);
  await node.post('posture', { posture: 'guarded' });
  await panel.getByRole('button', { name: 'False alarm: open again' }).click();
  await page.getByTestId('seen').getByText('Guarded: links work').waitFor();
  await page.locator('#posture-reason').fill('the printer was tested');
  await page.locator('#posture-pin').fill(manager.pin);
  await node.post('posture', { posture: 'sealed' });
  await page.locator('dialog button.primary').click();
  await page.locator('dialog .note.alarm').getByText('The posture has changed meanwhile').waitFor();
  assert.equal(await posture(), 'sealed');
  await page.getByTestId('seen').getByText('Sealed: every link').waitFor();
  await page.getByTestId('seen').getByText('lateral movement').waitFor();
  assert.equal(await page.locator('#posture-reason').inputValue(), 'the printer was tested');
  assert.equal(await page.locator('#posture-pin').inputValue(), '', 'the PIN is asked for again');
  await axe_clean(page, 'asked again');
  await page.locator('#posture-pin').fill(manager.pin);
  await page.locator('dialog button.primary').click();
  await panel.getByText('Open: links work').waitFor();
  assert.equal(await posture(), 'open');
});

at_chain('who signs out is signed out when the node says so; until then the page says that it is not done', {}, async ({ page, context, node }) => {
  const header = page.locator('header');
  const note = page.getByTestId('sign-out');
  const signed_in = () => page.evaluate(async () => (await fetch('/v1/session')).status === 200);
  await header.getByRole('button', { name: 'Sign in' }).click();
  await sign_in(page, manager);
  await page.route('**/v1/session', (route) => (route.request().method() === 'DELETE' ? route.abort() : route.continue()));
  await header.getByRole('button', { name: 'Sign out' }).click();
  await note.getByText('You are still signed in').waitFor();
  await axe_clean(page, 'a sign-out that nobody answered');
  await header.getByText(`Manager ${manager.staff}`).waitFor();
  assert.ok(await signed_in());
  await page.unroute('**/v1/session');

  // Another tab of this browser has signed in since: it is that sign-in's cookie now.
  const other = await context.newPage();
  await other.goto(`${node.url}/chain/`);
  await other.locator('header').getByRole('button', { name: 'Sign out' }).waitFor();
  await other.evaluate(async (body) => {
    await fetch('/v1/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  }, manager);
  await other.close();
  await note.getByRole('button').click();
  await note.getByText('has signed in since, in another tab').waitFor();
  await note.getByRole('button').click();
  await header.getByRole('button', { name: 'Sign in' }).waitFor();
  assert.equal(await note.count(), 0);
  assert.ok(!(await signed_in()));
});

at_chain('who signed in meanwhile in another tab is told, and nothing is cut in that name before that person says so', { mock_only: true }, async ({ page, node }) => {
  const header = page.locator('header');
  await header.getByRole('button', { name: 'Sign in' }).click();
  await sign_in(page, manager);
  await header.getByText('Manager 1').waitFor();
  await page.evaluate(async () => {
    const { csrf } = await (await fetch('/v1/session')).json();
    const post = (path, body) => fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }, body: JSON.stringify(body) });
    await post('/v1/staff', { number: '2', name: 'Other', role: 'manager', pin: '2222' });
    await post('/v1/session', { staff: '2', pin: '2222' }); // as another tab does it
  });
  await page.getByRole('button', { name: /^Cut the link/ }).first().click();
  const note = page.getByTestId('another');
  await note.getByText('Manager 2 has signed in meanwhile').waitFor();
  await header.getByText('Manager 2').waitFor();
  assert.equal(await page.getByRole('button', { name: /^(Cut|Heal) the link/ }).count(), 0, 'links are left alone');
  await axe_clean(page, 'another person');
  await note.getByRole('button').click();
  assert.equal(await note.count(), 0);
  await page.getByRole('button', { name: /^Cut the link/ }).first().click();
  await page.getByRole('button', { name: /^Heal the link/ }).first().waitFor();
});

at_chain('an alert that has sealed this site is told with its rule and with what was not done', { mock_only: true }, async ({ page, node }) => {
  await node.post('posture', { posture: 'sealed' });
  const panel = page.getByTestId('posture');
  await panel.getByText('lateral movement').first().waitFor();
  assert.match(await page.getByTestId('seal-proof').textContent(), /Not done: the machine’s packet filter/);
  assert.match(await panel.textContent(), /A manager who signs in can open it again/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
  await axe_clean(page, 'sealed by an alert');
});

for (const language of ['en-GB', 'fr-FR']) {
  at_chain(`axe finds nothing serious on the chain (${language})`, { device: { language } }, async ({ page }) => {
    await axe_clean(page, 'the chain');
    await rows(page).first().locator('button.open').click();
    await axe_clean(page, 'a site’s details');
    await page.locator('header button.plain').last().click();
    await page.locator('#staff').waitFor();
    await axe_clean(page, 'sign in');
    assert.equal(await page.evaluate(() => document.documentElement.lang), language.slice(0, 2));
  });
}
