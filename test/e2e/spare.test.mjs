// The spare (protocol 10; Must show 2 and the spare lines of 10), short: the long trials are in test/trials.
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { overwriteAll } from '../../demo/lib/chain.mjs';
import { assert, milk, newKey, openTill, pen, run, sell, tradingChain, waitUntil } from './lib.mjs';
import { expectOnce, holdsEverything, lineIsDown, promote, spareStatus } from './spare_lib.mjs';

test('a store\'s machine dies with every link cut: its spare opens with the code, sells, and registers by itself', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('spare');
  const [store] = chain.stores;
  const spare = await chain.addSpare(store.name);
  const till = await openTill(store);
  for (let n = 0; n < 4; n++) await sell(till);

  await t.test('it copies what the store\'s machine acknowledges, and both say so', async () => {
    await spare.start();
    await holdsEverything(spare);
    assert.equal((await store.safety()).machines_here, 2);
    const { ready, tills } = await spareStatus(spare);
    assert.deepEqual({ ready, tills }, { ready: true, tills: { wanted: false, problem: null } });
    const told = await run(['spare', 'status', '--data', spare.dir]);
    assert.match(told.out, /: ready/);
    const page = await fetch(`${spare.url}/spare/`);
    assert.equal(page.status, 200, 'the page on which the manager types the code comes with the program');
    assert.match(await page.text(), /<html/);
    assert.equal((await spare.client.call('POST', '/v1/writes', { writes: [] })).status, 503, 'a spare takes no trade');
  });

  await t.test('a wrong code opens nothing, and a mistyped one is told as such', async () => {
    const mistyped = spare.code.slice(0, -1) + (spare.code.endsWith('0') ? '1' : '0');
    const answer = await promote(spare, mistyped);
    assert.equal(answer.status, 422);
    assert.match(answer.body.detail, /Group 4/);
    const other = (await run(['spare', 'keygen', 'store-01', '--into', `${spare.dir}-other`])).out.match(/store-01 (\S+)\s*$/)[1];
    assert.equal((await promote(spare, other)).body.code, 'spare/node_alive');
    assert.equal((await promote(spare, other, { though_heard: true })).body.code, 'keys/wrong_code');
  });

  await t.test('while the machine answers, the right code opens nothing either', async () => {
    assert.equal((await promote(spare, spare.code)).body.code, 'spare/node_alive');
  });

  await t.test('what no mirror has when the machine dies is on the spare', async () => {
    await lineIsDown(chain, store);
    for (let n = 0; n < 8; n++) await sell(till, [pen(), milk('3')]);
    await holdsEverything(spare);
    assert.ok((await store.safety()).cosigned_size + 8 <= (await store.safety()).size);
    await store.kill();
    overwriteAll(store.dir);
    // Its address is not this machine's to listen on.
    const [, port] = readFileSync(join(chain.path, 'chain.hfc'), 'utf8').match(/name = "store-01"[^]*?link_address = "127\.0\.0\.1:(\d+)"/);
    const taken = net.createServer((socket) => socket.destroy());
    await new Promise((listens) => taken.listen(Number(port), '127.0.0.1', listens));
    t.after(() => taken.close());
  });

  await t.test('the manager types the code; the till goes on with its own key, and a PIN works', async () => {
    await waitUntil('the spare to miss the machine', async () => !(await spareStatus(spare)).node.alive);
    assert.deepEqual((await promote(spare, spare.code.toLowerCase().replaceAll('-', ' '))).body, { promoted: true, has_people: true });
    await waitUntil('the spare to serve', async () => (await spare.client.call('GET', '/v1/about')).status === 200);
    till.move(spare.client);
    await sell(till, [pen()]);
    const safety = await spare.safety();
    assert.equal(safety.provisional, true);
    assert.match(safety.registering, /of 2 mirrors have registered/);
    await spare.signIn();
    const [item] = (await spare.session.get('/v1/stock?q=PEN')).products;
    assert.equal(item.sku, 'PEN');
    assert.equal(item.count_wanted, true);
  });

  // It may have been rung at the old machine, or before the till knew: the goods have gone, so the till keeps it and asks on.
  let much;
  await t.test('much cash waits until it is registered, and what comes back as change is no cash', async () => {
    const tenders = [{ kind: 'cash', amount: 62_000 }];
    const lines = [pen('496')];
    const asked = await till.client.call('POST', '/v1/writes', { writes: [{ key: newKey(), staff: till.staff, kind: 'sale', lines, tenders }] });
    const { problem } = asked.body.replies[0];
    assert.equal(problem.code, 'till/provisional_cash');
    assert.equal(problem.status, 503);
    assert.equal((await till.record({ kind: 'sale', lines: [pen('384')], tenders: [{ kind: 'cash', amount: 55_000 }], change: 7000 })).reply.ok, true);
    much = till.sale([pen('496')], { by: 'cash', patienceMs: 250_000 });
    much.catch(() => {});
  });

  await t.test('a power cut of the spare changes nothing', async () => {
    await spare.kill();
    await spare.start();
    assert.equal((await spare.safety()).provisional, true);
    await sell(till, [milk()]);
  });

  await t.test('the line is back: it registers when the mirrors have heard nothing of the old machine for 60 s', async () => {
    await lineIsDown(chain, store, false);
    await waitUntil('it to be registered', async () => !(await spare.safety()).provisional, { seconds: 120 });
    assert.equal((await much).reply.ok, true);
    await spare.cosigned({ seconds: 60 });
    assert.equal(await till.settle(), 0, 'everything is copied elsewhere: the till keeps nothing more');
    await expectOnce(spare, [till]);
    // The old journal's last checkpoint is the spare's: whoever checks it knows that from the registration.
    for (const site of [spare, chain.headOffice]) assert.match((await run(['journal', 'verify', '--data', site.dir])).out, /store-01\/1/);
  });
});

test('with its code, but while mirrors hear the store\'s machine, a spare registers nothing and disturbs nothing', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('spare-stolen');
  const [store] = chain.stores;
  const spare = await chain.addSpare(store.name);
  await spare.start();
  await holdsEverything(spare);
  // A thief takes it out of the store and types the code: it hears nothing, and asks the mirrors.
  await spare.kill();
  const code = `${spare.dir}.typed`;
  writeFileSync(code, `${spare.code}\n`);
  await run(['spare', 'promote', '--data', spare.dir, '--code-file', code]);
  await spare.start();
  const till = await openTill(store);
  await waitUntil('the mirrors to refuse', async () => /has heard/.test((await spare.safety()).registering ?? ''), { seconds: 30 });
  for (let n = 0; n < 5; n++) await sell(till);
  assert.equal((await spare.safety()).provisional, true);
  const safety = await store.cosigned();
  assert.equal(safety.signing, 'signing');
  assert.equal(safety.replaced_by, null);
  const shown = await run(['journal', 'show', '--data', chain.headOffice.dir, '--count', '0'], { mayFail: true });
  assert.doesNotMatch(shown.out, /EpochSealed|RegistrationTaken/, 'no mirror has sealed');
});
