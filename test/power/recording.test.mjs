// The images of a power cut against records made by hand.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../../demo/lib/random.mjs';
import { Recording, lucks } from './recording.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-recording-'));
test.after(() => rmSync(scratch, { recursive: true }));

let made = 0;
const operation = (kind, a, data = Buffer.alloc(0)) => {
  const head = Buffer.alloc(24);
  head.write('HFPW', 'latin1');
  head.writeUInt32LE(kind, 4);
  head.writeBigUInt64LE(BigInt(a), 8);
  head.writeBigUInt64LE(BigInt(data.length), 16);
  return Buffer.concat([head, data]);
};
const write = (at, letter, sectors = 1) => operation(1, at * 512, Buffer.alloc(sectors * 512, letter));
const flush = (covers) => operation(2, covers);
function recorded(...operations) {
  const path = join(scratch, `record-${made++}`);
  writeFileSync(path, Buffer.concat(operations));
  return new Recording(path);
}
// The image as letters, a sector each; '.' is what was there before.
function cut(recording, n, luck, { sectors = 8, seed = 1 } = {}) {
  const path = join(scratch, `image-${made++}`);
  writeFileSync(path, Buffer.alloc(sectors * 512, '.'));
  const fd = openSync(path, 'r+');
  recording.replay(fd, 0, recording.durable[n]);
  const sums = recording.replayAtRisk(fd, n, luck, new Random(seed));
  closeSync(fd);
  const bytes = readFileSync(path);
  let text = '';
  for (let at = 0; at < bytes.length; at += 512) {
    assert.ok(bytes.subarray(at, at + 512).every((each) => each === bytes[at]), 'a sector is never mixed');
    text += String.fromCharCode(bytes[at]);
  }
  return { text, ...sums };
}

test('what a flush made durable stays, what came after may go', () => {
  const recording = recorded(write(0, 'a'), write(1, 'b'), flush(2), write(0, 'c'), write(2, 'd'));
  assert.deepEqual(cut(recording, 5, lucks.nothing), { text: 'ab......', whole: 0, torn: 0, lost: 2 });
  assert.deepEqual(cut(recording, 5, () => 'whole'), { text: 'cbd.....', whole: 2, torn: 0, lost: 0 });
});

test('a flush that had not completed before the cut makes nothing durable', () => {
  const recording = recorded(write(0, 'a'), flush(1), write(1, 'b'), flush(3));
  assert.equal(cut(recording, 3, lucks.nothing).text, 'a.......');
  assert.equal(cut(recording, 4, lucks.nothing).text, 'ab......');
});

test('a write that was under way beside a flush is not covered by it', () => {
  const recording = recorded(write(0, 'a'), write(1, 'b'), flush(1));
  assert.equal(cut(recording, 3, lucks.nothing).text, 'a.......');
  assert.deepEqual(recording.atRisk(3), [1]);
});

test('of two unsynced writes of one place either may be the one that is left, and in their order', () => {
  const recording = recorded(write(0, 'a'), write(0, 'b'));
  const seen = new Set();
  for (let seed = 0; seed < 60; seed++) seen.add(cut(recording, 2, lucks.anything, { seed }).text[0]);
  assert.deepEqual([...seen].sort(), ['.', 'a', 'b']);
});

test('a torn write lacks at least one sector, and any may be the one', () => {
  const recording = recorded(write(1, 'x', 4));
  const lacking = new Set();
  for (let seed = 0; seed < 100; seed++) {
    const { text, torn } = cut(recording, 1, lucks['the last one torn'], { seed });
    assert.equal(torn, 1);
    assert.match(text, /^\.[x.]{4}\.\.\.$/);
    assert.notEqual(text, '.xxxx...');
    for (let at = 1; at <= 4; at++) if (text[at] === '.') lacking.add(at);
  }
  assert.equal(lacking.size, 4);
});

test('a disk of larger sectors tears between them only', () => {
  const path = join(scratch, `record-${made++}`);
  writeFileSync(path, write(0, 'x', 16));
  const recording = new Recording(path, 4096);
  const seen = new Set();
  for (let seed = 0; seed < 40; seed++) seen.add(cut(recording, 1, () => 'torn', { sectors: 16, seed }).text);
  assert.deepEqual([...seen].sort(), ['................', '........xxxxxxxx', 'xxxxxxxx........']);
});

test('the same seed tears and loses the same', () => {
  const recording = recorded(...Array.from({ length: 6 }, (_, n) => write(n, 'abcdef'[n])));
  const texts = new Set();
  for (let seed = 0; seed < 20; seed++) {
    assert.deepEqual(cut(recording, 6, lucks.anything, { seed }), cut(recording, 6, lucks.anything, { seed }));
    texts.add(cut(recording, 6, lucks.anything, { seed }).text);
  }
  assert.ok(texts.size > 10);
});

test('a record that is cut short, or no record, is refused', () => {
  assert.throws(() => recorded(write(0, 'a').subarray(0, 100)), /ends inside an operation/);
  assert.throws(() => recorded(write(0, 'a'), Buffer.alloc(10)), /ends inside an operation/);
  assert.throws(() => recorded(Buffer.alloc(24)), /no operation at 0/);
  assert.throws(() => recorded(flush(7)), /comes after it/);
});
