// Power cuts below the file system: a store trades on a file system whose disk records every write and every flush
// (power_disk). From the record, images are made of what the disk would hold had the power gone at a moment: what was
// flushed, and of the rest any part, torn at sectors. On each the file system recovers by itself, every journal holds, and
// every sale that had been acknowledged at that moment is there, once, as it was told. Then the store goes on from one of
// them, and so on. That the check can fail is shown by a disk that lies, and by a node whose O_DSYNC is taken away.
//
//   HF_ROUNDS=25 HF_CUTS=40 HF_FS=ext4,xfs node --test test/power/power.test.mjs     (2, 12 and ext4 in make test; root)
//   HF_KEEP=1: the run's directory below build/power stays until the next run, with the image of each cut that had a problem.
import { after, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { Chain, Site, freePorts } from '../../demo/lib/chain.mjs';
import { Random } from '../../demo/lib/random.mjs';
import { assert, checkAfterCrashes, inParallel, join, milk, openTill, openTrade, pen, run, sell, waitUntil } from '../e2e/lib.mjs';
import { Machine, PowerDisk, built, copyImage, makeImage, missing, runDirectory } from './machine.mjs';
import { CutImages, Recording, kinds, lucks } from './recording.mjs';

const rounds = Number(process.env.HF_ROUNDS ?? 2);
const cuts = Number(process.env.HF_CUTS ?? 12);
const seed = Number(process.env.HF_SEED ?? Date.now() % 1_000_000);
const salesEach = 120;
const proofCutsMax = 30;

// A store on a disk that can lose its power, its peers on the machine's own, four tills that sell without a pause.
class Shop {
  static async open(kind, random) {
    const shop = new Shop();
    const dir = runDirectory(kind);
    const chain = await Chain.create({ dir, stores: 2 });
    Object.assign(shop, { kind, random, dir, chain, machine: new Machine(dir, kind), store: chain.stores[0] });
    Object.assign(shop, { round: 0, problems: 0 });
    shop.mnt = join(dir, 'mnt');
    shop.peers = [...chain.sites.values()].filter((site) => site !== shop.store);
    shop.start = join(dir, 'start-1');
    shops.add(shop);
    await openTrade(chain);
    shop.tills = [];
    for (let n = 1; n <= 4; n++) shop.tills.push(await openTill(shop.store, `Till ${n}`));
    await shop.store.stop();
    await inParallel(shop.peers, 4, (site) => site.stop());
    makeImage(shop.start, kind);
    shop.machine.mount(shop.start, shop.mnt);
    execFileSync('cp', ['-a', shop.store.dir, join(shop.mnt, 'store')]);
    await shop.machine.unmount(shop.mnt);
    shop.store.dir = join(shop.mnt, 'store');
    return shop;
  }
  async close() {
    await this.dropWork();
    await this.chain.stopAll();
    await this.copy?.kill();
    await this.machine.remove();
    shops.delete(this);
  }
  // Tills sell until stopWork(), which waits for the sales under way, or dropWork(), which gives them up. Each reply notes
  // where the record stood when it came.
  startWork() {
    this.shift = { isOver: false, isDropped: false, failed: null };
    this.work = this.tills.map((till) => this.workAt(till, this.shift));
  }
  async workAt(till, shift) {
    while (!shift.isOver) {
      try {
        await sell(till, [pen(String(1 + this.random.below(3))), milk()], { patienceMs: 3_600_000, giveUp: () => shift.isDropped });
      } catch (error) {
        if (!shift.isDropped) shift.failed ??= error;
        return;
      }
      Object.assign(till.replies.at(-1), { till, round: this.round, at: this.disk.position() });
    }
  }
  async stopWork() {
    this.shift.isOver = true;
    await Promise.all(this.work);
    if (this.shift.failed) throw this.shift.failed;
  }
  async dropWork() {
    Object.assign(this.shift ?? {}, { isOver: true, isDropped: true });
    await Promise.all(this.work ?? []);
  }
  get replies() { return this.tills.flatMap((till) => till.replies); }

  // The store starts on the start image, takes sales, and ends (`ending`: kill or stop). Returns what the disk recorded.
  async trade({ ending, peers, within = [], disk: options }) {
    this.round++;
    this.disk = await PowerDisk.serve(this.machine, `round-${this.round}`, this.start, options);
    const direct = this.machine.mount(this.disk.file, this.mnt, ['--direct-io=on']);
    if (peers) await inParallel(this.peers, 4, (site) => site.start());
    this.store.within = within;
    await this.store.start();
    const before = this.replies.length;
    await waitUntil(`${salesEach} sales`, () => this.shift.failed || this.replies.length >= before + salesEach, { seconds: 120, everyMs: 10 });
    if (this.shift.failed) throw this.shift.failed;
    await this.store[ending]();
    const end = this.disk.position();
    await inParallel(this.peers, 4, (site) => site.stop());
    await this.machine.unmount(this.mnt);
    await this.disk.end();
    const recording = new Recording(this.disk.record, this.machine.sectorBytes);
    // Before anything is taken for true: the record says all that the disk was told.
    const whole = join(this.disk.dir, 'whole');
    copyImage(this.start, whole);
    const fd = openSync(whole, 'r+');
    recording.replay(fd, 0, recording.operations.length);
    closeSync(fd);
    execFileSync('cmp', [whole, this.disk.image]);
    rmSync(whole);
    const images = new CutImages(recording, this.start, join(this.disk.dir, 'base'));
    return { round: this.round, recording, images, end, direct };
  }
  forget({ recording, images }) {
    recording.close();
    images.close();
    rmSync(images.base);
    this.disk.forget();
  }
  // What had been acknowledged when the record stood at `at` in this round; and what was later in it.
  acknowledged({ round }, at) { return this.replies.filter((reply) => reply.round < round || (reply.round === round && reply.at <= at)); }
  later({ round }, at) { return this.replies.filter((reply) => reply.round === round && reply.at > at); }
}
const shops = new Set();
after(async () => {
  for (const shop of shops) await shop.close();
});

// ---- where to cut

// In turn amid writes that no flush has covered, just when a sale was acknowledged, and anywhere; each in turn with each luck.
function choose(shop, { round, recording, end }, count) {
  const { random } = shop;
  const told = shop.replies.filter((reply) => reply.round === round && reply.at <= end).map(({ at }) => at);
  const all = Array.from({ length: end + 1 }, (_, n) => n);
  const risky = (least) => all.filter((n) => recording.atRisk(n).length >= least);
  const amid = [risky(3), risky(1)].find((list) => list.length);
  const places = [amid, told, all], names = Object.keys(lucks);
  return Array.from({ length: count }, (_, n) => ({ at: random.pick(places[n % 3]), luck: names[(n + Math.floor(n / 3)) % 3] }))
    .sort((a, b) => a.at - b.at);
}

// ---- what is there

// The writes in the store's own journal by "till key", from its directory alone; or why the journals do not hold.
async function readJournal(data) {
  const verified = await run(['journal', 'verify', '--data', data], { mayFail: true });
  if (verified.code !== 0) return { damage: verified.out + verified.err };
  const shown = await run(['journal', 'show', '--json', '--data', data], { mayFail: true });
  if (shown.code !== 0) return { damage: shown.err };
  const writes = new Map();
  for (const line of shown.out.split('\n').filter(Boolean)) {
    const { index, write, body } = JSON.parse(line);
    if (!write) continue;
    const key = `${write.till} ${write.key}`;
    writes.set(key, [...(writes.get(key) ?? []), { index, receipt: body.receipt, total: body.total }]);
  }
  return { writes };
}
const told = ({ index, receipt, total }) => `entry ${index}, receipt ${receipt}, total ${total}`;
const keyOf = ({ till, write }) => `${till.number} ${write.key}`;
function compare(writes, replies) {
  const missing = [], wrong = [];
  for (const [key, entries] of writes) if (entries.length > 1) wrong.push(`twice: ${key}: ${entries.map(told).join('; ')}`);
  for (const each of replies) {
    const [entry] = writes.get(keyOf(each)) ?? [];
    if (!entry) missing.push(`${keyOf(each)}: ${told(each.reply)}`);
    else if (told(entry) !== told(each.reply)) wrong.push(`told ${told(each.reply)}, there is ${told(entry)}`);
  }
  return { missing, wrong };
}

// A node starts on what the cut has left, alone. Tills send again: what was acknowledged gets the answer that it got, the rest
// is taken or had been; and afterwards everything is there once.
async function startOn(shop, data, before, later) {
  const some = (list, count) => Array.from({ length: Math.min(count, list.length) }, () => shop.random.pick(list));
  const again = some(before, 6), rest = some(later, 6);
  shop.copy = new Site(shop.chain, shop.store.name, data, await freePorts(1));
  shop.copy.machine = `${shop.store.name}-after-a-cut`;
  const wrong = [];
  try {
    await shop.copy.start();
    for (const each of [...again, ...rest]) {
      const client = shop.copy.client.with({ authorization: each.till.authorization });
      const { replies: [reply] } = await client.post('/v1/writes', { writes: [each.write] });
      if (!reply.ok) wrong.push(`sent again and refused: ${JSON.stringify(reply.problem)}`);
      else if (again.includes(each) && told(reply) !== told(each.reply))
        wrong.push(`sent again, told ${told(reply)} instead of ${told(each.reply)}`);
    }
  } catch (error) {
    wrong.push(`a node on the cut: ${error.message}`);
  } finally {
    await shop.copy.kill();
  }
  const { writes, damage } = await readJournal(data);
  if (damage) return [...wrong, `after a start: ${damage}`];
  const now = compare(writes, before);
  for (const each of rest) if (!writes.has(keyOf(each))) now.missing.push(`sent again and not kept: ${keyOf(each)}`);
  return [...wrong, ...now.wrong, ...now.missing.map((each) => `after a start, missing: ${each}`)];
}

// One cut: {missing, wrong, repaired, sums}. `start`: also start a node on it. `keep`: where to keep its image.
async function check(shop, trade, { at, luck, keep }, { start }) {
  const image = join(shop.dir, 'cut');
  const sums = trade.images.make(at, lucks[luck], shop.random, image);
  const before = shop.acknowledged(trade, at);
  const result = { missing: [], wrong: [], repaired: 0, acknowledged: before.length, sums };
  try {
    shop.machine.mount(image, shop.mnt);
  } catch (error) {
    result.repaired = 1;
    if (!shop.machine.repair(image)) result.wrong.push(`not mounted: ${error.message}`);
    else shop.machine.mount(image, shop.mnt);
  }
  if (result.wrong.length === 0) {
    try {
      const { writes, damage } = await readJournal(shop.store.dir);
      if (damage) result.wrong.push(damage);
      else {
        Object.assign(result, compare(writes, before));
        if (start) result.wrong.push(...await startOn(shop, shop.store.dir, before, shop.later(trade, at)));
      }
    } finally {
      await shop.machine.unmount(shop.mnt);
    }
    const faults = shop.machine.faults(image);
    if (faults) result.wrong.push(faults);
  }
  if (keep) copyImage(image, keep);
  if (result.wrong.length + result.missing.length && process.env.HF_KEEP) renameSync(image, join(shop.dir, `problem-${++shop.problems}`));
  rmSync(image, { force: true });
  return result;
}

// ---- the tests

async function honest(shop) {
  const sums = { cuts: 0, started: 0, acknowledged: 0, writes: 0, flushes: 0, missing: 0, whole: 0, torn: 0, lost: 0, repaired: 0 };
  const problems = [];
  let direct = true;
  shop.startWork();
  for (let n = 0; n < rounds; n++) {
    const trade = await shop.trade({ ending: n % 2 === 0 ? 'kill' : 'stop', peers: true });
    const { recording, round, end } = trade;
    direct &&= trade.direct;
    const writes = recording.operations.filter(({ kind }) => kind === kinds.write).length;
    sums.writes += writes;
    sums.flushes += recording.operations.length - writes;
    // The next round begins with what this one's end by a power cut has left.
    const next = join(shop.dir, `start-${round + 1}`);
    for (const [place, cut] of [...choose(shop, trade, cuts - 1), { at: end, luck: 'anything', keep: next }].entries()) {
      const start = place % 3 === 0 && !cut.keep;
      const result = await check(shop, trade, cut, { start });
      sums.cuts++;
      sums.started += start ? 1 : 0;
      sums.acknowledged += result.acknowledged;
      sums.missing += result.missing.length;
      sums.repaired += result.repaired;
      for (const what of ['whole', 'torn', 'lost']) sums[what] += result.sums[what];
      const { missing, wrong } = result;
      if (missing.length + wrong.length) problems.push({ round, cut, missing, wrong });
    }
    rmSync(shop.start);
    shop.start = next;
    shop.forget(trade);
  }
  console.log(`${shop.kind}, loop device with ${direct ? 'direct' : 'buffered'} I/O: ${sums.writes} writes and ${sums.flushes} flushes ` +
    `recorded in ${rounds} rounds; ${sums.cuts} cuts, a node started on ${sums.started}; ${sums.acknowledged} acknowledged sales looked ` +
    `for, missing ${sums.missing}; of writes at risk ${sums.whole} whole, ${sums.torn} torn, ${sums.lost} lost; ${sums.repaired} mounted ` +
    `only after fsck; cuts with a problem: ${problems.length}`);
  assert.deepEqual(problems, []);
  // The first cut of a round loses what lies amid writes, the fourth tears one of them.
  assert.ok(sums.lost > 0 && (sums.torn > 0 || cuts < 5), 'no cut took anything away');
}

// The chain with its peers again, on the last of the cut images.
async function wholeChain(shop) {
  shop.machine.mount(shop.start, shop.mnt);
  await inParallel(shop.peers, 4, (site) => site.start());
  await shop.store.start();
  await shop.stopWork();
  await checkAfterCrashes(shop.chain, shop.store, shop.tills, `${rounds} power cuts one after the other`);
  await inParallel(shop.chain.sites.values(), 4, (site) => site.stop());
  await shop.machine.unmount(shop.mnt);
}

// A round in which acknowledged sales can be lost, and how many cuts it took to find one. Without peers: what they were sent
// they would give back.
async function proof(shop, what, options) {
  shop.startWork();
  const trade = await shop.trade({ ending: 'kill', peers: false, ...options });
  await shop.dropWork();
  const found = { cuts: 0, broken: 0, missing: 0 };
  for (const cut of choose(shop, trade, proofCutsMax)) {
    const result = await check(shop, trade, cut, { start: false });
    found.cuts++;
    found.broken += result.wrong.length ? 1 : 0;
    found.missing = result.missing.length;
    if (found.missing) break;
  }
  shop.forget(trade);
  // The next one starts where this one did: what was sold here is not in it, and that proves nothing.
  for (const till of shop.tills) till.replies = till.replies.filter(({ round }) => round !== trade.round);
  console.log(`${shop.kind}, ${what}: ${found.missing} acknowledged sales missing at cut ${found.cuts}; ${found.broken} of these cuts had damage ` +
    'that was told');
  assert.ok(found.missing > 0, `${found.cuts} cuts, and nothing was found missing`);
}

for (const kind of (process.env.HF_FS ?? 'ext4').split(',')) {
  const lacking = missing(kind);
  test(`power cuts below ${kind} (HF_SEED=${seed})`, { skip: lacking ?? false, timeout: 300_000 + rounds * (60_000 + cuts * 10_000) }, async (t) => {
    const shop = await Shop.open(kind, new Random(seed));
    // Each step goes on from where the one before it ended.
    let failed = false;
    const step = (name, body) => t.test(name, { skip: failed && 'the step before it failed' }, async () => {
      failed = true;
      await body(shop);
      failed = false;
    });
    try {
      await step(`${rounds} rounds of ${cuts} cuts: what was acknowledged is there, once`, honest);
      await step('the chain that went on after each cut is whole', wholeChain);
      await step('a disk that answers three of four flushes and does nothing is found out', () =>
        proof(shop, 'three of four flushes answered and not done', { disk: { countOneIn: 4 } }));
      await step('a node whose writes are not O_DSYNC is found out', () =>
        proof(shop, 'O_DSYNC taken away', { within: ['env', `LD_PRELOAD=${built('no_dsync.so')}`] }));
    } finally {
      await shop.close();
    }
  });
}
