// A whole chain of real processes on this machine: make it, start it, cut it, destroy it, bring it back. Shared by the demo
// and the end-to-end tests.
//
// Every process is ended by its own id; every directory that may be destroyed was made here and carries a marker.
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, constants, createWriteStream, existsSync, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, readSync,
  readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import net from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, waitUntil } from './http.mjs';

export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
// Recorded data and published vectors that are not in this repository (CONTRIBUTING, "Data from outside").
export const shared = process.env.HF_SHARED ?? resolve(top, '../shared');
export const program = process.env.HOLDFAST ?? join(top, 'build/release/src/holdfast');
export const marker = 'holdfast-demo';
const mark = 'Made by Holdfast\'s demo or tests, which may destroy it.\n';

// ---- what is ours to destroy: the same marker as src/edge/demo/own_directory.h, which has its form

// The marker's text; undefined: it is not there, is no plain file, or says something else. A name alone is no leave to destroy.
function markOf(path) {
  let file;
  try {
    file = openSync(join(path, marker), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.alloc(4096);
    const text = fstatSync(file).isFile() ? bytes.toString('utf8', 0, readSync(file, bytes)) : '';
    return text.startsWith(mark) ? text : undefined;
  } finally {
    closeSync(file);
  }
}
export const isMarked = (path) => markOf(path) !== undefined;
export const markDirectory = (path) => writeFileSync(join(path, marker), mark);
// When a process began, in the kernel's ticks since boot; undefined: it has ended.
function startOf(pid) {
  try {
    const [state, ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return 'ZX'.includes(state) ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
// Who works below the directory now: the process that its marker names, if that lives and is not this one.
function ownerOf(path) {
  const [, pid, start] = /^process (\d+) started (\d+)$/m.exec(markOf(path) ?? '') ?? [];
  return pid !== undefined && Number(pid) !== process.pid && startOf(pid) === start ? Number(pid) : undefined;
}
export function* filesBelow(path) {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* filesBelow(join(path, entry.name));
    else if (entry.isFile()) yield join(path, entry.name);  // a link is none: what it points to is somebody else's
  }
}

// ---- processes and ports

const running = new Set();
// Ends what `run` has not seen the end of: a rebuild goes on asking for as long as its mirrors are gone.
export const endRuns = () => running.forEach((child) => child.kill('SIGKILL'));
// Runs the program to its end. {code, out, err}; throws when it fails, unless `mayFail`.
export function run(args, { mayFail = false, cwd, seconds = 300 } = {}) {
  return new Promise((done, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let out = '', err = '';
    child.stdout.on('data', (chunk) => { out += chunk; });
    child.stderr.on('data', (chunk) => { err += chunk; });
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    child.on('error', (error) => {
      running.delete(child);
      clearTimeout(timer);
      reject(new Error(`${program} cannot be run: ${error.message}. Build it first: make build`));
    });
    child.on('close', (code) => {
      running.delete(child);
      clearTimeout(timer);
      if (code === 0 || mayFail) done({ code, out, err });
      else reject(new Error(`holdfast ${args.slice(0, 3).join(' ')} ended with ${code}: ${err || out}`));
    });
  });
}

// A server at that port of 127.0.0.1; undefined where somebody else listens.
const listenAt = (port) => new Promise((done) => {
  const server = net.createServer();
  server.once('error', () => done(undefined));
  server.listen(port, '127.0.0.1', () => done(server));
});
async function isFree(port) {
  const server = await listenAt(port);
  return server !== undefined && new Promise((done) => { server.close(() => done(true)); });
}
// Ports of this process alone, so that tests that run side by side never choose the same: a block whose first port it listens at
// until it ends. All below the range that the kernel hands out by itself (32,768 on).
const blocks = { first: 16_000, size: 500, count: 32 };
let own, next = 1;
async function ownBlock() {
  for (let i = 0; i < blocks.count; i++) {
    const base = blocks.first + ((process.pid + i) % blocks.count) * blocks.size;
    const server = await listenAt(base);
    if (server === undefined) continue;
    server.unref();
    return base;
  }
  throw new Error(`no ports are left on 127.0.0.1: somebody listens at ${blocks.first} and at every ${blocks.size}th from there`);
}
// The first of `count` ports in a row that nobody listens at, and that this process has not been given lately.
export async function freePorts(count) {
  const base = await (own ??= ownBlock());
  for (let tries = 0; tries < 2 * blocks.size && count < blocks.size; tries++) {
    if (next + count > blocks.size) next = 1;
    const from = base + next;
    next += count;
    let free = true;
    for (let port = from; port < from + count && free; port++) free = await isFree(port);
    if (free) return from;
  }
  throw new Error(`no ${count} free ports in a row on 127.0.0.1 from ${base} on`);
}

// Ends nodes that an earlier run started here and could not end itself: by the ids it noted, and only where that process is
// still one that serves a directory below this one.
export function endLeftovers(path) {
  const noted = join(path, 'processes');
  if (!existsSync(noted)) return;
  for (const pid of readFileSync(noted, 'utf8').split('\n').filter(Boolean).map(Number)) {
    let line = '';
    try {
      line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue;  // it has ended
    }
    if (line.includes('serve') && line.includes(`${path}/`)) process.kill(pid, 'SIGKILL');
  }
}

// A directory of our own, emptied; its marker names this process. Refused, and nothing touched: what the demo did not make, and
// what another demo or test works in now.
export function ownDirectory(path) {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status) {
    const other = 'move it away, or choose another directory (HF_DEMO_DIR)';
    if (!status.isDirectory()) throw new Error(`${path} is there and is no directory: ${other}`);
    if (!isMarked(path) && readdirSync(path).length) throw new Error(`${path} was not made by the demo, as no file ${marker} in it says so; nothing in it was touched: ${other}`);
    const owner = ownerOf(path);
    if (owner) throw new Error(`process ${owner} works in ${path}: end it first (Ctrl-C in its terminal, or kill ${owner}), or choose another directory (HF_DEMO_DIR)`);
    endLeftovers(path);
    rmSync(path, { recursive: true });
  }
  mkdirSync(dirname(path), { recursive: true });
  mkdirSync(path);
  writeFileSync(join(path, marker), `${mark}process ${process.pid} started ${startOf(process.pid)}\n`);
  return path;
}

// Overwrites every byte of every file below a directory that was made here.
export function overwriteAll(path) {
  if (!isMarked(path)) throw new Error(`${path} is not marked as the demo's own; nothing was destroyed`);
  let files = 0, bytes = 0;
  for (const file of [...filesBelow(path)].filter((each) => each !== join(path, marker))) {
    const out = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW);
    bytes += overwrite(out);
    fsyncSync(out);
    closeSync(out);
    files++;
  }
  return { files, bytes };
}
const noise = Buffer.alloc(1 << 20);
// Every byte of an open file; how many they were.
export function overwrite(file) {
  const { size } = fstatSync(file);
  for (let at = 0; at < size; at += noise.length) {
    randomFillSync(noise);
    writeSync(file, noise, 0, Math.min(noise.length, size - at), at);
  }
  return size;
}

export class Site {
  constructor(chain, name, dir, port) {
    Object.assign(this, { chain, name, dir, port, within: [], child: null, ended: null, starts: 0, oldDirs: [], staff: { number: '1', pin: '2846' } });
    this.url = `http://127.0.0.1:${port}`;
    this.client = new Client(this.url);
  }
  get kind() { return this.name.startsWith('store') ? 'store' : this.name; }
  get alive() { return this.child !== null && this.ended === null; }
  log() { return join(this.chain.dir, 'logs', `${this.machine ?? this.name}.log`); }

  // as: what is run instead of `serve --data DIR`.
  async start({ expectEnd = false, as = [...(this.command ?? ['serve']), '--data', this.dir], args = [], seconds = 60 } = {}) {
    if (this.alive) return this;
    mkdirSync(join(this.chain.dir, 'logs'), { recursive: true });
    const log = createWriteStream(this.log(), { flags: 'a' });
    log.on('error', (error) => { throw new Error(`the log of ${this.name} cannot be written: ${error.message}`); });
    this.ended = null;
    // within: a command to run the node under, such as `ip netns exec NAME`; http: where its API listens; tills: where tills
    // come, over TLS.
    const [command, ...before] = [...this.within, program];
    this.child = spawn(command, [...before, ...as, '--http', this.http ?? `127.0.0.1:${this.port}`,
      ...(this.tills ? ['--tills', this.tills] : []), ...(this.chain.control ? ['--demo-control', this.chain.control] : []), ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] });
    if (this.child.pid) appendFileSync(join(this.chain.dir, 'processes'), `${this.child.pid}\n`);
    this.starts++;
    this.said = '';
    const child = this.child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        log.write(chunk);
        this.said = (this.said + chunk).slice(-40_000);
      });
    }
    this.whenEnded = new Promise((done) => {
      child.on('error', (error) => done(this.ended = { code: -1, error: error.message }));
      child.on('close', (code, signal) => {
        log.end();
        done(this.ended = { code, signal });
      });
    });
    if (expectEnd) return this;
    await waitUntil(`${this.name} to serve`, async () => {
      if (this.ended) throw new Error(`it ended with ${JSON.stringify(this.ended)}: ${this.said}`);
      return (await this.client.call('GET', '/healthz')).status === 200;
    }, { seconds, everyMs: 50 });
    return this;
  }
  async end(signal, seconds) {
    if (!this.alive) return this.ended;
    this.child.kill(signal);
    const timer = setTimeout(() => this.alive && this.child.kill('SIGKILL'), seconds * 1000);
    await this.whenEnded;
    clearTimeout(timer);
    this.client.close();
    this.client = new Client(this.url);
    return this.ended;
  }
  stop() { return this.end('SIGTERM', 20); }
  kill() { return this.end('SIGKILL', 5); }

  token() { return readFileSync(join(this.dir, 'admin.token'), 'utf8').trim(); }
  local() { return this.client.with({ authorization: `Local ${this.token()}` }); }
  about() { return this.client.get('/v1/about'); }
  safety() { return this.client.get('/v1/safety'); }

  // The one-time code of a fresh or rebuilt site makes the manager's PIN (protocol 11.2); then the manager signs in.
  async enrol(staff = this.staff) {
    if ((await this.about()).needs_enrolment) {
      await this.client.ok('POST', '/v1/enrol', { code: this.enrolmentCode(), staff: staff.number, pin: staff.pin });
    }
    this.staff = staff;
    return this.signIn();
  }
  // On paper in real life: of a first start from `chain demo`, of a rebuilt site from `recovery sign`.
  enrolmentCode() {
    if (this.code) return this.code;
    const all = readFileSync(join(this.chain.path, 'ceremony/enrolment-codes.txt'), 'utf8');
    return all.split('\n').map((line) => line.split(' ')).find(([name]) => name === this.name)?.[1];
  }
  async signIn() {
    this.session = await this.client.signIn(this.staff.number, this.staff.pin);
    return this.session;
  }
  async cosigned({ seconds = 30 } = {}) {
    return waitUntil(`${this.name} to be cosigned`, async () => {
      const safety = await this.safety();
      return safety.cosigned_size === safety.size && safety;
    }, { seconds });
  }
  async signing({ seconds = 60 } = {}) {
    return waitUntil(`${this.name} to sign`, async () => {
      const safety = await this.safety();
      return safety.signing === 'signing' && safety;
    }, { seconds });
  }
  cut(peer) { return this.local().post(`/v1/links/${peer}`, { state: 'cut' }); }
  heal(peer) { return this.local().post(`/v1/links/${peer}`, { state: 'open' }); }
}

export class Chain {
  // Makes the data directories of a chain with that many stores, head office and a warehouse: `holdfast chain demo`.
  // hosts: {site: address} of links that are not on loopback (network namespaces).
  static async create({ dir, stores, control, hosts = {} }) {
    ownDirectory(dir);
    const names = ['head-office', 'warehouse', ...Array.from({ length: stores }, (_, i) => `store-${String(i + 1).padStart(2, '0')}`)];
    const base = await freePorts(2 * names.length + 2);
    await run(['chain', 'demo', '--stores', String(stores), '--into', join(dir, 'chain'), '--base-port', String(base),
      ...Object.entries(hosts).flatMap(([site, address]) => ['--host', `${site}=${address}`])]);
    const chain = new Chain(dir, control);
    chain.spare_port = base + 2 * names.length;
    for (const [i, name] of names.entries()) {
      const path = join(dir, 'chain', name);
      if (!existsSync(path)) throw new Error(`holdfast chain demo made no ${path}; it made ${readdirSync(join(dir, 'chain'))}`);
      markDirectory(path);
      chain.sites.set(name, new Site(chain, name, path, base + names.length + i));
    }
    return chain;
  }
  constructor(dir, control) {
    Object.assign(this, { dir, control, sites: new Map(), spares: new Map(), rebuilds: 0 });
    this.path = join(dir, 'chain');
  }
  site(name) {
    const site = this.sites.get(name);
    if (!site) throw new Error(`no site ${name} in this chain`);
    return site;
  }
  get headOffice() { return this.site('head-office'); }
  get warehouse() { return this.site('warehouse'); }
  get stores() { return [...this.sites.values()].filter((site) => site.kind === 'store'); }
  async stopAll() { await Promise.all([...this.sites.values(), ...this.spares.values()].map((site) => site.stop())); }

  // A new machine for a site (protocol 5.1, 9.2): it makes its own keys, and a certificate is signed offline with the
  // ceremony's recovery keys.
  async newMachine(name) {
    const site = this.site(name);
    const path = join(this.dir, 'rebuilt', `${name}-${++this.rebuilds}`);
    mkdirSync(join(this.dir, 'rebuilt'), { recursive: true });
    const certificates = `${path}-certificates`;
    await run(['site', 'keygen', name, '--replacement', '--into', path]);
    markDirectory(path);
    const signed = await run(['recovery', 'sign', '--chain', join(this.path, 'chain.hfc'), ...this.recoveryKeys().flatMap((key) => ['--keys', key]),
      '--request', join(path, `${name}.pub.toml`), '--out', certificates]);
    site.code = new RegExp(`${name} (\\S+)\\s*$`, 'm').exec(signed.out.slice(signed.out.indexOf('Enrolment code')))?.[1];
    return { path, certificate: join(certificates, `${name}.certificate`) };
  }
  // The rebuild fetches what the mirrors hold. The site's directory is the new one from then on; it is not started.
  // Returns what the rebuild said.
  async rebuild(name, machine) {
    const { path, command } = await this.#rebuilding(name, machine);
    const { out } = await run(command);
    this.#move(name, path);
    return out;
  }
  // The same in one process (`--serve`), which answers from the start; `said` has its words.
  async rebuildAndServe(name, machine) {
    const { path, command } = await this.#rebuilding(name, machine);
    this.#move(name, path);
    return this.site(name).start({ as: [...command, '--serve'] });
  }
  async #rebuilding(name, machine) {
    const { path, certificate } = machine ?? await this.newMachine(name);
    return { path, command: ['site', 'rebuild', name, '--into', path, '--chain', join(this.path, 'chain.hfc'), '--certificate', certificate] };
  }
  #move(name, path) {
    const site = this.site(name);
    site.oldDirs.push(site.dir);
    Object.assign(site, { dir: path, command: undefined, machine: undefined });
  }
  // A second machine for a store (protocol 10), with everything that the engineer does beforehand. Not started.
  async addSpare(name) {
    const store = this.site(name);
    const dir = join(this.dir, 'spares', name);
    const codeFile = join(this.dir, 'spares', `${name}.code`);
    mkdirSync(join(this.dir, 'spares'), { recursive: true });
    await run(['spare', 'keygen', name, '--into', dir, '--code-file', codeFile]);
    markDirectory(dir);
    await run(['recovery', 'sign', '--spare', '--chain', join(this.path, 'chain.hfc'), ...this.recoveryKeys().flatMap((key) => ['--keys', key]),
      '--request', join(dir, `${name}.pub.toml`), '--out', `${dir}-certificate`]);
    await run(['spare', 'adopt', dir, join(this.path, 'chain.hfc'), join(`${dir}-certificate`, `${name}.certificate`)]);
    const spare = new Site(this, `${name}-spare`, dir, await freePorts(1));
    Object.assign(spare, { command: ['spare', 'serve'], of: store, staff: store.staff,
      code: readFileSync(codeFile, 'utf8').trim().split(' ')[1] });
    this.spares.set(name, spare);
    return spare;
  }
  // Once it is promoted, the spare is the store: under the store's name, on its own machine, with its own log.
  promoted(name) {
    const spare = this.spares.get(name), store = this.site(name);
    Object.assign(spare, { machine: spare.name, name });
    this.spares.delete(name);
    this.sites.set(name, spare);
    spare.oldDirs.push(...store.oldDirs, store.dir);
    return spare;
  }
  recoveryKeys() {
    const ceremony = join(this.path, 'ceremony');
    return readdirSync(ceremony).filter((file) => file.startsWith('recovery')).map((file) => join(ceremony, file));
  }
}
