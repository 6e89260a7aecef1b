// The spare's page in a real browser: the manager's minute. What the spare answers is played here; the spare itself is
// tested in test/e2e/spare.test.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe_clean, launch, new_device, real, start_node } from './lib.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const problem = (status, code, detail) => ({ status, contentType: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: code, status, detail, code }) });

function at_spare(name, device_options, body) {
  test(name, { skip: real ? 'plays its own spare' : false, timeout: 120_000 }, async () => {
    const node = await start_node();
    const device = await new_device(browser, device_options);
    const played = { alive: true, promoted: false, answer: null, typed: [], damage: [], tills: null, size: 48213 };
    try {
      await device.page.route('**/v1/spare', (route) => (played.promoted ? route.fulfill(problem(404, 'http/not_found', '')) : route.fulfill({ json: {
        chain: 'holdfast.example/demo', site: 'store-07', role: 'spare', node: { alive: played.alive, last_heard_at: '2026-11-22T14:03:05Z', silent_seconds: 3 },
        copy: { origin: 'holdfast.example/demo/store-07/1', size: played.size, announced: 48213 }, has_people: true, epoch: 2, ready: played.size > 0 && !played.damage.length && !played.tills,
        problem: played.damage.length ? 'entry 7 cannot be read' : null, tills: { wanted: true, problem: played.tills }, damage: played.damage,
        can_open: played.size > 0 && !played.damage.length } })));
      await device.page.route('**/v1/spare/promote', (route) => {
        played.typed.push(route.request().postDataJSON().code);
        if (played.answer) return route.fulfill(played.answer);
        played.promoted = true;
        return route.fulfill({ json: { promoted: true, has_people: true } });
      });
      await device.page.route('**/v1/safety', (route) => route.fulfill({ json: { origin: 'holdfast.example/demo/store-07/2', provisional: true,
        registering: '0 of 2 mirrors have registered this machine; 0 of 3 are reachable', not_taken_in: 0, missing_receipts: [], damage: [], waits_for: null } }));
      await device.page.goto(`${node.url}/spare/`);
      await device.page.locator('#code').waitFor();
      await body({ page: device.page, played });
      assert.deepEqual(device.errors, [], 'errors on the page');
    } finally {
      await device.context.close();
      await node.stop();
    }
  });
}

at_spare('by keyboard alone: a mistyped code is told by its group, the right one opens the store', {}, async ({ page, played }) => {
  await page.getByRole('heading', { name: 'The store’s machine is alive.' }).waitFor();
  played.alive = false;
  await page.getByRole('heading', { name: 'The store’s machine does not answer.' }).waitFor();
  await axe_clean(page);
  await page.locator('#code').focus();
  played.answer = problem(422, 'keys/mistyped_code', 'Group 3 was mistyped: "AAAAA". Look at that group on the paper again.');
  await page.keyboard.type('7kq2c m9xav aaaaa pprtz');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'Group 3 of the code was mistyped' }).waitFor();
  assert.equal(await page.locator('#code').inputValue(), '7kq2c m9xav aaaaa pprtz', 'what was typed stays, to be put right');
  await axe_clean(page);
  played.answer = problem(409, 'spare/node_alive', '');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'still answers' }).waitFor();
  played.answer = null;
  await page.keyboard.press('Enter');
  await page.getByTestId('promoted').waitFor();
  assert.match(await page.getByTestId('promoted').textContent(), /is the store’s machine now.*500 of the chain’s currency in cash/s);
  await axe_clean(page);
  assert.equal(played.typed.length, 3);
});

at_spare('in French, on a phone: nothing runs out of the page', { language: 'fr-FR', width: 390, height: 844 }, async ({ page, played }) => {
  await page.getByRole('heading', { name: 'Ouvrir le magasin sur cette machine' }).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'fr');
  await axe_clean(page);
  if (process.env.HF_SHOTS) await page.screenshot({ path: `${process.env.HF_SHOTS}/spare-fr-phone.png`, fullPage: true });
  await page.locator('#code').fill('7KQ2C-M9XAV-0V3E1-PPRTZ');
  await page.getByRole('button', { name: 'Ouvrir le magasin' }).click();
  await page.getByTestId('promoted').waitFor();
  assert.deepEqual(played.typed, ['7KQ2C-M9XAV-0V3E1-PPRTZ']);
  await axe_clean(page);
  if (process.env.HF_SHOTS) await page.screenshot({ path: `${process.env.HF_SHOTS}/spare-fr-promoted.png`, fullPage: true });
});

at_spare('whose disk has lost a part of the copy says so, in the language of the page, and that it cannot be opened', {}, async ({ page, played }) => {
  played.damage = [{ origin: 'holdfast.example/demo/store-07/1', first: 7, end: 8 }];
  await page.getByText('Its disk cannot give back a part of the copy').waitFor();
  await page.getByRole('heading', { name: 'This spare is not ready.' }).waitFor();
  await page.getByRole('button', { name: 'Français' }).click();
  await page.getByText('Son disque ne rend plus une partie de la copie').waitFor();
  await page.locator('#message').filter({ hasText: 'telle qu’elle est' }).waitFor();
  await page.locator('#code').fill('7KQ2C-M9XAV-0V3E1-PPRTZ');
  await page.locator('#code').press('Enter');
  assert.ok(await page.getByRole('button', { name: 'Ouvrir le magasin' }).isDisabled());
  assert.deepEqual(played.typed, [], 'the code would open a machine that copies nothing any more');
  await axe_clean(page);
  played.damage = [];
  await page.getByRole('heading', { name: 'Cette machine de secours est prête.' }).waitFor();
  await page.getByRole('button', { name: 'Ouvrir le magasin' }).click();
  await page.getByTestId('promoted').waitFor();
});

at_spare('that has no copy yet cannot be opened, and says what to do', {}, async ({ page, played }) => {
  played.size = 0;
  await page.getByText('It has no copy of the store’s journal yet').waitFor();
  await page.getByText('plug its network cable in again').waitFor();
  await page.locator('#code').fill('7KQ2C-M9XAV-0V3E1-PPRTZ');
  assert.ok(await page.getByRole('button', { name: 'Open the store' }).isDisabled());
});

at_spare('that no till could reach says why', {}, async ({ page, played }) => {
  played.tills = 'the store\'s machine refuses this spare: its name is outside';
  await page.getByText('Tills could not come to this machine: the store\'s machine refuses this spare').waitFor();
  await page.getByRole('heading', { name: 'This spare is not ready.' }).waitFor();
});
