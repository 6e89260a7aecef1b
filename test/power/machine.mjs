// For tests: file systems in files, attached by loop devices and mounted below one directory, and power_disk below them.
// Needs root; `missing()` says what is not there.
//
// What is mounted is written down before it is, in the directory's file `mounts`; a run that was killed is cleaned up by
// the next one, which touches nothing but marked directories of runs whose process has ended, and mounts below them.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, readdirSync, rmSync, rmdirSync,
  truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endLeftovers, isMarked, top } from '../../demo/lib/chain.mjs';
import { sleep } from '../../demo/lib/http.mjs';

export const built = (name) => join(top, 'build/release/src', name);
const runs = join(top, 'build/power');

const fileSystems = {
  // A small journal, so that it wraps; nothing written later in the background, so that a short record says it all.
  ext4: { sectorBytes: 512, make: ['mkfs.ext4', '-q', '-F', '-N', '4096', '-J', 'size=8', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
    check: ['e2fsck', '-f', '-n'], repair: ['e2fsck', '-f', '-y'], name: 'e2fsprogs' },
  // Its recovery takes a block for whole whose first sector is (the LSN lies there), so it is given sectors as large as blocks.
  xfs: { sectorBytes: 4096, make: ['mkfs.xfs', '-q', '-f', '-s', 'size=4096'], check: ['xfs_repair', '-n'], name: 'xfsprogs' },
};
const imageBytes = 320 << 20;  // sparse; the least that mkfs.xfs takes is 300 MiB

const attempt = (name, ...args) => spawnSync(name, args, { encoding: 'utf8' });
function command(name, ...args) {
  const done = attempt(name, ...args);
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${(done.error?.message ?? done.stderr + done.stdout).trim()}`);
  return done.stdout.trim();
}

export function makeImage(file, kind) {
  writeFileSync(file, '', { flag: 'wx' });
  truncateSync(file, imageBytes);
  const [name, ...args] = fileSystems[kind].make;
  command(name, ...args, file);
}
// A copy with the same holes.
export const copyImage = (from, to) => command('cp', '--sparse=always', '--reflink=auto', from, to);

// A loop device on the file, mounted. The device is let go of at once, so that it ends with the mount.
function mountLoop(kind, file, at, options = []) {
  const device = command('losetup', '--find', '--show', '--sector-size', String(fileSystems[kind].sectorBytes), ...options, file);
  try {
    command('mount', device, at);
    return readFileSync(`/sys/block/${device.slice('/dev/'.length)}/loop/dio`, 'utf8').trim() === '1';
  } finally {
    command('losetup', '--detach', device);
  }
}
// What is mounted below a directory of ours now.
const mountsBelow = (dir) => readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1]?.replaceAll('\\040', ' '))
  .filter((at) => at?.startsWith(`${dir}/`));
// What is busy for a moment (a process that is just ending) is waited for; what is not mounted needs nothing.
async function unmount(dir, at) {
  for (let n = 0; mountsBelow(dir).includes(at); n++) {
    const done = attempt('umount', at);
    if (done.status === 0) return;
    if (n === 1200) throw new Error(`umount ${at}: ${done.stderr.trim()}`);
    await sleep(50);
  }
}

// Why there can be no power cut on this machine; null: there can.
export function missing(kind) {
  if (!fileSystems[kind]) throw new Error(`HF_FS: want ${Object.keys(fileSystems).join(' or ')}, got ${kind}`);
  if (process.getuid?.() !== 0) return 'it needs root, for loop devices and mounts';
  if (!existsSync(built('power_disk'))) return 'power_disk is not built; it needs libfuse3-dev (packages.txt has it)';
  for (const [name] of [fileSystems[kind].make, fileSystems[kind].check, ['losetup'], ['mount']]) {
    if (attempt(name, '-V').error) return `there is no ${name} here (packages.txt has ${fileSystems[kind].name})`;
  }
  for (const device of ['/dev/fuse', '/dev/loop-control']) {
    try {
      closeSync(openSync(device, 'r+'));
    } catch (error) {
      return `${device} cannot be opened here (${error.code})`;
    }
  }
  // Only the system's own tools, so that a fault of ours is never taken for one of the machine.
  const probe = mkdtempSync(join(tmpdir(), 'holdfast-power-'));
  mkdirSync(join(probe, 'at'));
  try {
    makeImage(join(probe, 'image'), kind);
    mountLoop(kind, join(probe, 'image'), join(probe, 'at'));
    command('umount', join(probe, 'at'));
  } catch (error) {
    return `${kind} cannot be mounted from a loop device here (${error.message.slice(0, 200)})`;
  } finally {
    rmSync(join(probe, 'image'), { force: true });
    rmdirSync(join(probe, 'at'));
    rmdirSync(probe);
  }
  return null;
}

// Where a run's chain and images are: made by Chain.create, which marks it. Earlier runs that were killed end here.
export function runDirectory(kind) {
  for (const name of existsSync(runs) ? readdirSync(runs) : []) {
    const dir = join(runs, name), pid = Number(name.split('-').at(-1));
    if (!isMarked(dir) || !(pid > 0) || existsSync(`/proc/${pid}`)) continue;
    endLeftovers(dir);
    removeRun(dir);
  }
  return join(runs, `${kind}-${process.pid}`);
}
function removeRun(dir) {
  const noted = join(dir, 'mounts');
  const mounts = existsSync(noted) ? readFileSync(noted, 'utf8').split('\n').filter((at) => at.startsWith(`${dir}/`)) : [];
  for (const at of [...new Set(mounts)].reverse()) attempt('umount', at);
  const left = mountsBelow(dir);
  if (left.length) throw new Error(`still mounted, so nothing was removed: ${left.join(', ')}`);
  rmSync(dir, { recursive: true });
}

export class Machine {
  constructor(dir, kind) {
    Object.assign(this, { dir, kind, mounted: new Set() });
  }
  get sectorBytes() { return fileSystems[this.kind].sectorBytes; }
  path(...names) { return join(this.dir, ...names); }
  note(at) {
    mkdirSync(at, { recursive: true });
    appendFileSync(this.path('mounts'), `${at}\n`);
    this.mounted.add(at);
  }
  // Mounts the file's file system; its journal's recovery runs. Returns whether the loop device uses direct I/O.
  mount(file, at, options) {
    this.note(at);
    try {
      return mountLoop(this.kind, file, at, options);
    } catch (error) {
      this.mounted.delete(at);
      throw error;
    }
  }
  async unmount(at) {
    await unmount(this.dir, at);
    this.mounted.delete(at);
  }
  // What the file system's own checker finds wrong in an image that is not mounted; null: nothing.
  faults(file) {
    const [name, ...args] = fileSystems[this.kind].check;
    const done = attempt(name, ...args, file);
    return done.status === 0 ? null : `${name}: ${(done.stdout + done.stderr).trim().slice(-500)}`;
  }
  // As a machine does at boot when a mount fails. False: this file system has no such repair, or it failed.
  repair(file) {
    const [name, ...args] = fileSystems[this.kind].repair ?? [];
    return name !== undefined && attempt(name, ...args, file).status <= 1;
  }
  async remove() {
    const failed = [];
    for (const at of [...this.mounted].reverse()) await this.unmount(at).catch((error) => failed.push(error.message));
    if (failed.length) throw new Error(failed.join('; '));
    if (!process.env.HF_KEEP) removeRun(this.dir);
  }
}

// power_disk below a loop device: its image, its record, and how far the record is now.
export class PowerDisk {
  static async serve(machine, name, start, { flushUs = 1000, countOneIn = 1 } = {}) {
    const disk = new PowerDisk();
    const dir = machine.path(name);
    mkdirSync(dir);
    Object.assign(disk, { machine, dir, image: join(dir, 'image'), record: join(dir, 'record'), at: join(dir, 'fuse'), said: '' });
    disk.file = join(disk.at, 'disk');
    copyImage(start, disk.image);
    machine.note(disk.at);
    disk.child = spawn(built('power_disk'), [disk.image, disk.at, disk.record, join(dir, 'position'), String(flushUs), String(countOneIn)],
      { stdio: ['ignore', 'pipe', 'pipe'] });
    disk.ended = new Promise((done) => {
      disk.child.on('error', (error) => done(error.message));
      disk.child.on('close', (code, signal) => done(code ?? signal));
    });
    for (const stream of [disk.child.stdout, disk.child.stderr]) stream.on('data', (chunk) => { disk.said += chunk; });
    for (let n = 0; !disk.said.includes('ready\n'); n++) {
      if (n === 3000 || disk.child.exitCode !== null) throw new Error(`power_disk does not serve: ${disk.said}`);
      await sleep(20);
    }
    disk.positionFd = openSync(join(dir, 'position'), 'r');
    return disk;
  }
  // How many operations are recorded now. Also after the end.
  position() {
    const bytes = Buffer.alloc(8);
    readSync(this.positionFd, bytes, 0, 8, 0);
    return Number(bytes.readBigUInt64LE());
  }
  async end() {
    await this.machine.unmount(this.at);
    const code = await this.ended;
    if (code !== 0) throw new Error(`power_disk ended with ${code}: ${this.said}`);
  }
  // The position can still be asked for, the files are gone.
  forget() {
    for (const file of [this.image, this.record]) rmSync(file);
  }
}
