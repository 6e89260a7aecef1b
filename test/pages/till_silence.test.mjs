// The till when its node is silent, rebuilt or rolled back, and when nothing of it is copied: no sale lost, none doubled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { at_till, till_and_n } from './at_till.mjs';
import { axe_clean, basket_lines, next_customer, opens_alone, pay_alone, pay_cash, receipt_number, safety_text, scan, tile_sku, until } from './lib.mjs';

at_till('the node goes down: sales wait here, survive a reload, and are taken exactly once when it is back', {}, async ({ page, context, node }) => {
  await page.locator('.tile').nth(0).click();
  await pay_cash(page);
  const first = await receipt_number(page);
  await next_customer(page);
  const codes = [await tile_sku(page, 1), await tile_sku(page, 2)];
  await opens_alone(page);
  await context.setOffline(true);
  await until('the node does not answer', async () => /does not answer/.test(await safety_text(page)));
  for (const code of codes) {
    await scan(page, code);
    await basket_lines(page).first().waitFor();
    await pay_alone(page);
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
    await pay_alone(page);
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
  await page.locator('#enrol-code').waitFor();
  await axe_clean(page, 'enrolment of the site');
  await page.locator('#enrol-code').fill(node.enrol_code);
  await page.locator('#enrol-staff').fill('1');
  await page.locator('#enrol-pin').fill('8080');
  await page.locator('#enrol-again').fill('8080');
  await page.locator('#enrol-again').press('Enter');
  await page.locator('#till-name').waitFor();
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

at_till('a day without a copy elsewhere: since when is said, and the sales are offered as a file that a node takes', { mock_only: true }, async ({ page, context, node }) => {
  await until('copied', async () => /copied to/.test(await safety_text(page)));
  await opens_alone(page);
  await context.setOffline(true);
  await until('down', async () => /does not answer/.test(await safety_text(page)));
  for (let i = 0; i < 2; i++) {
    await page.locator('.tile').nth(i).click();
    await pay_alone(page);
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

at_till('a hundred thousand unconfirmed sales: they fit, the till opens with them and sells on', { mock_only: true, timeout: 300_000 }, async ({ page, context }) => {
  const count = 100_000;
  await opens_alone(page);
  await context.setOffline(true);
  await until('down', async () => /does not answer/.test(await safety_text(page)));
  for (let i = 0; i < 5; i++) await page.locator('.tile').nth(i).click();
  await pay_alone(page);
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

at_till('an act whose answer was lost is not called undone: nobody knows', { mock_only: true }, async ({ page, context }) => {
  await context.route('**/v1/staff', async (route) => {
    await route.fetch(); // the node takes it, and its answer does not arrive
    await route.abort('connectionreset');
  });
  await page.getByRole('button', { name: 'Staff', exact: true }).click();
  const add = async () => {
    await page.locator('#new-number').fill('31');
    await page.locator('#new-name').fill('Robin');
    await page.locator('#new-pin').fill('3131');
    await page.locator('#new-pin').press('Enter');
  };
  await add();
  await page.getByRole('alert').filter({ hasText: 'Whether it was taken is not known' }).waitFor();
  await axe_clean(page, 'an act that nobody answered');
  await context.unroute('**/v1/staff');
  await add();
  await page.getByRole('alert').filter({ hasText: 'this number is taken' }).waitFor();
});
