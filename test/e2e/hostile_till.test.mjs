// One hostile till device on the shop's network, at its own node: it replays, floods, forges and sends garbage. Nothing is
// accepted that was not signed in, nothing counts twice, and the other tills go on selling. What that costs them is told as a
// ratio (p99 during / p99 before), and not asserted: this machine may be busy with anything.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { assert, claimOf, manager, newChain, newKey, openTill, sell, sleep, write } from './lib.mjs';

const openLine = [{ sku: 'PEN', quantity: '1', unit_price: '1.25', vat: 'S', name: 'Pen', open: true }];
const p99 = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.99)];

test('a hostile till device', { timeout: 240_000 }, async () => {
  const chain = await newChain('hostile-till', { stores: 2 });
  const store = chain.stores[0];
  await store.start();
  await store.enrol({ ...manager });
  const tills = [await openTill(store, 'Till 1'), await openTill(store, 'Till 2')];
  const sellFor = async (till, seconds) => {
    const times = [];
    for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
      const { reply, ms } = await till.sale(openLine);
      assert.equal(reply.ok, true);
      times.push(ms);
      await sleep(15);
    }
    return times;
  };
  const both = async (seconds) => (await Promise.all(tills.map((till) => sellFor(till, seconds)))).flat();
  await both(2);
  const before = await both(6);

  // A device of its own, so a process of its own: what it does must not delay the clock of who measures.
  const device = fork(fileURLToPath(new URL('hostile_device.mjs', import.meta.url)), [store.url, String(store.port)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  device.send({ seen: tills[0].replies[0].write });
  const heard = new Promise((done, fail) => device.once('message', done).once('error', fail).once('exit', (code) => fail(new Error(`the hostile device ended with ${code}`))));
  const saidBefore = tills.flatMap((till) => till.replies).length;
  const during = await both(8);
  device.send({ stop: true });
  const { accepted, answers } = await heard;

  assert.deepEqual(accepted, [], 'nothing was accepted');
  const claim = await claimOf(store);
  const sold = tills.flatMap((till) => till.replies).length;
  assert.equal(claim.sales, sold, 'the journal holds what the two tills sold, once, and nothing else');
  assert.ok(answers.refused > 100 && sold > saidBefore);
  const posture = await store.local().get('/v1/posture');
  assert.equal(posture.posture, 'guarded', 'and the guard has noticed');
  await sell(tills[1], openLine);
  console.log(`other tills' p99: before ${p99(before).toFixed(1)} ms (${before.length} sales), during ${p99(during).toFixed(1)} ms (${during.length} sales), ratio ` +
    `${(p99(during) / p99(before)).toFixed(2)}; ${answers.refused} refused, ${answers.closed} ended without an answer, 0 accepted`);
});

// Whoever has a till's key can say that anything was done before: a prior is only a word.
test('an invented prior makes nobody a manager', { timeout: 120_000 }, async () => {
  const chain = await newChain('invented-prior', { stores: 2 });
  const store = chain.stores[0];
  await store.start();
  await store.enrol({ ...manager });
  const till = await openTill(store, 'Till 1');
  await sell(till, openLine);
  const { origin } = await store.local().get('/v1/about');
  const prior = { origin, index: 1, at: new Date(Date.now() - 60_000).toISOString() };
  const device = store.client.with({ authorization: till.authorization });  // its key, and nobody signed in
  const say = (body) => write(device, { staff: store.session.staff, prior, ...body });
  for (const body of [
    { kind: 'close_listed', id: newKey(), note: 'seen' },
    { kind: 'begin_standby', reason: 'none' },
    { kind: 'list_products', products: [{ sku: 'A', name: 'n', unit_price: '1', vat: 'S', goods: true }] },
  ]) {
    const reply = await say(body);
    assert.equal(reply.ok, false, body.kind);
    assert.equal(reply.problem.code, 'auth/role', body.kind);
  }
  const counted = await say({ kind: 'count', lines: [{ sku: 'PEN', counted: '0' }] });
  assert.equal(counted.ok, true, JSON.stringify(counted.problem));
  const { listed } = await store.local().get('/v1/listed');
  assert.match(JSON.stringify(listed), /auth\/role/, 'it may have happened, and a person looks at it');
});
