// The verifier must take every honest tree and refuse every forged one, each for its own reason.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Key, leafHash, makeTree, rootOf } from './make_tree.mjs';
import { checkExtends, parseCheckpoint, parseNote, parseVkey, readKeys, tilePath, treeHash, verifyTree } from './verify.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-verifier-'));
after(() => rmSync(scratch, { recursive: true }));
let made = 0;
const newDir = () => join(scratch, `tree-${made++}`);

const origin = 'holdfast.example/acme/store-07/1';
const log = new Key(origin, 1);
const mirrors = ['head-office', 'warehouse', 'store-01'].map((site) => new Key(`holdfast.example/acme/${site}`, 4));
const options = { vkey: log.vkey, cosigners: mirrors.map((m) => m.vkey), quorum: 2 };
const entriesOf = (count, tag = '') => Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}${tag}`));
const tree = (count, more = {}, tag = '') => {
  const dir = newDir();
  makeTree(dir, entriesOf(count, tag), { log, cosigners: mirrors, ...more });
  return dir;
};
const refused = (code, dir, how = options) => assert.throws(() => verifyTree(dir, how), { code });
const edit = (dir, path, change) => writeFileSync(join(dir, path), change(readFileSync(join(dir, path))));
const editNote = (dir, change) => edit(dir, 'checkpoint', (bytes) => change(bytes.toString()));
const filesOf = (dir, below = '') => readdirSync(join(dir, below)).flatMap((name) => {
  const path = join(below, name);
  return statSync(join(dir, path)).isDirectory() ? filesOf(dir, path) : [path];
});

test('honest trees of every shape hold', () => {
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 700]) {
    const got = verifyTree(tree(size), options);
    assert.equal(got.size, size);
    assert.equal(got.origin, origin);
    assert.deepEqual(Object.keys(got.cosigned), mirrors.map((m) => m.name));
    assert.deepEqual(got.root, rootOf(entriesOf(size).map(leafHash)));
  }
});

test('a tree with tiles of two levels above the leaves holds, and each level is checked', () => {
  const dir = tree(65_536 + 300);
  assert.equal(verifyTree(dir, options).size, 65_836);
  for (const path of ['tile/1/000', 'tile/1/001.p/1', 'tile/2/000.p/1']) {
    edit(dir, path, (b) => (b[7] ^= 1, b));
    refused('bad_tile', dir);
    edit(dir, path, (b) => (b[7] ^= 1, b));
  }
  verifyTree(dir, options);
});

test('entries of no bytes and of the most bytes hold', () => {
  const dir = newDir();
  makeTree(dir, [Buffer.alloc(0), Buffer.alloc(65_535, 1), Buffer.alloc(0)], { log, cosigners: mirrors });
  assert.equal(verifyTree(dir, options).size, 3);
});

test('a partial tile may have gone once the full one is there', () => {
  const dir = tree(100);
  const later = tree(300);
  for (const kind of ['entries', '0']) {
    cpSync(join(later, `tile/${kind}/000`), join(dir, `tile/${kind}/000`));
    rmSync(join(dir, `tile/${kind}/000.p`), { recursive: true });
  }
  assert.equal(verifyTree(dir, options).size, 100);
});

test('every flipped bit of every file is refused', () => {
  const dir = tree(300);
  for (const path of filesOf(dir)) {
    const whole = readFileSync(join(dir, path));
    for (let bit = 0; bit < whole.length * 8; bit += path === 'checkpoint' ? 13 : 997) {
      const forged = Buffer.from(whole);
      forged[bit >> 3] ^= 1 << (bit & 7);
      writeFileSync(join(dir, path), forged);
      // Of the note's signature lines, flips that name other keys leave two good cosignatures or none by the log.
      assert.throws(() => verifyTree(dir, { ...options, quorum: 3 }), `${path} bit ${bit}`);
    }
    writeFileSync(join(dir, path), whole);
  }
  verifyTree(dir, { ...options, quorum: 3 });
});

test('every missing, shortened or lengthened file is refused', () => {
  const dir = tree(600);
  for (const path of filesOf(dir)) {
    const whole = readFileSync(join(dir, path));
    writeFileSync(join(dir, path), whole.subarray(0, -1));
    assert.throws(() => verifyTree(dir, options), `${path} shortened`);
    if (!path.includes('.p/')) {
      writeFileSync(join(dir, path), Buffer.concat([whole, Buffer.from('x')]));
      assert.throws(() => verifyTree(dir, options), `${path} lengthened`);
    }
    rmSync(join(dir, path));
    refused('missing', dir);
    writeFileSync(join(dir, path), whole);
  }
});

test('a changed entry is refused, and also with its tile changed to fit', () => {
  const dir = tree(300);
  edit(dir, 'tile/entries/000', (b) => Buffer.from(b.toString('latin1').replace('entry 77', 'entry 78'), 'latin1'));
  assert.throws(() => verifyTree(dir, options), { code: 'bad_leaf', message: /entry 77 / });
  edit(dir, 'tile/0/000', (b) => (leafHash('entry 78').copy(b, 77 * 32), b));
  refused('bad_tile', dir);  // the hash above
  const small = tree(10);
  edit(small, 'tile/entries/000.p/10', (b) => Buffer.from(b.toString('latin1').replace('entry 7', 'entry X'), 'latin1'));
  edit(small, 'tile/0/000.p/10', (b) => (leafHash('entry X').copy(b, 7 * 32), b));
  refused('bad_root', small);
});

test('two entries exchanged are refused', () => {
  const dir = newDir();
  const list = entriesOf(20);
  makeTree(dir, list, { log, cosigners: mirrors });
  const text = readFileSync(join(dir, 'checkpoint'));
  [list[3], list[4]] = [list[4], list[3]];
  makeTree(dir, list, { log, cosigners: mirrors });
  writeFileSync(join(dir, 'checkpoint'), text);
  refused('bad_root', dir);
});

test('a whole other history under the signed checkpoint is refused', () => {
  const dir = tree(300);
  const other = tree(300, {}, ' forged');
  cpSync(join(dir, 'checkpoint'), join(other, 'checkpoint'));
  refused('bad_root', other);
});

test('a checkpoint with a wrong root, or of another size, is refused though it is signed', () => {
  refused('bad_root', tree(10, { root: rootOf([]) }));
  refused('bad_root', tree(600, { size: 512 }));
  refused('missing', tree(10, { size: 11 }));
});

test('a node hash can not pass for an entry', () => {
  // Without the prefixes of RFC 6962, the two nodes below the root would be two entries with the same root.
  const [a, b] = [rootOf(entriesOf(2).map(leafHash)), rootOf([leafHash('entry 2'), leafHash('entry 3')])];
  const honest = rootOf(entriesOf(4).map(leafHash));
  const dir = newDir();
  makeTree(dir, [Buffer.concat([Buffer.from([1]), a]), Buffer.concat([Buffer.from([1]), b])], { log, cosigners: mirrors, root: honest });
  refused('bad_root', dir);
});

test('the log\'s signature must be there, by that key, and right', () => {
  refused('wrong_origin', tree(5), { ...options, vkey: new Key('holdfast.example/acme/store-08/1', 1).vkey });
  refused('not_signed', tree(5), { ...options, vkey: new Key(origin, 1).vkey });
  refused('wrong_origin', tree(5, { origin: 'holdfast.example/acme/store-07/2' }));
  const dir = tree(5);
  editNote(dir, (text) => text.replace(new RegExp(`\u2014 ${origin} .*\n`), ''));
  refused('not_signed', dir);
  const twice = tree(5);  // a second, wrong one beside the right one
  editNote(twice, (text) => text + log.line(Buffer.alloc(64)));
  refused('bad_signature', twice);
});

test('a cosignature is not taken for the log\'s signature, nor the other way', () => {
  const dir = tree(5, { cosigners: [] });
  const both = new Key(origin, 1);
  editNote(dir, (text) => text + both.signature(text.slice(0, text.indexOf('\n\n') + 1)));
  refused('no_quorum', dir, { ...options, quorum: 1 });
  assert.throws(() => parseVkey(log.vkey, 4), { code: 'bad_vkey' });
  assert.throws(() => parseVkey(mirrors[0].vkey, 1), { code: 'bad_vkey' });
});

test('short of the quorum is refused, and one cosigner counts once', () => {
  refused('no_quorum', tree(5, { cosigners: mirrors.slice(0, 1) }));
  refused('no_quorum', tree(5, { cosigners: [mirrors[0], mirrors[0], mirrors[0]] }));
  refused('no_quorum', tree(5, { cosigners: [mirrors[0], new Key(mirrors[1].name, 4), new Key('holdfast.example/acme/x', 4)] }));
  assert.equal(verifyTree(tree(5, { cosigners: mirrors.slice(1) }), options).size, 5);
  assert.equal(verifyTree(tree(5, { cosigners: [] }), { vkey: log.vkey }).size, 5);
});

test('a wrong cosignature by a known key refuses the note, its time included', () => {
  for (const forge of [(blob) => (blob[71 + 4] ^= 1, blob), (blob) => (blob[4 + 7] ^= 1, blob), (blob) => blob.subarray(0, 75)]) {
    const dir = tree(5);
    editNote(dir, (text) => text.replace(/(\u2014 holdfast\.example\/acme\/warehouse )(\S+)/,
      (_, start, blob) => start + forge(Buffer.from(blob, 'base64')).toString('base64')));
    refused('bad_cosignature', dir);
  }
  const of_other_size = tree(5);
  const text6 = parseNote(readFileSync(join(tree(6), 'checkpoint'))).text;
  editNote(of_other_size, (text) => text.replace(/\u2014 holdfast\.example\/acme\/warehouse .*\n/, mirrors[1].cosignature(text6)));
  refused('bad_cosignature', of_other_size);
});

test('what is not a note, a checkpoint or a key is refused', () => {
  const good = 'text\n\n\u2014 k AAAAAAA=\n';
  assert.equal(parseNote(Buffer.from(good)).text, 'text\n');
  assert.equal(parseNote(Buffer.from('a\n\nb\n\n\u2014 k AAAAAAA=\n')).text, 'a\n\nb\n');
  for (const bad of ['', 'text\n', 'text\n\n', good.slice(0, -1), good.replace('\u2014', '-'), good.replace('AAAAAAA=', 'AAAAAAA'),
    good.replace('AAAAAAA=', 'AAAAAAB='), good.replace('AAAAAAA=', 'AAAAAA=='), good.replace(' k ', ' '), good.replace(' k ', ' k+ '),
    good.replace(' k ', ' k\u00a0 '), good.replace('text', 'te\txt'), `${good}\n`])
    assert.throws(() => parseNote(Buffer.from(bad)), { code: 'bad_note' }, JSON.stringify(bad));
  assert.throws(() => parseNote(Buffer.concat([Buffer.from([0xff]), Buffer.from(good)])), { code: 'bad_note' });
  const root = rootOf([]).toString('base64');
  assert.equal(parseCheckpoint(`o\n0\n${root}\n`).size, 0);
  for (const bad of [`o\n0\n${root}`, `o\n00\n${root}\n`, `o\n-1\n${root}\n`, `o\n1e3\n${root}\n`, `\n0\n${root}\n`, `o\n0\n${root}\nmore\n`,
    `o\n0\n${root.slice(4)}\n`, 'o\n0\n'])
    assert.throws(() => parseCheckpoint(bad), { code: 'bad_checkpoint' }, JSON.stringify(bad));
  assert.throws(() => parseVkey(log.vkey.replace(/\+(.)/, (_, c) => `+${c === '0' ? '1' : '0'}`), 1), { code: 'bad_vkey' });
});

test('the examples of the standards hold', () => {
  const key = parseVkey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k', 1);
  assert.equal(key.name, 'example.com/foo');
  assert.equal(tilePath(0, 1_234_067, 256), 'tile/0/x001/x234/067');
  assert.equal(tilePath('entries', 273, 112), 'tile/entries/273.p/112');
  for (const size of [0, 1, 2, 3, 5, 8, 21, 255, 600]) {
    const leaves = entriesOf(size).map(leafHash);
    assert.deepEqual(treeHash(Buffer.concat(leaves), 0, size), rootOf(leaves));
  }
});

test('a later tree extends the earlier one', () => {
  for (const [earlier, later] of [[0, 0], [0, 5], [5, 5], [255, 257], [300, 700]])
    checkExtends(verifyTree(tree(later), options), verifyTree(tree(earlier), options));
});

test('a tree that is shorter, rewritten or another journal does not', () => {
  const older = verifyTree(tree(300), options);
  assert.throws(() => checkExtends(verifyTree(tree(299), options), older), { code: 'shrunk' });
  const list = entriesOf(500);
  list[299] = Buffer.from('rewritten');
  const dir = newDir();
  makeTree(dir, list, { log, cosigners: mirrors });
  assert.throws(() => checkExtends(verifyTree(dir, options), older), { code: 'rewritten', message: /entry 299 / });
  const next = new Key('holdfast.example/acme/store-07/2', 1);
  const other = verifyTree(tree(500, { log: next }), { ...options, vkey: next.vkey });
  assert.throws(() => checkExtends(other, older), { code: 'other_origin' });
  // The older root is recomputed and not taken on trust.
  assert.throws(() => checkExtends(verifyTree(tree(500), options), { ...older, root: rootOf([]) }), { code: 'rewritten' });
});

test('the command line says what it found and how it ended', () => {
  const program = fileURLToPath(new URL('verify.mjs', import.meta.url));
  const run = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  const keys = ['--vkey', log.vkey, '--cosigner', mirrors[0].vkey, '--cosigner', mirrors[1].vkey, '--quorum', '2'];
  const [older, later] = [tree(5), tree(300)];
  const good = run(later, ...keys, '--extends', older, '--json');
  assert.equal(good.status, 0, good.stderr);
  assert.equal(JSON.parse(good.stdout).size, 300);
  assert.equal(JSON.parse(good.stdout).extends.size, 5);
  assert.match(run(later, ...keys).stdout, /^ok holdfast\.example\/acme\/store-07\/1: 300 entries/);
  const shrunk = run(older, ...keys, '--extends', later, '--json');
  assert.equal(shrunk.status, 1);
  assert.equal(JSON.parse(shrunk.stdout).code, 'shrunk');
  assert.match(run(older, '--vkey', log.vkey, '--cosigner', new Key('m', 4).vkey, '--quorum', '1').stdout, /REFUSED .* \(no_quorum\)/);
  for (const bad of [[], [older], ['--vkey', log.vkey], [older, ...keys, '--frobnicate'], [older, '--vkey', log.vkey, '--quorum', 'x'],
    [older, ...keys, '--keys', 'file'], [older, '--keys', 'file', '--cosigner', mirrors[0].vkey]])
    assert.equal(run(...bad).status, 2, bad.join(' '));
  renameSync(join(older, 'checkpoint'), join(older, 'gone'));
  assert.equal(run(older, ...keys).status, 1);
});

test('keys come from a file as an export writes it, quorum included', () => {
  const program = fileURLToPath(new URL('verify.mjs', import.meta.url));
  const run = (...args) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  const file = (text) => {
    const path = newDir();
    writeFileSync(path, text);
    return path;
  };
  const keys = file(`quorum 2\nlog ${log.vkey}\n${mirrors.map((m) => `cosigner ${m.vkey}\n`).join('')}`);
  assert.deepEqual(readKeys(keys), options);
  const good = run(tree(5), '--keys', keys, '--extends', tree(2));
  assert.equal(good.status, 0, good.stdout + good.stderr);
  const one = tree(5, { cosigners: mirrors.slice(0, 1) });
  assert.match(run(one, '--keys', keys).stdout, /^REFUSED .* \(no_quorum\)/);
  assert.equal(run(one, '--keys', keys, '--quorum', '1').status, 0);
  for (const bad of ['', 'quorum 2\n', `log ${log.vkey}\nlog ${log.vkey}\n`, `log ${log.vkey} \n`, `log ${log.vkey}\nquorum two\n`, 'vkey x\n'])
    assert.throws(() => readKeys(file(bad)), { code: 'bad_keys' }, bad);
  assert.match(run(tree(5), '--keys', join(scratch, 'none')).stdout, /^REFUSED .* \(bad_keys\)/);
});
