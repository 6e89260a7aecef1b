// The seal helper by itself: what it says when its marker cannot be kept or taken away (a seal that a power cut would open is no
// secret), who may ask it, and what it does when somebody takes its rules away.
import { after, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { top } from '../../demo/lib/chain.mjs';
import { waitUntil } from '../../demo/lib/http.mjs';
import { missing, Namespaces } from './namespaces.mjs';

const lacking = missing();
const program = join(top, 'build/release/src/holdfast-sealer');
const ask = (socket, verb) => new Promise((done, failed) => {
  let said = '';
  net.connect(socket, function () { this.write(`${verb}\n`); }).on('data', (bytes) => { said += bytes; }).on('end', () => done(said.trim())).on('error', failed);
});

test('the seal and its marker', { skip: lacking ?? false, timeout: 120_000 }, async (t) => {
  const dir = join(top, 'build/e2e', `marker-${process.pid}`);
  mkdirSync(join(dir, 'a directory'), { recursive: true });
  const sockets = mkdtempSync(join(tmpdir(), 'hf-marker-'));  // a socket's path holds 107 bytes
  chmodSync(sockets, 0o755);  // strangers are kept out by the socket's own mode
  const ns = new Namespaces((process.pid + 77) % 200);
  after(async () => {
    await ns.remove();
    for (const made of [dir, sockets]) rmSync(made, { recursive: true, force: true });
  });
  const conf = join(dir, 'sealer.conf');
  writeFileSync(conf, `shop shop0\nshop nowhere0\ninside ${ns.till4}\nuser root\n`, { mode: 0o644 });
  const helper = async (marker) => {
    const socket = join(sockets, Math.random().toString(16).slice(2));
    const child = ns.spawn(ns.site, program, ['--config', conf, '--socket', socket, '--marker', marker]);
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
  await t.test('rules that a firewall loaded anew takes away are put back, until it is asked to open', async () => {
    const say = await helper(join(dir, 'sealed'));
    assert.equal(await say('seal'), 'ok sealed');
    const another = await helper(join(dir, 'another'));  // takes the rules away without this one's knowledge, as a firewall does
    assert.equal(await another('unseal'), 'ok open');
    await waitUntil('the rules to be back', async () => (await another('status')) === 'ok sealed', { seconds: 10 });
    assert.equal(await another('unseal'), 'ok open');
    assert.equal(await say('status'), 'ok sealed', 'looked at before an answer');
    assert.equal(await say('unseal'), 'ok open');
    await new Promise((done) => setTimeout(done, 1500));
    assert.equal(await say('status'), 'ok open');
  });
  await t.test('asked from the command line; nobody but its user and root gets a word in', async () => {
    const socket = join(sockets, 'ask');
    const child = ns.spawn(ns.site, program, ['--config', conf, '--socket', socket, '--marker', join(dir, 'asked')]);
    await waitUntil('the helper', () => child.said.includes('listening'));
    assert.match(child.said, /^shop nowhere0: there is no such interface now$/m);
    const typed = (verb, ids = {}) => spawnSync(program, ['--ask', verb, '--socket', socket], { encoding: 'utf8', ...ids });
    assert.deepEqual([typed('seal').stdout, typed('status').stdout], ['ok sealed\n', 'ok sealed\n']);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    const stranger = typed('unseal', { uid: 65534, gid: statSync(socket).gid });
    assert.equal(stranger.status, 1);
    assert.match(stranger.stderr, /nobody answers/);
    assert.equal(typed('status').stdout, 'ok sealed\n');
    assert.equal(typed('unseal').status, 0);
    assert.equal(typed('open').status, 1);
  });
  await t.test('a file that names nobody who may ask starts nothing', () => {
    const empty = join(dir, 'empty.conf');
    writeFileSync(empty, '# nothing yet\n', { mode: 0o644 });
    const { status, stderr } = spawnSync(program, ['--config', empty, '--socket', join(dir, 'never')], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /nobody may ask: write a line "user holdfast"/);
  });
  await t.test('where it cannot be taken away, nobody is told that the site stays open', async () => {
    const say = await helper(join(dir, 'a directory'));
    assert.match(await say('unseal'), /^no the filter is taken away, and yet the next restart would seal again: /);
    assert.equal(await say('status'), 'ok open');
  });
});
