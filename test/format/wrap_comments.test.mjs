// What `make format` does to comments that are too long, and what tools/check-format refuses.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { wrapComments } from '../../tools/wrap-comments.mjs';

const words = (n) => Array.from({ length: n }, (_, i) => `word${i}`).join(' ');
const longest = (text) => Math.max(...text.split('\n').map((line) => [...line].length));
const wordsOf = (text) => text.replaceAll(/^\s*\/\//gm, ' ').split(/\s+/).filter(Boolean);

test('a long comment is broken, no word is lost, and a second pass changes nothing', () => {
  const wrapped = wrapComments(`  // ${words(60)}\nint a;\n`);
  assert.ok(longest(wrapped) <= 120);
  assert.deepEqual(wordsOf(wrapped), [...words(60).split(' '), 'int', 'a;']);
  assert.equal(wrapComments(wrapped), wrapped);
});

test('a label keeps its hanging indent, and what is over flows into the line that goes on', () => {
  const wrapped = wrapComments(`// Errors: ${words(20)}\n//         and then more.\n// After:  nothing.\n`).split('\n');
  assert.equal(wrapped.length, 4);
  assert.match(wrapped[1], /^\/\/ {9}word\d+.* and then more\.$/);
  assert.equal(wrapped[2], '// After:  nothing.');
});

test('what only looks like a label does not hang: its paragraph goes on as it stands', () => {
  const wrapped = wrapComments(`//         SIGTERM and SIGINT: ${words(18)}\n//         what is durable.\n// Errors: none.\n`).split('\n');
  assert.match(wrapped[1], /^\/\/ {9}word\d+.* what is durable\.$/);
  assert.equal(wrapped[2], '// Errors: none.');
});

test('another item, a blank comment line and code behind it stay where they are', () => {
  const source = `// ${words(20)}\n// Shape:  x\n//\nint a;  // ${words(30)}\n// https://example.org/${'a'.repeat(130)}\n`;
  const wrapped = wrapComments(source).split('\n');
  assert.equal(wrapped[2], '// Shape:  x');
  assert.equal(wrapped[3], '//');
  assert.equal(wrapped[4], `int a;  // ${words(30)}`);
  assert.equal(wrapped.length, 7);
});

test('check-format refuses what clang-format would change and lines over 120 characters, and says where', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hf-format-'));
  const file = join(folder, 'a.cc');
  const check = (source) => {
    writeFileSync(file, source);
    return spawnSync(fileURLToPath(new URL('../../tools/check-format', import.meta.url)), [file], { encoding: 'utf8' });
  };
  try {
    assert.equal(check('int a = 1;\n').status, 0);
    const crooked = check('int   a=1;\n');
    assert.equal(crooked.status, 1);
    assert.match(crooked.stderr, /a\.cc:1: clang-format would change this/);
    const wide = check(`// ${words(30)}\nint a = 1;\n`);
    assert.equal(wide.status, 1);
    assert.match(wide.stderr, /a\.cc:1: over 120 characters/);
    assert.equal(check(`// ${'é'.repeat(117)}\n`).status, 0, 'characters count, not bytes');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
