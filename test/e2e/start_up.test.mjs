// What a node says when it cannot start, and whom its links refuse.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import tls from 'node:tls';
import { test } from 'node:test';
import { assert, join, newChain, run, waitUntil } from './lib.mjs';

async function refusesToStart(site, pattern) {
  await site.start({ expectEnd: true });
  await waitUntil(`${site.name} to end`, () => site.ended, { seconds: 20, everyMs: 20 });
  assert.notEqual(site.ended.code, 0, site.said);
  assert.equal(site.ended.signal ?? null, null, `it crashed: ${site.said}`);
  assert.match(site.said, pattern);
}

test('a node that cannot start says why', { timeout: 120_000 }, async (t) => {
  const chain = await newChain('start-up');
  const [store, other] = chain.stores;
  const spare = (name) => join(chain.dir, name);

  await t.test('a port in use', async () => {
    await store.start();
    const port = other.port;
    other.port = store.port;
    await refusesToStart(other, new RegExp(`${store.port}.*(in use|taken)|(in use|taken).*${store.port}`, 'i'));
    other.port = port;
  });
  await t.test('a data directory in use', async () => {
    const { dir } = other;
    other.dir = store.dir;
    await refusesToStart(other, /use|lock|another/i);
    other.dir = dir;
    await store.stop();
  });
  await t.test('a data directory with the keys of another site', async () => {
    const mine = spare('keys-aside');
    cpSync(join(store.dir, 'keys'), mine, { recursive: true });
    rmSync(join(store.dir, 'keys'), { recursive: true });
    cpSync(join(other.dir, 'keys'), join(store.dir, 'keys'), { recursive: true });
    await refusesToStart(store, /key|site/i);
    rmSync(join(store.dir, 'keys'), { recursive: true });
    cpSync(mine, join(store.dir, 'keys'), { recursive: true });
  });
  await t.test('a chain file whose signature does not hold', async () => {
    const path = join(store.dir, 'chain.hfc');
    const good = readFileSync(path, 'utf8');
    writeFileSync(path, good.replace('GBP', 'EUR'));
    await refusesToStart(store, /sign/i);
    writeFileSync(path, good);
  });
  await t.test('no data directory at all', async () => {
    const { dir } = store;
    store.dir = spare('nowhere');
    await refusesToStart(store, /./);
    store.dir = dir;
  });
  await t.test('put right, it starts', async () => {
    await store.start();
    assert.equal((await store.about()).site, store.name);
    await store.stop();
  });
  // Not even without codes: those were spent long ago, or there is enrolment-code.
  await t.test('a damaged file of enrolment codes is told by its path, and the store opens', async () => {
    const path = join(store.dir, `${store.name}.enrolment`);
    for (const text of ['', 'holdfast enrolment v1\nsite', 'x'.repeat(10_000)]) {
      writeFileSync(path, text);
      await store.start();
      await waitUntil('it to be logged', () => /"enrolment".*store-01\.enrolment/.test(store.said), { seconds: 5 });
      assert.equal((await store.about()).needs_enrolment, true);
      assert.equal(readFileSync(path, 'utf8'), text, 'it is left for whoever looks into it');
      await store.stop();
    }
  });
});

test('links take nobody whom the chain file does not name', { timeout: 120_000 }, async (t) => {
  const chain = await newChain('wrong-certificate');
  const office = chain.headOffice;
  await office.start();
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(readFileSync(join(chain.path, 'chain.hfc'), 'utf8'))[1]);
  const knock = (options) => new Promise((done) => {
    let heard = 0;
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, minVersion: 'TLSv1.2', ...options }, () => socket.write('hello'));
    const end = (why) => done({ why, heard });
    socket.on('data', (bytes) => { heard += bytes.length; });
    socket.on('error', (error) => end(error.code ?? error.message));
    socket.on('close', () => end('closed'));
    socket.setTimeout(10_000, () => { socket.destroy(); end('silence'); });
  });
  await t.test('a caller without a certificate hears nothing', async () => {
    const answer = await knock({});
    assert.notEqual(answer.why, 'silence');
    assert.equal(answer.heard, 0);
  });
  await t.test('TLS 1.2 is not spoken', async () => {
    assert.notEqual((await knock({ maxVersion: 'TLSv1.2' })).why, 'silence');
  });
  await t.test('bytes that are no TLS at all do no harm', async () => {
    const net = await import('node:net');
    await new Promise((done) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.end(Buffer.alloc(4096, 0x41)));
      socket.on('close', done);
      socket.on('error', done);
      socket.on('data', () => {});
    });
    assert.equal((await office.client.call('GET', '/healthz')).status, 200);
  });
});

test('certificates and chain files that do not hold are refused', { timeout: 120_000 }, async (t) => {
  const chain = await newChain('ceremony');
  const [store] = chain.stores;
  const signed = readFileSync(join(chain.path, 'chain.hfc'), 'utf8');
  await t.test('a chain file that was changed', async () => {
    const path = join(chain.dir, 'changed.hfc');
    writeFileSync(path, signed.replace('GBP', 'EUR'));
    const { code, err } = await run(['site', 'adopt', store.dir, path], { mayFail: true });
    assert.equal(code, 1);
    assert.match(err, /sign/i);
  });
  await t.test('a certificate signed with too few recovery keys', async () => {
    const machine = join(chain.dir, 'machine');
    await run(['site', 'keygen', store.name, '--replacement', '--into', machine]);
    const [key] = chain.recoveryKeys();
    const lone = join(chain.dir, 'lone-key');
    mkdirSync(lone);
    const file = readdirSync(key).find((name) => /private|key/.test(name)) ?? readdirSync(key)[0];
    cpSync(join(key, file), join(lone, file), { recursive: true });
    const { code, err } = await run(['recovery', 'sign', '--chain', join(chain.path, 'chain.hfc'), '--keys', lone, '--request',
      join(machine, `${store.name}.pub.toml`), '--out', join(chain.dir, 'certificates')], { mayFail: true });
    assert.equal(code, 1);
    assert.match(err, /key/i);
  });
});
