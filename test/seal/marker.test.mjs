// What the seal helper says when its marker cannot be kept or taken away: a seal that a power cut would open is no secret.
import { after, test } from 'node:test';
import { mkdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { top } from '../../demo/lib/chain.mjs';
import { waitUntil } from '../../demo/lib/http.mjs';
import { missing, Namespaces } from './namespaces.mjs';

const lacking = missing();
const ask = (socket, verb) => new Promise((done, failed) => {
  let said = '';
  net.connect(socket, function () { this.write(`${verb}\n`); }).on('data', (bytes) => { said += bytes; }).on('end', () => done(said.trim())).on('error', failed);
});

test('the seal and its marker', { skip: lacking ?? false, timeout: 120_000 }, async (t) => {
  const dir = join(top, 'build/e2e', `marker-${process.pid}`);
  mkdirSync(join(dir, 'a directory'), { recursive: true });
  const ns = new Namespaces((process.pid + 77) % 200);
  after(async () => {
    await ns.remove();
    rmSync(dir, { recursive: true, force: true });
  });
  const conf = join(dir, 'sealer.conf');
  writeFileSync(conf, `shop shop0\ninside ${ns.till4}\nuser root\n`, { mode: 0o644 });
  const helper = async (marker) => {
    const socket = join('/tmp', `hf-marker-${process.pid}-${Math.random().toString(16).slice(2)}.sock`);
    const child = ns.spawn(ns.site, join(top, 'build/release/src/holdfast-sealer'), ['--config', conf, '--socket', socket, '--marker', marker]);
    await waitUntil('the helper', () => child.said.includes('listening'));
    return (verb) => ask(socket, verb);
  };
  await t.test('kept: sealed and open, and the marker comes and goes', async () => {
    const marker = join(dir, 'sealed');
    const say = await helper(marker);
    assert.equal(await say('seal'), 'ok sealed');
    assert.ok(existsSync(marker));
    assert.equal(await say('seal'), 'ok sealed', 'twice is no harm');
    assert.equal(await say('unseal'), 'ok open');
    assert.ok(!existsSync(marker));
    assert.equal(await say('unseal'), 'ok open', 'without a marker, too');
  });
  await t.test('where it cannot be written, the seal holds and says that it is not kept', async () => {
    const say = await helper(join(dir, 'nowhere', 'sealed'));
    assert.match(await say('seal'), /^ok sealed, not kept over a restart: .*nowhere/);
    assert.equal(await say('status'), 'ok sealed');
    assert.equal(await say('unseal'), 'ok open');
  });
  await t.test('where it cannot be taken away, nobody is told that the site stays open', async () => {
    const say = await helper(join(dir, 'a directory'));
    assert.match(await say('unseal'), /^no the filter is taken away, and yet the next restart would seal again: /);
    assert.equal(await say('status'), 'ok open');
  });
});
