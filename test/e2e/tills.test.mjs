// Tills on the shop's network: TLS under the store's own certificate, and the same till at the node and at its spare, by its
// device key. Real processes, real TLS; Node's own verifier stands in for the browser's.
import { test } from 'node:test';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import net from 'node:net';
import tls from 'node:tls';
import { freePorts, overwriteAll } from '../../demo/lib/chain.mjs';
import { Client } from '../../demo/lib/http.mjs';
import { assert, join, milk, newKey, openTill, pen, run, sell, Till, tradingChain, waitUntil } from './lib.mjs';
import { expectOnce, holdsEverything, promote, spareStatus, untilOnSpare } from './spare_lib.mjs';

async function withTills(site) {
  const port = await freePorts(1);
  site.tills = `127.0.0.1:${port}`;
  site.origin = `https://127.0.0.1:${port}`;
  return site;
}
// A store that runs already, started once more with an address for tills.
async function openToTills(store) {
  await store.stop();
  await withTills(store);
  await store.start();
  await store.signing();
  await store.signIn();
}
const over = (site, ca, headers = {}) => new Client(site.origin, { ca, headers });
const handshake = (port, options) => new Promise((done) => {
  const socket = tls.connect({ host: '127.0.0.1', port, ...options }, () => { done(socket.getProtocol()); socket.destroy(); });
  socket.on('error', (error) => done(error.code ?? error.message));
});

test('a till\'s browser meets the node under the store\'s certificate, and nothing weaker', { timeout: 240_000 }, async (t) => {
  const chain = await tradingChain('tills-tls');
  const [store] = chain.stores;
  await openToTills(store);
  const file = join(chain.dir, 'store.crt');
  const told = await run(['tills', 'certificate', '--data', store.dir, '--out', file]);
  const ca = readFileSync(file, 'utf8');
  const authority = new X509Certificate(ca);
  const port = Number(new URL(store.origin).port);

  await t.test('the fingerprint is the same wherever it is shown', async () => {
    assert.ok(told.out.includes(authority.fingerprint256), told.out);
    assert.equal((await store.about()).store_certificate.sha256, authority.fingerprint256);
    const served = await store.client.call('GET', '/store.crt');
    assert.equal(served.headers['content-type'], 'application/x-x509-ca-cert');
    assert.equal(served.text, ca);
  });

  await t.test('what is signed is what browsers take: P-256, the address, 397 days, and no authority but for private networks', async () => {
    const leaf = await new Promise((done, failed) => {
      const socket = tls.connect({ host: '127.0.0.1', port, ca }, () => { done(new X509Certificate(socket.getPeerCertificate().raw)); socket.destroy(); });
      socket.on('error', failed);
    });
    assert.equal(leaf.publicKey.asymmetricKeyDetails.namedCurve, 'prime256v1');
    assert.equal(leaf.ca, false);
    assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1');
    const lasts = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / 86_400_000;
    assert.ok(lasts <= 398 && lasts > 390, `${lasts} days`);
    assert.equal(leaf.verify(authority.publicKey), true);
    assert.equal(authority.ca, true);
    const text = spawnSync('openssl', ['x509', '-in', file, '-noout', '-text'], { encoding: 'utf8' }).stdout;
    for (const critical of ['Basic Constraints', 'Key Usage', 'Name Constraints']) assert.match(text, new RegExp(`${critical}: critical`));
    assert.match(text, /CA:TRUE, pathlen:0/);
    assert.match(text, /IP:192\.168\.0\.0\/255\.255\.0\.0/);
  });

  await t.test('TLS 1.3 and this certificate alone; plain HTTP and older TLS get nothing', async () => {
    assert.equal(await handshake(port, { ca }), 'TLSv1.3');
    assert.match(await handshake(port, {}), /SELF_SIGNED|UNABLE_TO/);
    assert.match(await handshake(port, { ca, maxVersion: 'TLSv1.2' }), /PROTOCOL_VERSION|ECONNRESET|ALERT/i);
    await assert.rejects(new Client(`http://127.0.0.1:${port}`, { timeoutMs: 3000 }).call('GET', '/v1/about'));
    for (const path of ['store-ca/ca.key', 'store-tls/tls.key']) assert.equal(statSync(join(store.dir, path)).mode & 0o777, 0o600, path);
  });

  await t.test('pages, sign-in and changes work there; other web sites and the administrator\'s token do not', async () => {
    const client = over(store, ca);
    assert.equal((await client.call('GET', '/v1/about')).status, 200);
    const answer = await client.call('POST', '/v1/session', { staff: store.staff.number, pin: store.staff.pin }, { headers: { origin: store.origin, 'sec-fetch-site': 'same-origin' } });
    assert.equal(answer.status, 200);
    assert.match(answer.headers['set-cookie'][0], /HttpOnly; Secure; SameSite=Strict/);
    for (const origin of ['https://evil.example', store.origin.replace('https', 'http')])
      assert.equal((await client.call('POST', '/v1/session', { staff: '1', pin: '1' }, { headers: { origin } })).body.code, 'http/bad_origin', origin);
    assert.equal((await client.call('GET', '/v1/about', undefined, { headers: { host: 'evil.example' } })).status, 421);
    assert.equal((await client.call('GET', '/v1/staff', undefined, { headers: { authorization: `Local ${store.token()}` } })).body.code, 'auth/local');
    const made = await store.session.post('/v1/tills', { name: 'Front' });
    const till = new Till(client, { ...made, staff: store.session.staff });
    await sell(till);
    client.close();
  });

  await t.test('the only manager forgot the PIN: the administrator of the machine gives another', async () => {
    const staff = (words, pin) => {
      const file = join(store.dir, 'pin.txt');
      writeFileSync(file, `${pin ?? ''}\n`);
      return run(['staff', ...words, ...(pin ? ['--pin-file', file] : []), '--data', store.dir], { mayFail: true });
    };
    const signIn = async (pin) => (await store.client.call('POST', '/v1/session', { staff: '7', pin })).status;
    const add = ['add', '7', '--name', 'Ann', '--role', 'manager'];
    assert.equal((await staff(add, '5647382911')).code, 0);
    assert.match((await staff(['list'])).out, /^7 +manager/m);
    assert.equal(await signIn('5647382911'), 200);
    assert.match((await staff(add, '7391846250')).err, /is taken/);
    assert.equal((await staff(['remove', '7'])).code, 0);
    assert.equal(await signIn('5647382911'), 401);
    assert.equal((await staff(add, '7391846250')).code, 0);
    assert.equal(await signIn('7391846250'), 200);
    assert.match((await staff(['remove', '8'])).err, /no staff number/);
  });

  await t.test('one address gets its share of connections, and this machine\'s commands get through', async () => {
    const held = await Promise.all(Array.from({ length: 80 }, () => new Promise((done) => {
      const socket = net.connect(port, '127.0.0.1', () => done(socket));
      socket.on('error', () => {});
      socket.resume();
    })));
    await waitUntil('those beyond the share to be closed', async () => held.filter((socket) => socket.closed || socket.readableEnded || socket.destroyed).length >= 16, { seconds: 10 }).catch((error) => {
      throw new Error(`${error.message}: ${held.filter((socket) => socket.destroyed).length} closed`);
    });
    assert.equal((await store.client.call('GET', '/v1/about')).status, 200);
    for (const socket of held) socket.destroy();
    await waitUntil('the others to get in again', async () => await handshake(port, { ca }) === 'TLSv1.3');
  });

  await t.test('a device with sixteen addresses takes no place from tills, however often it comes', async () => {
    const till = new Till(over(store, ca), { ...await store.session.post('/v1/tills', { name: 'Back' }), staff: store.session.staff });
    await sell(till);
    const held = new Set();
    let opened = 0;
    let going = true;
    const take = (address) => {
      if (!going) return;
      const socket = net.connect({ host: '127.0.0.1', port, localAddress: address });
      held.add(socket);
      opened++;
      socket.on('error', () => {}).on('close', () => { held.delete(socket); setTimeout(take, 5, address); });
      socket.resume();
    };
    const metric = async (name) => Number((await store.client.call('GET', '/metrics')).text.match(new RegExp(`^holdfast_http_${name} (\\d+)`, 'm'))[1]);
    try {
      for (let device = 2; device < 18; ++device)
        for (let place = 0; place < 64; ++place) take(`127.0.0.${device}`);
      await waitUntil('all places to be taken', async () => await metric('connections_open') >= 1024);
      // A till whose connections have ended comes back, and one that has its own keeps it.
      for (let i = 0; i < 10; ++i) {
        const back = over(store, ca, { authorization: till.authorization });
        assert.equal((await back.call('GET', '/v1/tills/me')).status, 200);
        back.close();
        await sell(till);
      }
      assert.ok(await metric('connections_displaced_total') > 0, `${opened} were opened`);
    } finally {
      going = false;
      for (const socket of held) socket.destroy();
      till.site.close();
    }
    await waitUntil('the places to be free', async () => await metric('connections_open') < 100);
  });

  await t.test('readiness knows whether other devices can come', async () => {
    const address = async () => {
      const { checks } = JSON.parse((await run(['ready', '--data', store.dir, '--json'], { mayFail: true })).out);
      return checks.find((check) => check.check === 'address');
    };
    assert.equal((await address()).state, 'care');
    assert.match((await address()).detail, /--tills/);
    await store.stop();
    await store.start({ args: ['--tills-name', '192.168.77.7'] });
    assert.equal((await address()).state, 'good');
    await store.stop();
    await store.start();
  });

  await t.test('a restart keeps the certificate; a name outside the authority is refused in words', async () => {
    await store.stop();
    const before = readFileSync(join(store.dir, 'store-tls/tls.crt'), 'utf8');
    await store.start();
    assert.equal(readFileSync(join(store.dir, 'store-tls/tls.crt'), 'utf8'), before);
    await store.stop();
    const refused = await run(['serve', '--data', store.dir, '--http', '127.0.0.1:0', '--tills', store.tills, '--tills-name', 'tills.example.com'], { mayFail: true });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /was not made for tills\.example\.com.*tills\/name_outside/s);
  });
});

test('the node dies and the spare is opened: the same till goes on there, trusted by the same certificate, by its key', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('tills-spare');
  const [store] = chain.stores;
  await openToTills(store);
  const spare = await withTills(await chain.addSpare(store.name));
  await spare.start();
  await holdsEverything(spare);
  const ca = (await store.client.call('GET', '/store.crt')).text;
  const atNode = over(store, ca);
  const atSpare = over(spare, ca, { origin: store.origin, 'sec-fetch-site': 'same-site' });
  let till;

  await t.test('the spare has a certificate of its own from the node, and no authority', async () => {
    await waitUntil('the spare to be trusted', async () => (await atSpare.call('GET', '/v1/spare')).status === 200);
    assert.equal((await spare.client.call('GET', '/store.crt')).text, ca);
    const { ready, tills } = await spareStatus(spare);
    assert.deepEqual({ ready, tills }, { ready: true, tills: { wanted: true, problem: null } });
    assert.equal(existsSync(join(spare.dir, 'store-ca/ca.key')), false);
    const authorityKey = readFileSync(join(store.dir, 'store-ca/ca.key'), 'utf8').split('\n')[1];
    for (const name of readdirSync(spare.dir, { recursive: true })) {
      let bytes;
      try {
        bytes = readFileSync(join(spare.dir, name));
      } catch (error) {
        if (['EISDIR', 'ENOENT'].includes(error.code)) continue; // a folder; a file that has just got its name
        throw error;
      }
      assert.equal(bytes.includes(authorityKey), false, name);
    }
  });

  await t.test('enrolment tells the till both machines; so does every word about safety, and the page may speak to both alone', async () => {
    await waitUntil('the node to know the spare\'s address', async () => (await store.safety()).machines.length === 2);
    const made = await untilOnSpare(spare, () => store.session.post('/v1/tills', { name: 'Front' }));
    assert.deepEqual(made.machines, [store.origin, spare.origin]);
    till = new Till(atNode, { ...made, staff: store.session.staff });
    assert.deepEqual((await till.client.get('/v1/tills/me')).machines, [store.origin, spare.origin]);
    for (const [client, other] of [[atNode, spare], [over(spare, ca), store]]) {
      const page = await client.call('GET', '/till/');
      assert.equal(page.status, 200);
      assert.ok(page.headers['content-security-policy'].includes(`connect-src 'self' ${other.origin};`), page.headers['content-security-policy']);
    }
  });

  await t.test('a page of the other machine may ask, any other site may not, and never with a cookie', async () => {
    for (const [client, origin] of [[over(spare, ca), store.origin], [over(store, ca), spare.origin]]) {
      const asked = await client.call('OPTIONS', '/v1/writes', undefined, { headers: { origin, 'access-control-request-method': 'POST' } });
      assert.equal(asked.status, 204);
      assert.equal(asked.headers['access-control-allow-origin'], origin);
      assert.match(asked.headers['access-control-allow-headers'], /Authorization/);
      assert.equal(asked.headers['access-control-allow-credentials'], undefined);
      const foreign = await client.call('OPTIONS', '/v1/writes', undefined, { headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } });
      assert.notEqual(foreign.status, 204);
      assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    }
    assert.equal((await atSpare.call('GET', '/v1/safety')).status, 503, 'it waits, and says so to the page');
    const withCookie = over(store, ca, { origin: spare.origin, cookie: store.session.headers.cookie });
    assert.equal((await withCookie.call('GET', '/v1/session')).status, 401);
  });

  await t.test('the node dies; the spare is opened; the till sells there with its own key', async () => {
    for (let n = 0; n < 5; n++) await sell(till);
    await holdsEverything(spare);
    await store.kill();
    overwriteAll(store.dir);
    await waitUntil('the spare to miss the machine', async () => !(await spareStatus(spare)).node.alive);
    assert.equal((await promote(spare, spare.code)).status, 200);
    await waitUntil('the spare to serve under the same certificate', async () => (await atSpare.call('GET', '/v1/about')).status === 200);
    till.move(atSpare);
    await sell(till, [pen()]);
    await till.settle();
    spare.staff = store.staff;
    await expectOnce(spare, [till]);
    assert.equal(statSync(join(spare.dir, 'store-ca/ca.key')).mode & 0o777, 0o600, 'it is the store\'s machine now');
  });

  await t.test('a PIN works at that address without a cookie: a token, good with this till\'s key alone', async () => {
    const answer = await till.client.call('POST', '/v1/session', { staff: store.staff.number, pin: store.staff.pin });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['set-cookie'], undefined);
    const token = { 'x-holdfast-session': answer.body.session };
    const refund = { key: newKey(), kind: 'refund_no_receipt', staff: answer.body.staff_id, reason: 'brought back', lines: [milk()], tenders: [{ kind: 'cash', amount: 85 }] };
    const paid = async (client) => (await client.call('POST', '/v1/writes', { writes: [refund] })).body;
    assert.equal((await paid(till.client)).replies[0].problem.code, 'auth/role');
    assert.equal((await paid(atSpare.with(token))).code, 'auth/needed', 'not without the till');
    const otherTill = await till.client.with(token).ok('POST', '/v1/tills', { name: 'Second' }).catch((error) => error.code);
    assert.equal(typeof otherTill.till, 'number', 'what a manager may do works');
    const second = atSpare.with({ authorization: `Till ${otherTill.till}.${otherTill.device_key}`, ...token });
    assert.equal((await paid(second)).replies[0].problem.code, 'auth/role', 'not at another till');
    assert.equal((await till.client.with({ cookie: `hf_session=${answer.body.session}` }).call('GET', '/v1/session')).status, 401, 'nor as a cookie');
    assert.equal((await paid(till.client.with(token))).replies[0].ok, true);
    assert.equal((await till.client.with(token).call('DELETE', '/v1/session')).status, 204);
    assert.equal((await till.client.with(token).call('GET', '/v1/session')).status, 401);
  });

  await t.test('started again, it shows the same store\'s certificate', async () => {
    await spare.kill();
    await spare.start();
    assert.equal((await over(spare, ca).call('GET', '/store.crt')).text, ca);
    await sell(till, [milk()]);
  });
});

test('what a till rang alone is taken whatever rule has changed since, once, with the number on its paper', { timeout: 240_000 }, async () => {
  const chain = await tradingChain('tills-alone');
  const [store] = chain.stores;
  const till = await openTill(store);
  await sell(till);
  const sale = (n) => ({ key: newKey(), kind: 'sale', staff: till.staff, lines: [pen()], tenders: [{ kind: 'cash', amount: 125 }],
    ...(n ? { alone: { receipt: `${till.number}-0ABCDEFG-${n}`, at: '2026-11-25T20:00:00Z' } } : {}) });
  const send = async (write, client = till.client) => (await client.post('/v1/writes', { writes: [write] })).replies[0];
  assert.equal((await store.local().post('/v1/writes', { writes: [{ key: newKey(), kind: 'begin_standby' }] })).replies[0].ok, true);
  assert.equal((await send(sale())).problem.code, 'standby/stands_by');
  const alone = sale(1);
  const reply = await send(alone);
  assert.equal(reply.ok, true, JSON.stringify(reply));
  assert.equal(reply.receipt, alone.alone.receipt);
  assert.equal((await send(alone)).duplicate, true);
  assert.equal((await till.client.get(`/v1/receipts/${reply.receipt}`)).total, 125);
  const { listed } = await store.local().get('/v1/listed');
  assert.equal(listed.length, 1);
  assert.match(listed[0].reason, /it has happened.*standby\/stands_by/);
  assert.deepEqual(listed[0].from, { till: till.number });
  // What no rule refuses is no matter for a person.
  assert.equal((await store.session.post('/v1/takeover', { key: newKey(), staff: store.staff.number, pin: store.staff.pin, confirm: true })).standby.phase, 'taken over');
  assert.equal((await send(sale(2))).ok, true);
  assert.equal((await store.local().get('/v1/listed')).listed.length, 1);
  // A card number is never kept, another till's number never taken, and money out is no sale.
  for (const spoilt of [{ ...sale(3), alone: { receipt: `${till.number + 1}-0ABCDEFG-3`, at: '2026-11-25T20:00:00Z' } }, { ...sale(3), kind: 'refund_no_receipt', reason: 'x' }])
    assert.equal((await send(spoilt)).problem.code, 'http/bad_value');
});
