// Must show 2 and 4 in full: `make spare-trials`. A script in the manager's place; every figure is printed.
import { readFileSync, writeFileSync, mkdirSync, cpSync } from 'node:fs';
import { test } from 'node:test';
import { markDirectory, overwriteAll } from '../../demo/lib/chain.mjs';
import { assert, inParallel, join, milk, openTill, pen, run, sell, sleep, tradingChain, waitUntil } from '../e2e/lib.mjs';
import { expectOnce, holdsEverything, lineIsDown, promote, spareStatus, untilOnSpare } from '../e2e/spare_lib.mjs';

const trials = Number(process.env.HF_TRIALS ?? 20);
const minutes = Number(process.env.HF_MINUTES ?? 60);
const stores = Number(process.env.HF_STORES ?? 20);
const atOnce = 5;  // stores in one chain: as many processes as two cores bear
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
const told = (name, values) => console.log(`  ${name.padEnd(34)} median ${median(values).toFixed(2)} s, worst ${Math.max(...values).toFixed(2)} s, of ${values.length}`);

// One store, from trade to the next sale on its spare. Seconds of each part.
async function trial(chain, store, n) {
  const spare = chain.spares.get(store.name);
  const till = await untilOnSpare(spare, () => openTill(store));  // one enrolled less than half a second before is enrolled there again
  for (let i = 0; i < 10; i++) await sell(till);
  // Every second trial: nothing leaves the store any more, so what comes now is on the machine, its spare, and in the till.
  if (n % 2) await lineIsDown(chain, store);
  for (let i = 0; i < 10; i++) await sell(till, [pen(), milk('3')]);
  await holdsEverything(spare);
  const last = await till.send({ kind: 'sale', key: 'f'.repeat(24) + String(n).padStart(8, '0'), staff: till.staff,
    lines: [{ sku: 'PEN', quantity: '1', unit_price: '1.25', vat: 'S' }], tenders: [{ kind: 'cash', amount: 125 }] });
  await store.kill();   // right behind the last acknowledgement
  overwriteAll(store.dir);
  till.replies.push({ write: last.write, reply: last.reply });
  till.kept.set(last.write.key, { write: last.write, reply: last.reply });
  const dead = performance.now();
  await waitUntil('the spare to miss the machine', async () => !(await spareStatus(spare)).node.alive, { everyMs: 50 });
  const detected = performance.now();
  const answer = await promote(spare, spare.code);
  assert.equal(answer.status, 200, answer.text);
  await waitUntil('the spare to serve', async () => (await spare.client.call('GET', '/v1/about')).status === 200, { everyMs: 20 });
  const promoted = performance.now();
  // The till after a reload of its page: all it has is what lay in its storage.
  const stored = JSON.parse(JSON.stringify({ replies: till.replies, kept: [...till.kept] }));
  till.replies = stored.replies;
  till.kept = new Map(stored.kept);
  till.move(spare.client);
  await till.settle({ resend: true });
  await sell(till, [pen()]);
  const sold = performance.now();
  await expectOnce(spare, [till]);
  return { detection: (detected - dead) / 1000, promotion: (promoted - detected) / 1000, tills: (sold - promoted) / 1000, all: (sold - dead) / 1000 };
}

test(`${trials} stores die, and sell on their spares`, { timeout: 3_600_000 }, async () => {
  const results = [];
  while (results.length < trials) {
    const count = Math.max(2, Math.min(atOnce, trials - results.length));
    const chain = await tradingChain(`trials-${results.length}`, { stores: count });
    for (const store of chain.stores) {
      const spare = await chain.addSpare(store.name);
      await spare.start();
      await holdsEverything(spare);
    }
    // One after the other: each is a store's whole machine, and these share two cores.
    for (const store of chain.stores.slice(0, trials - results.length)) results.push(await trial(chain, store, results.length));
    await chain.stopAll();
  }
  console.log('machine dead -> next sale on the spare:');
  for (const part of ['detection', 'promotion', 'tills', 'all']) told(part, results.map((each) => each[part]));
  console.log('  acknowledged sales missing 0, doubled 0');
  assert.ok(Math.max(...results.map(({ all }) => all)) < 120);
});

test(`the old machine lives and is cut off: both sell for ${minutes} minutes`, { timeout: (minutes + 10) * 60_000 }, async () => {
  const chain = await tradingChain('both-sell');
  const [store] = chain.stores;
  const spare = await chain.addSpare(store.name);
  await spare.start();
  await holdsEverything(spare);
  const left = await untilOnSpare(spare, () => openTill(store, 'Till 1')), right = await untilOnSpare(spare, () => openTill(store, 'Till 2'));
  for (let i = 0; i < 5; i++) await sell(left), await sell(right);
  await holdsEverything(spare);
  // Cut off from its spare first, and then from everybody: the cable of the back office.
  await spare.kill();
  for (const { site } of (await store.local().get('/v1/links')).links) await store.cut(site);
  const typed = `${spare.dir}.typed`;
  writeFileSync(typed, `${spare.code}\n`);
  await run(['spare', 'promote', '--data', spare.dir, '--code-file', typed]);
  spare.command = ['spare', 'serve', '--links', 'none', '--node', '127.0.0.1:9'];
  await spare.start();
  right.move(spare.client);
  const end = Date.now() + minutes * 60_000;
  while (Date.now() < end) {
    await Promise.all([sell(left), sell(right, [milk()])]);
    await sleep(Math.min(1000, Math.max(50, minutes * 15)));
  }
  await waitUntil('the spare to be registered', async () => !(await spare.safety()).provisional, { seconds: 180 });
  for (const { site } of (await store.local().get('/v1/links')).links) await store.heal(site);
  await waitUntil('the old machine to stop', async () => (await store.safety()).signing === 'stopped', { seconds: 60 });
  await waitUntil('its tail to be taken in', async () => (await store.safety()).not_taken_in === 0, { seconds: 60 });
  left.move(spare.client);
  const { listed } = await spare.local().get('/v1/listed');
  await expectOnce(spare, [left, right]);
  console.log(`  both sold for ${minutes} min: ${left.replies.length} at the old machine, ${right.replies.length} at the spare; all in the new epoch once; on the list: ${listed.length}`);
  assert.equal((await spare.safety()).not_taken_in, 0);
});

test(`${stores} stores are destroyed and reopened with one signed list`, { timeout: 3_600_000 }, async () => {
  const chain = await tradingChain('many', { stores });
  const tills = [];
  for (const store of chain.stores) {
    const till = await openTill(store);
    for (let i = 0; i < 5; i++) await sell(till);
    tills.push(till);
  }
  for (const store of chain.stores) await store.cosigned();
  for (const store of chain.stores) {
    await store.kill();
    overwriteAll(store.dir);
  }
  const began = performance.now();
  const requests = join(chain.dir, 'requests'), certificates = join(chain.dir, 'certificates');
  mkdirSync(requests);
  let steps = 0;
  for (const store of chain.stores) {
    store.oldDirs.push(store.dir);
    store.dir = join(chain.dir, 'rebuilt', store.name);
    mkdirSync(join(chain.dir, 'rebuilt'), { recursive: true });
    await run(['site', 'keygen', store.name, '--replacement', '--into', store.dir]);
    markDirectory(store.dir);
    cpSync(join(store.dir, `${store.name}.pub.toml`), join(requests, `${store.name}.pub.toml`));
    steps += 2;  // make keys, carry the file
  }
  const keysMade = performance.now();
  const signed = await run(['recovery', 'sign', '--chain', join(chain.path, 'chain.hfc'), ...chain.recoveryKeys().flatMap((key) => ['--keys', key]),
    '--requests', requests, '--out', certificates]);
  steps += 1;
  const listSigned = performance.now();
  // With 3 mirrors two must be there: head office and warehouse are.
  await inParallel(chain.stores, 2, async (store) => {
    store.code = new RegExp(`${store.name} (\\S+)\\s*$`, 'm').exec(signed.out.slice(signed.out.indexOf('Enrolment code')))?.[1];
    await run(['site', 'rebuild', store.name, '--into', store.dir, '--chain', join(chain.path, 'chain.hfc'),
      '--certificate', join(certificates, `${store.name}.certificate`)]);
    await store.start();
    steps += 3;  // carry certificate and chain file, rebuild, start
  });
  const opened = performance.now();
  for (const [i, store] of chain.stores.entries()) {
    await store.signing();
    await store.enrol();
    tills[i].enter({ ...(await store.session.post('/v1/tills', { name: 'Till 1', till: tills[i].number })), staff: store.session.staff, session: store.session });
    await sell(tills[i]);
    steps += 2;  // enrolment code, the till's number
  }
  const selling = performance.now();
  const seconds = (from, to) => ((to - from) / 1000).toFixed(1);
  console.log(`  ${stores} stores: keys ${seconds(began, keysMade)} s, one ceremony ${seconds(keysMade, listSigned)} s, rebuilt and started ${seconds(listSigned, opened)} s, ` +
    `enrolled and selling ${seconds(opened, selling)} s; all ${seconds(began, selling)} s; human steps ${steps} (${((steps - 1) / stores).toFixed(0)} a store and 1 ceremony)`);
  for (const [i, store] of chain.stores.entries()) {
    const totals = (await store.local().get('/v1/totals')).sites.find(({ site }) => site === store.name);
    assert.equal(totals.sales, tills[i].replies.length, store.name);
  }
  assert.ok(readFileSync(join(certificates, `${chain.stores[0].name}.certificate`), 'utf8').includes('take longest'));
});
