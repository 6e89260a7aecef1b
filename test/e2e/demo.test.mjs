// The demo itself, small and on generated trade, as on a machine without ../shared/data; and who may drive its control server.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { Control } from '../../demo/lib/control.mjs';
import { assert, join, top } from './lib.mjs';

test('the whole night at four stores, on generated trade', { timeout: 600_000 }, async () => {
  const dir = join(top, 'build/e2e', `demo-${process.pid}`);
  const child = spawn(process.execPath, [join(top, 'demo/demo.mjs'), '--once'],
    { env: { ...process.env, ONCE: '1', STORES: '4', BASKETS: '1500', THINK_MS: '300', DATA: '/nowhere', HF_DEMO_DIR: dir }, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { out += chunk; });
  const code = await new Promise((done) => child.on('close', done));
  assert.equal(code, 0, out);
  assert.match(out, /Every promise held/);
  assert.doesNotMatch(out, /FAIL/);
  // Every act has left its mark, whatever the table would make of it.
  const { facts } = JSON.parse(readFileSync(join(dir, 'evidence.json'), 'utf8'));
  assert.ok(facts.feed.refused > 100 && facts.feed.taken > 4000, 'the feed takes, and refuses what is spoilt');
  assert.deepEqual([facts.ready, facts.standsBy, facts.takenOver], [1, 1, 1]);
  // Not that the seal came before the last file: on a busy machine who overwrites 20 MB may be done first, and nothing is
  // promised about that race.
  assert.ok(facts.destroyed.all > 60 && facts.destroyed.before <= facts.destroyed.all, 'the attacker overwrites the store');
  assert.ok(facts.alertToSealed.length === 1 && facts.alertToSealed[0] > 0);
  assert.ok(facts.spare.all > 0 && facts.spare.all < 120);
  assert.equal(facts.rejoin.links, facts.rejoin.alone);
  assert.equal(facts.incident.opened, 2, 'one by each seal');
  assert.ok(Number(facts.handback.sales) > 0 && facts.handback.once === 1 && facts.handback.secondTime === 0);
  rmSync(dir, { recursive: true, force: true });
});

test('the control server obeys this chain\'s pages alone', async (t) => {
  const done = [];
  let finish;
  const page = 'http://127.0.0.1:1234';
  const control = new Control({ origins: () => new Set([page]), actions: { destroy: (site) => { done.push(site); return new Promise((ended) => { finish = ended; }); } }, state: () => ({ caption: { en: '', fr: '' }, sites: [] }) });
  const url = new URL(await control.listen(0));
  const call = (method, path, headers = {}) => new Promise((resolve, reject) => {
    const request = http.request({ host: url.hostname, port: url.port, method, path, headers }, (response) => { response.resume(); response.on('end', () => resolve(response)); });
    request.on('error', reject);
    request.end();
  });
  const token = url.pathname;
  await t.test('a wrong token', async () => assert.equal((await call('POST', `/${'0'.repeat(64)}/destroy/store-01`)).statusCode, 401));
  await t.test('another page', async () => assert.equal((await call('POST', `${token}/destroy/store-01`, { origin: 'http://evil.example' })).statusCode, 403));
  await t.test('another name for this machine', async () => assert.equal((await call('GET', `${token}/state`, { host: 'evil.example' })).statusCode, 403));
  await t.test('an action that there is not', async () => assert.equal((await call('POST', `${token}/constructor/store-01`)).statusCode, 404));
  assert.deepEqual(done, []);
  await t.test('a page of the chain', async () => {
    const answer = await call('POST', `${token}/destroy/store-01`, { origin: page });
    assert.equal(answer.statusCode, 202);
    assert.equal(answer.headers['access-control-allow-origin'], page);
    assert.deepEqual(done, ['store-01']);
  });
  await t.test('a second action while one is under way', async () => assert.equal((await call('POST', `${token}/destroy/store-02`)).statusCode, 409));
  finish();
  control.close();
});
