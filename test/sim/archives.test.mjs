// The program, the simulator and its planted bugs: who links which archive of core.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const build = join(dirname(fileURLToPath(import.meta.url)), '../../build/release');
const simulator = join(build, 'src/holdfast-sim');
// What the linker is given for a program, as the build has it.
const linked = (target) => execFileSync('ninja', ['-C', build, '-t', 'commands', '-s', target], { encoding: 'utf8' })
  .split(/\s+/).filter((word) => /\.(a|o)$/.test(word));
const coreOf = (target) => linked(target).filter((word) => /holdfast_core|room_core/.test(word));
const hashOf = (archive) => createHash('sha256').update(readFileSync(join(build, archive))).digest('hex');

test('holdfast and holdfast-sim link the same archive of core, and nothing of core besides', (t) => {
  const [program, simulated] = ['src/holdfast', 'src/holdfast-sim'].map(coreOf);
  assert.equal(program.length, 1, program.join(' '));
  assert.equal(simulated.length, 1, simulated.join(' '));
  assert.equal(hashOf(program[0]), hashOf(simulated[0]));
  t.diagnostic(`${program[0]}: ${hashOf(program[0])}`);
});

test('the switches of planted bugs are in an archive that only holdfast-sim-mutants links', () => {
  const mutants = coreOf('src/holdfast-sim-mutants');
  assert.deepEqual(mutants, ['libholdfast_core_mutants.a']);
  assert.notEqual(hashOf(mutants[0]), hashOf(coreOf('src/holdfast')[0]));
  const symbols = (archive) => execFileSync('nm', ['-C', join(build, archive)], { encoding: 'utf8', maxBuffer: 1 << 30 });
  assert.match(symbols(mutants[0]), /U holdfast::mutant_on/);
  assert.doesNotMatch(symbols(coreOf('src/holdfast')[0]), /mutant/);
});

test('with all switches off both archives give the same states', () => {
  const states = (args) => execFileSync(args[0], args.slice(1), { encoding: 'utf8' }).split('\n').filter((line) => /: state /.test(line));
  const shipped = states([simulator, '--stand-in', '--seed', '1', '--seeds', '8', '--states']);
  assert.equal(shipped.length, 8);
  assert.deepEqual(states([`${simulator}-mutants`, '--states', '1', '--seeds', '8']), shipped);
});
