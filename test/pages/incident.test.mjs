// The incident page on real nodes: a phone at three in the morning, a tablet, a desk; both languages; axe.
// With HF_SHOTS=DIRECTORY it leaves screenshots there, to be looked at. Skipped only where the program was never built.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Chain, program, top } from '../../demo/lib/chain.mjs';
import { inParallel, newKey, waitUntil } from '../../demo/lib/http.mjs';
import { axe_clean, launch, new_device, real, sign_in, until } from './lib.mjs';

const skip = !existsSync(program) ? `${program} is not built` : real ? 'it starts nodes of its own' : false;
const manager = { number: '1', pin: '7390284615' };
const person = { staff: manager.number, pin: manager.pin };
const shots = process.env.HF_SHOTS;
let browser, chain;

before(async () => {
  if (skip) return;
  browser = await launch();
  mkdirSync(join(top, 'build/e2e'), { recursive: true });
  chain = await Chain.create({ dir: join(top, 'build/e2e', `incident-page-${process.pid}`), stores: 2 });
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (site) => site.start());
  await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
  await inParallel(sites, 4, (site) => site.signing());
});
after(async () => {
  await browser?.close();
  await chain?.stopAll();
  if (chain && !process.env.HF_KEEP) rmSync(chain.dir, { recursive: true, force: true });
});

async function shot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
}
async function write(site, body) {
  const { replies } = await site.session.post('/v1/writes', { writes: [{ key: newKey(), ...body }] });
  assert.ok(replies[0].ok, JSON.stringify(replies[0].problem));
  return replies[0];
}
async function at_page(site, device, body) {
  const opened = await new_device(browser, device);
  try {
    await opened.page.goto(`${site.url}/incident/`);
    await opened.page.locator('[data-testid=posture]').waitFor();
    await body(opened);
    assert.ok(await opened.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'no sideways scrolling');
    assert.deepEqual(opened.errors, [], 'errors on the page');
  } finally {
    await opened.context.close();
  }
}
const small = { width: 360, height: 740, till_layout: true };
async function in_as_manager(page, language = 'en') {
  await page.locator('header').getByRole('button', { name: language === 'en' ? 'Sign in' : 'Connexion' }).click();
  await sign_in(page, person);
  await page.locator('dialog').waitFor({ state: 'detached' });
}

test('on a phone: a manager opens an incident, notes what is known and what is not, gives a task, corrects', { skip, timeout: 180_000 }, async () => {
  const office = chain.headOffice;
  await at_page(office, small, async ({ page }) => {
    await page.getByText('Sign in as a manager to read and write the incident itself.').waitFor();
    assert.equal(await page.locator('[data-testid=timeline]').count(), 0, 'a stranger reads nothing of it');
    assert.match(await page.locator('[data-testid=map]').textContent(), /not enough history/);
    await axe_clean(page, 'the incident page, signed out');
    await in_as_manager(page);
    await page.locator('#open-title').fill('Card 4111 1111 1111 1111');
    await page.getByText('“4111 1111 1111 1111” looks like a card number').waitFor();
    assert.equal(await page.locator('#open-title').inputValue(), 'Card 4111 1111 1111 1111', 'what was typed is not lost');
    assert.ok(await page.getByRole('button', { name: 'Open an incident' }).isDisabled());
    await axe_clean(page, 'a text that may hold a card number');
    await page.locator('#open-title').fill('Tills of two stores show a demand');
    await page.getByRole('button', { name: 'Open an incident' }).click();
    await page.locator('[data-testid=timeline]').waitFor();
    assert.equal(await page.locator('[data-testid=title]').textContent(), 'Tills of two stores show a demand');
    await page.locator('li[data-step=note_discovered]').waitFor();
    await page.locator('li[data-step=inform_authority]').waitFor();

    await page.locator('.thumb button').click();
    await axe_clean(page, 'the form for a note');
    await page.locator('#note-kind').selectOption('discovered');
    await page.locator('#note-text').fill('a cashier saw it');
    await page.getByRole('button', { name: 'Just now' }).click();
    const hoursAgo = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000 - 30 * 3_600_000).toISOString().slice(0, 16);
    await page.locator('#note-from').fill(hoursAgo);
    await shot(page, 'phone-note-en');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await until('the step is gone', async () => (await page.locator('li[data-step=note_discovered]').count()) === 0);
    await page.locator('.thumb button').click();
    await page.locator('#note-kind').selectOption('data_affected');
    await page.locator('#note-knowing').selectOption('not_yet_known');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await until('it is told as not yet known', async () => /not yet known/.test(await page.locator('[data-kind=data_affected]').textContent()));

    const deadline = await page.locator('li[data-step=inform_authority]').textContent();
    await page.getByRole('button', { name: /Correct this note ?: a cashier saw it/ }).click();
    assert.equal(await page.locator('#note-from').inputValue(), hoursAgo, 'what was right stays');
    await page.locator('#note-text').fill('two cashiers saw it');
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('[data-testid=timeline] .gone').getByText('a cashier saw it', { exact: true }).waitFor();
    assert.match(await page.locator('[data-kind=discovered]').textContent(), /two cashiers saw it/);
    assert.equal(await page.locator('li[data-step=inform_authority]').textContent(), deadline, 'a slip of the pen moves no deadline');

    await page.locator('#task-text').fill('call every store by telephone');
    await page.getByRole('button', { name: 'Add task' }).click();
    const task = page.locator('[data-testid=tasks] li').first();
    await task.getByText('call every store by telephone').waitFor();
    await page.locator('li[data-step=own_tasks]').waitFor();
    await task.locator('select').first().selectOption({ label: manager.number });
    await until('it has an owner', async () => (await page.locator('li[data-step=own_tasks]').count()) === 0);
    await task.locator('select').nth(1).selectOption('done');
    await until('it is done', async () => (await page.locator('[data-testid=tasks] li.done').count()) === 1);
    await axe_clean(page, 'an incident on a phone');
    await shot(page, 'phone-incident-en');
  });
});

test('at the other site: the same incident, the cut that was made, and what that site alone opened is joined', { skip, timeout: 180_000 }, async () => {
  const [store] = chain.stores;
  const { incidents } = await chain.headOffice.session.get('/v1/incidents');
  await waitUntil('the store to see it', async () => (await store.session.get('/v1/incidents')).incidents.length === 1, { seconds: 60 });
  await store.session.post('/v1/links/warehouse', { state: 'cut' });
  await write(store, { kind: 'open_incident', title: 'Back-office PC encrypted' });
  await write(store, { kind: 'note_incident', incident: incidents[0].id, note: 'cause', knowing: 'suspected', text: 'an opened attachment', about_from: '2026-11-20T00:00:00Z' });
  await at_page(store, { width: 800, height: 1180, till_layout: true }, async ({ page }) => {
    await in_as_manager(page);
    await page.getByText('Back-office PC encrypted').first().waitFor();
    await page.getByRole('button', { name: 'It is the same incident' }).click();
    await page.getByText('Also called: Back-office PC encrypted').waitFor();
    const timeline = page.locator('[data-testid=timeline]');
    await timeline.getByText('Link cut').first().waitFor();
    await timeline.getByText('an opened attachment', { exact: true }).waitFor();
    assert.equal(await page.locator('[data-testid=map] li').count(), 4, 'every site of the chain has its tile');
    assert.match(await page.locator('[data-site=store-02]').textContent(), /not yet known/, 'a site that is not followed');
    await page.getByRole('button', { name: 'Oldest first' }).click();
    assert.match(await timeline.locator('ol > li').first().textContent(), /Opened by hand|Link cut/);
    await axe_clean(page, 'an incident on a tablet');
    await shot(page, 'tablet-incident-en');
  });
  await store.session.post('/v1/links/warehouse', { state: 'open' });
});

for (const [language, locale] of [['en', 'en-GB'], ['fr', 'fr-FR']]) {
  test(`axe finds nothing serious at a desk and on a phone (${language}), and nothing is left in the other language`, { skip, timeout: 180_000 }, async () => {
    for (const [name, size] of [['desk', { width: 1280, height: 800 }], ['phone', small]]) {
      await at_page(chain.headOffice, { language: locale, ...size }, async ({ page }) => {
        assert.equal(await page.evaluate(() => document.documentElement.lang), language);
        await in_as_manager(page, language);
        await page.locator('[data-testid=timeline]').waitFor();
        const text = await page.locator('main').textContent();
        if (language === 'fr') {
          assert.match(text, /Que faire maintenant/);
          assert.match(text, /Continuez à vendre/, 'what to do next comes in the same language');
          assert.doesNotMatch(text, /not yet known|What to do|Go on selling/);
        } else assert.match(text, /Go on selling/);
        await axe_clean(page, `the incident, ${name}, ${language}`);
        await shot(page, `${name}-${language}`);
        await page.locator('.thumb button').click();
        await page.locator('#note-text').waitFor();
        await axe_clean(page, `the form for a note, ${name}, ${language}`);
        await page.keyboard.press('Escape');
        await page.locator('dialog').waitFor({ state: 'detached' });
      });
    }
  });
}

test('the page lives on what it knows when its node goes; the export is offered', { skip, timeout: 120_000 }, async () => {
  await at_page(chain.headOffice, {}, async ({ page, context }) => {
    await in_as_manager(page);
    await page.locator('.export a').first().waitFor();
    const href = await page.locator('.export a').nth(1).getAttribute('href');
    const answer = await page.evaluate(async (at) => { const r = await fetch(at); return { type: r.headers.get('content-type'), text: await r.text() }; }, href);
    assert.match(answer.type, /text\/html/);
    assert.match(answer.text, /Chronologie/);
    await context.setOffline(true);
    await page.getByText('This node does not answer since').waitFor();
    assert.ok((await page.locator('[data-testid=timeline] ol > li').count()) > 3);
    await context.setOffline(false);
    await page.getByText('This node does not answer since').waitFor({ state: 'detached' });
  });
});

const told = (site, id) => site.session.get(`/v1/incidents/${id}`);
const notes_of = (report) => report.timeline.filter((item) => item.type === 'note').map((item) => item.text);
const shown_title = (page) => page.locator('[data-testid=title]').textContent();

test('a newer incident takes nobody’s place: what is written goes where it was begun, and each form says where', { skip, timeout: 120_000 }, async () => {
  const office = chain.headOffice;
  await at_page(office, small, async ({ page }) => {
    await in_as_manager(page);
    await page.locator('[data-testid=timeline]').waitFor();
    const [shown] = (await office.session.get('/v1/incidents')).incidents;
    const title = await shown_title(page);
    await page.locator('.thumb button').click();
    await page.locator('#note-text').fill('begun before the other one was known');
    const newer = (await write(office, { kind: 'open_incident', title: 'Lorry with tills is missing' })).key;
    await page.locator('[data-testid=others-open]').waitFor();
    assert.equal(await shown_title(page), title, 'it stays the one that was shown');
    assert.ok((await page.locator('dialog [data-testid=into]').textContent()).includes(title));
    await page.getByRole('button', { name: 'Write it down' }).click();
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.ok(notes_of(await told(office, shown.id)).includes('begun before the other one was known'));
    assert.deepEqual(notes_of(await told(office, newer)), []);

    // A task that was begun, and closing, stay with theirs when another is looked at.
    await page.locator('#task-text').fill('call the carrier');
    await page.getByRole('button', { name: 'Close the incident' }).click();
    await page.getByRole('button', { name: /^Lorry with tills is missing/ }).click();
    await until('the other one is shown', async () => (await shown_title(page)) === 'Lorry with tills is missing');
    for (const into of await page.locator('[data-testid=into]').allTextContents()) assert.ok(into.includes(title), into);
    assert.equal(await page.locator('[data-testid=into]').count(), 2);
    await page.getByRole('button', { name: 'Add task' }).click();
    await until('the task is written', async () => (await told(office, shown.id)).tasks.some((task) => task.text === 'call the carrier'));
    assert.equal((await told(office, newer)).tasks.length, 0);
    await page.locator('#closing').fill('words for the first one');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Close the incident' }).click();
    assert.equal(await page.locator('#closing').inputValue(), '', 'the words of one closing go into no other');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await axe_clean(page, 'two open incidents');
    await write(office, { kind: 'close_incident', incident: newer, text: 'it was found' });
  });
});

test('a task whose change was not written shows what is recorded', { skip, timeout: 120_000 }, async () => {
  const office = chain.headOffice;
  await at_page(office, {}, async ({ page }) => {
    await in_as_manager(page);
    await page.locator('#task-text').fill('look at the cameras');
    await page.getByRole('button', { name: 'Add task' }).click();
    const task = page.locator('[data-testid=tasks] li').filter({ hasText: 'look at the cameras' });
    await task.waitFor();
    const [owner, state] = [task.locator('select').first(), task.locator('select').nth(1)];
    const refusal = page.locator('[data-testid=tasks] [role=alert]');
    for (const [field, wanted, recorded, next] of [[owner, { label: manager.number }, '', 'doing'], [state, 'dropped', 'doing', 'done']]) {
      await page.route('**/v1/writes', (route) => route.abort());
      await field.selectOption(wanted);
      await until('it is back', async () => (await field.isEnabled()) && (await field.inputValue()) === recorded);
      await refusal.waitFor();
      await page.unroute('**/v1/writes');
      // What is written takes the word away, so that the next one is its own.
      await state.selectOption(next);
      await until('it is written', async () => (await task.getAttribute('class')).split(' ').includes(next));
      await refusal.waitFor({ state: 'detached' });
      await until('it shows what is recorded', async () => (await state.isEnabled()) && (await state.inputValue()) === next);
    }
  });
});

test('what somebody writes stays when the sign-in ends, and goes on its way when somebody signs in', { skip, timeout: 120_000 }, async () => {
  const office = chain.headOffice;
  await at_page(office, small, async ({ page, context }) => {
    await in_as_manager(page);
    await page.locator('[data-testid=timeline] ol').waitFor();
    const signed_out = async (place) => {
      await context.clearCookies();
      await place.getByTestId('ended').waitFor();
      await until('nothing of the report is shown', async () => (await page.locator('[data-testid=timeline] ol, [data-testid=known], .export').count()) === 0);
    };
    const in_again = async (place) => {
      await place.getByTestId('ended').getByRole('button', { name: 'Sign in' }).click();
      await sign_in(page, person);
      await page.locator('#staff').waitFor({ state: 'detached' });
    };

    await page.locator('.thumb button').click();
    await page.locator('#note-text').fill('half of a sentence');
    const dialog = page.locator('dialog');
    await signed_out(dialog);
    assert.equal(await page.locator('#note-text').inputValue(), 'half of a sentence');
    assert.ok(await page.getByRole('button', { name: 'Write it down' }).isDisabled());
    await page.locator('#note-text').fill('half of a sentence, and the rest');
    await axe_clean(page, 'a note whose writer is signed out');
    await in_again(dialog);
    await page.getByRole('button', { name: 'Write it down' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('[data-testid=timeline]').getByText('half of a sentence, and the rest', { exact: true }).waitFor();

    const tasks = page.locator('[data-testid=tasks]');
    await page.locator('#task-text').fill('ask the carrier');
    await signed_out(tasks);
    assert.equal(await tasks.locator('li').count(), 0, 'the tasks that are written are not shown');
    assert.equal(await page.locator('#task-text').inputValue(), 'ask the carrier');
    await in_again(tasks);
    await page.getByRole('button', { name: 'Add task' }).click();
    await tasks.locator('li').getByText('ask the carrier').waitFor();

    await page.getByRole('button', { name: 'Close the incident' }).click();
    await page.locator('#closing').fill('not over yet');
    await signed_out(page.locator('[data-testid=timeline]'));
    assert.equal(await page.locator('#closing').inputValue(), 'not over yet');
    await in_again(page.locator('[data-testid=timeline]'));
    await page.locator('[data-testid=timeline] ol').waitFor();
    assert.equal(await page.locator('#closing').inputValue(), 'not over yet');

    // Who signs out leaves nothing of it behind.
    await page.locator('#task-text').fill('for nobody else');
    await page.locator('header').getByRole('button', { name: 'Sign out' }).click();
    await page.locator('#task-text').waitFor({ state: 'detached' });
    await in_as_manager(page);
    await page.locator('#task-text').waitFor();
    assert.equal(await page.locator('#task-text').inputValue(), '');
  });
});

test('a seal that came while the return was begun is not undone unseen', { skip, timeout: 180_000 }, async () => {
  const [, store] = chain.stores;
  const order = (posture) => store.session.post('/v1/posture', { posture, ...(posture === 'sealed' ? {} : { reason: 'a test', pin: manager.pin }) });
  const posture = async () => (await store.session.get('/v1/posture')).posture;
  await order('sealed');
  await at_page(store, small, async ({ page }) => {
    await in_as_manager(page);
    const rejoin = page.locator('[data-testid=rejoin]');
    await rejoin.getByTestId('seen').getByText('Sealed: every link').waitFor();
    await page.locator('#rejoin-reason').fill('the machine was cleaned');
    await page.locator('#rejoin-pin').fill(manager.pin);
    await order('open');
    await order('sealed');
    await page.getByRole('button', { name: 'Begin to rejoin' }).click();
    await rejoin.getByText('The posture has changed meanwhile').waitFor();
    assert.equal(await posture(), 'sealed');
    assert.equal(await page.locator('#rejoin-reason').inputValue(), 'the machine was cleaned');
    await axe_clean(page, 'a return that is asked again');
    await page.locator('#rejoin-pin').fill(manager.pin);
    await page.getByRole('button', { name: 'Begin to rejoin' }).click();
    await until('it is rejoining', async () => (await posture()) === 'rejoining');
  });
  await order('sealed');
  await order('open');
});

test('a site that is not heard any more is told by what it said last, and is not green', { skip, timeout: 120_000 }, async () => {
  const [store] = chain.stores;
  await at_page(chain.headOffice, small, async ({ page }) => {
    const tile = page.locator(`[data-testid=map] [data-site=${store.name}]`);
    await until('it is open', async () => /\bopen\b/.test(await tile.getAttribute('class')), 60_000);
    assert.doesNotMatch(await tile.textContent(), /last said/);
    await store.stop();
    await tile.getByText(/last said: open; not heard since \d/).waitFor({ timeout: 30_000 });
    assert.match(await tile.getAttribute('class'), /\bunknown\b/);
    await axe_clean(page, 'a site that is not heard');
  });
  await store.start();
});
