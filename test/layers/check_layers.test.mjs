// Proves that tools/check-layers.mjs can fail: every law of layers.txt is broken here once, on a tree made for it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkFile, checkTree, parseLayers, withoutCommentsAndStrings } from '../../tools/check-layers.mjs';

const tool = fileURLToPath(new URL('../../tools/check-layers.mjs', import.meta.url));
const laws = `# a small house
[rooms]
core/base:
core/till:  core/base
core/stock: core/base
core/fold:  core/base core/till core/stock schema
edge:       core/base core/fold
sim:        core/base core/fold
[files of tests]
_test\\.cc$
_test_support\\.h$
[rooms of tests]
core/fold: sim
[headers of core]
<vector> <fmt/format.h>
[headers of core/base]
<sodium.h>
[headers of tests]
<gtest/gtest.h> <random>
[never in core]
\\bstd::chrono\\b
\\brand\\s*\\(
`;
const layers = parseLayers(laws);
const breaches = (path, source) => checkFile(path, source, layers);

test('a room may be given one header of another, and nothing else of it', () => {
  const narrow = parseLayers(laws.replace('[files of tests]', 'audit: core/base/ids.h schema\n[files of tests]'));
  assert.deepEqual(checkFile('audit/law.h', '#include "core/base/ids.h"\n#include "schema/links_generated.h"\n', narrow), []);
  assert.match(checkFile('audit/law.h', '#include "core/base/bytes.h"', narrow)[0], /audit may not include core\/base/);
  assert.throws(() => parseLayers(laws.replace('[files of tests]', 'audit: core/none/ids.h\n[files of tests]')), /no room/);
});

test('what layers.txt allows passes', () => {
  assert.deepEqual(breaches('core/till/till.h', '#include <vector>\n#include "core/base/ids.h"\n#include "core/till/x.h"\n'), []);
  assert.deepEqual(breaches('core/fold/fold.cc', '#include "schema/events_generated.h"\n#include "core/till/till.h"\n'), []);
  assert.deepEqual(breaches('edge/main.cc', '#include <thread>\n#include "core/fold/fold.h"\n'), []);
});

for (const [name, path, line, says] of [
  ['a domain includes another', 'core/till/till.cc', '#include "core/stock/stock.h"', /core\/till may not include core\/stock/],
  ['a lower room includes a higher', 'core/base/ids.cc', '#include "core/fold/fold.h"', /core\/base may not include core\/fold/],
  ['core includes edge', 'core/fold/fold.cc', '#include "edge/disk.h"', /core\/fold may not include edge/],
  ['core includes sim', 'core/fold/fold.cc', '#include "sim/disk.h"', /core\/fold may not include sim/],
  ['edge includes sim', 'edge/disk.cc', '#include "sim/disk.h"', /edge may not include sim/],
  ['sim includes edge', 'sim/disk.cc', '#include "edge/disk.h"', /sim may not include edge/],
  ['what is not inherited is not allowed', 'edge/disk.cc', '#include "core/till/till.h"', /edge may not include core\/till/],
  ['core takes a header from outside that is not listed', 'core/till/till.cc', '#include <thread>', /may not include <thread>/],
  ['a header is allowed to one room and taken by another', 'core/till/till.cc', '#include <sodium.h>', /may not include <sodium.h>/],
  ['a test header is taken by a source', 'core/till/till.cc', '#include <random>', /may not include <random>/],
  ['a source includes what is for tests', 'core/till/till.cc', '#include "core/till/till_test_support.h"', /is for tests/],
  ['an include that starts from the file itself', 'core/till/till.cc', '#include "till.h"', /no path from src/],
  ['an include by a macro', 'core/till/till.cc', '#include HEADER', /by the macro/],
  ['blanks inside the directive', 'core/till/till.cc', '#  include   "edge/disk.h"', /may not include edge/],
  ['generated headers where the room may not have them', 'core/till/till.cc', '#include "schema/events_generated.h"', /schema/],
  ['core reads a clock', 'core/till/till.cc', 'auto t = std::chrono::system_clock::now();', /never says "std::chrono"/],
  ['core draws a random number', 'core/till/till.h', 'int x = rand ();', /never says "rand \("/],
  ['a file lies in no room', 'lost/lost.cc', '', /in no room/],
]) {
  test(`refused: ${name}`, () => {
    const found = breaches(path, `// first line\n${line}\n`);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0], says);
    if (line) assert.match(found[0], new RegExp(`^src/${path}:2: `));
  });
}

test('tests may use what their section gives them, and no more', () => {
  assert.deepEqual(breaches('core/till/till_test_support.h', '#include <gtest/gtest.h>\n'), []);
  assert.deepEqual(breaches('core/till/till_test.cc', '#include "core/till/till_test_support.h"\n'), []);
  assert.deepEqual(breaches('core/fold/fold_test.cc', '#include <gtest/gtest.h>\n#include "sim/chain.h"\nstd::chrono::seconds s;'), []);
  assert.equal(breaches('core/till/till_test.cc', '#include "sim/chain.h"\n').length, 1);
  assert.equal(breaches('core/fold/fold_test.cc', '#include "edge/disk.h"\n').length, 1);
});

test('words in comments and strings are not what core says', () => {
  const source = '// std::chrono\n/* rand()\n std::chrono */ auto s = "std::chrono \\" rand()"; auto r = R"x(rand() ")x"; char c = \'"\';\n';
  assert.deepEqual(breaches('core/till/till.cc', source), []);
  assert.match(withoutCommentsAndStrings("int n = 1'000; rand('x');"), /1'000; rand\(/);
  assert.equal(breaches('core/till/till.cc', `auto s = "//"; rand();\n`).length, 1);
});

for (const [name, text, says] of [
  ['a line under no heading', 'core/base:\n', /stands under no heading/],
  ['an unknown heading', '[roms]\ncore/base:\n', /stands under no heading/],
  ['a room twice', '[rooms]\ncore/base:\ncore/base:\n', /named twice/],
  ['a room that is none', '[rooms]\ncore/till: core/base\n', /core\/base, which is no room/],
  ['a circle', '[rooms]\na: b\nb: c\nc: a\n', /circle: a -> b -> c -> a/],
  ['a header without brackets', '[headers of core]\nvector\n', /want <header>/],
]) {
  test(`layers.txt itself is refused: ${name}`, () => assert.throws(() => parseLayers(text), says));
}

test('over a whole tree the program ends with 0, with 1 on a breach, with 1 where there is nothing to check', () => {
  const top = mkdtempSync(join(tmpdir(), 'hf-layers-'));
  try {
    const put = (path, text) => {
      mkdirSync(dirname(join(top, path)), { recursive: true });
      writeFileSync(join(top, path), text);
    };
    put('layers.txt', '[rooms]\ncore/base:\nedge: core/base\n[headers of core]\n<vector>\n');
    mkdirSync(join(top, 'src/core/base'), { recursive: true });
    mkdirSync(join(top, 'src/edge'), { recursive: true });
    const run = () => spawnSync('node', [tool, top], { encoding: 'utf8' });
    assert.equal(run().status, 1);
    put('src/core/base/a.h', '#include <vector>\n');
    put('src/edge/b.cc', '#include "core/base/a.h"\n');
    assert.equal(run().status, 0);
    assert.equal(checkTree(top).files, 2);
    put('src/core/base/c.cc', '\n#include "edge/b.h"\n');
    const broken = run();
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, /^src\/core\/base\/c\.cc:2: core\/base may not include edge/);
    rmSync(join(top, 'src/core/base/c.cc'));
    rmSync(join(top, 'src/edge'), { recursive: true });
    assert.match(run().stderr, /the room edge has no folder/);
  } finally {
    rmSync(top, { recursive: true });
  }
});
