// One hostile till device on the shop's network, at its own node: it replays, floods, forges and sends garbage. Nothing is
// accepted that was not signed in, nothing counts twice, and the other tills go on selling. What that costs them is told as a
// ratio (p99 during / p99 before), and not asserted: this machine may be busy with anything.
import { test } from 'node:test';
import net from 'node:net';
import { randomBytes } from 'node:crypto';
import { assert, claimOf, manager, newChain, newKey, openTill, sell, sleep } from './lib.mjs';

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

  // What it knows: a sale that it has seen on the network, keys of its own making, and every address of the API.
  const seen = tills[0].replies[0].write;
  let stopping = false;
  const answers = { refused: 0, ok: 0, closed: 0, other: 0 };
  const accepted = [];
  const bodies = [
    () => ({ writes: [{ ...seen }] }),                                              // replayed, without the key of the till
    () => ({ writes: [{ ...seen, key: newKey(), tenders: [{ kind: 'cash', amount: 1 }] }] }),
    () => ({ writes: Array.from({ length: 500 }, () => ({ ...seen, key: newKey() })) }),
  ];
  const authorizations = () => [`Till 1.${randomBytes(32).toString('hex')}`, `Till 99.${'0'.repeat(64)}`, 'Local nonsense', 'Bearer x', '', `Till ${'9'.repeat(400)}`];
  async function forge() {
    while (!stopping) {
      const authorization = authorizations()[Math.floor(Math.random() * 6)];
      const body = bodies[Math.floor(Math.random() * bodies.length)]();
      try {
        const answer = await store.client.call('POST', '/v1/writes', body, { headers: authorization ? { authorization } : {} });
        if (answer.status === 200) accepted.push(answer.text.slice(0, 200));
        answers[answer.status >= 400 && answer.status < 500 ? 'refused' : answer.status === 200 ? 'ok' : 'other']++;
      } catch { answers.closed++; }
    }
  }
  async function guess() {
    while (!stopping) {
      for (const [path, body] of [['/v1/session', { staff: String(Math.floor(Math.random() * 90)), pin: String(Math.floor(1e5 + Math.random() * 8e5)) }],
        ['/v1/enrol', { code: 'AAAA-BBBB-CCCC-DDDD', staff: '7', pin: '123456' }], ['/v1/posture', { posture: 'open', reason: 'please' }], ['/v1/tills', { name: 'mine' }]]) {
        try {
          const answer = await store.client.call('POST', path, body);
          if (answer.status < 400) accepted.push(`${path}: ${answer.text}`);
          answers.refused++;
        } catch { answers.closed++; }
      }
      await sleep(20);
    }
  }
  const garbage = [Buffer.from('GET / HTTP/9.9\r\n\r\n'), randomBytes(4000), Buffer.from(`POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n`),
    Buffer.from(`POST /v1/writes HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`), Buffer.from('\0'.repeat(20_000)),
    Buffer.from(`POST /v1/writes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n${'['.repeat(20_000)}`)];
  async function spill() {
    while (!stopping) {
      await new Promise((done) => {
        const socket = net.connect(store.port, '127.0.0.1', () => socket.write(garbage[Math.floor(Math.random() * garbage.length)]));
        socket.setTimeout(300, () => socket.destroy());
        socket.on('data', () => {}).on('error', () => {}).on('close', done);
      });
      answers.closed++;
    }
  }
  const attack = [...Array.from({ length: 6 }, forge), guess(), spill(), spill()];
  const saidBefore = tills.flatMap((till) => till.replies).length;
  const during = await both(8);
  stopping = true;
  await Promise.all(attack);

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
