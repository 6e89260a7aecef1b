// A seed gives the same states without optimisation, with it, and under a sanitizer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const top = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const states = (preset, args) => execFileSync(join(top, 'build', preset, 'src/holdfast-sim'), args, { encoding: 'utf8' })
  .split('\n').filter((line) => /: state /.test(line));

for (const [what, args] of [['Ed25519', []], ['a keyed hash', ['--stand-in']]])
  test(`release, debug and asan give the same states, signed with ${what}`, (t) => {
    const all = [...args, '--seed', '1', '--seeds', '4', '--states'];
    const release = states('release', all);
    assert.equal(release.length, 4);
    for (const line of release) t.diagnostic(line);
    for (const preset of ['debug', 'asan']) assert.deepEqual(states(preset, all), release, preset);
  });
