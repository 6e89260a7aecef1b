// Each rule of docs/protocol.md has a number of its own, and whoever names a number means one that is there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../../', import.meta.url));
const read = (path) => readFileSync(top + path, 'utf8');
const rules = [...read('docs/protocol.md').matchAll(/^\*\*(.*)$/gm)].map(([, start]) => start);
const numbers = rules.map((start) => /^\d+\.\d+(?=[ *])/.exec(start)?.[0]);

test('each rule has a number that no other has', () => {
  assert.ok(numbers.length > 100);
  assert.deepEqual(rules.filter((_, i) => !numbers[i]), [], 'without a number: give it the next free one, 13.…');
  assert.deepEqual(numbers.filter((number, i) => numbers.indexOf(number) !== i), [], 'given twice');
});

test('each number that is named is there', () => {
  const files = execFileSync('git', ['ls-files', '-z', '*.md', '*.h', '*.cc', '*.mjs', '*.ts', '*.svelte', '*.fbs', '*.yaml', '*.txt'], { cwd: top, encoding: 'utf8' })
    .split('\0').filter((path) => path && !path.startsWith('test/fuzz/corpus/'));
  const unknown = files.flatMap((path) => [...read(path).matchAll(/\bprotocol (\d+\.\d+)/gi)]
    .filter(([, number]) => !numbers.includes(number)).map(([text]) => `${path}: ${text}`));
  assert.deepEqual(unknown, []);
});
