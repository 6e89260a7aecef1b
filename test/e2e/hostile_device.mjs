// The hostile device of hostile_till.test.mjs, forked by it: told a sale that it has seen on the network, it replays,
// forges with keys of its own making, guesses and spills garbage at every address of the API until it is told to stop; then it says
// what came back.
//
//   node hostile_device.mjs URL PORT
import net from 'node:net';
import { randomBytes } from 'node:crypto';
import { Client, newKey, sleep } from '../../demo/lib/http.mjs';

const client = new Client(process.argv[2]);
const port = Number(process.argv[3]);
const { seen } = await new Promise((done) => process.once('message', done));
let stopping = false;
process.once('message', () => { stopping = true; });
process.once('disconnect', () => process.exit(1));  // whoever forked it is gone
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
      const answer = await client.call('POST', '/v1/writes', body, { headers: authorization ? { authorization } : {} });
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
        const answer = await client.call('POST', path, body);
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
      const socket = net.connect(port, '127.0.0.1', () => socket.write(garbage[Math.floor(Math.random() * garbage.length)]));
      socket.setTimeout(300, () => socket.destroy());
      socket.on('data', () => {}).on('error', () => {}).on('close', done);
    });
    answers.closed++;
  }
}
await Promise.all([...Array.from({ length: 6 }, forge), guess(), spill(), spill()]);
process.removeAllListeners('disconnect');
process.send({ accepted, answers }, () => process.disconnect());
