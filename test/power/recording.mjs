// What power_disk recorded, and the images that a power cut would have left of it.
//
// A cut after n operations: what the last flush among them made durable is there, whole. Of each later write there may be
// everything, some of its sectors, or nothing, whichever came before or after it; `luck` decides. A sector is never torn.
import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { copyImage } from './machine.mjs';

const header = 24;
export const kinds = { write: 1, flush: 2 };

// How a cut treats what no flush had made durable. Each takes (random, at, end) and gives 'whole', 'torn' or 'lost'.
export const lucks = {
  nothing: () => 'lost',
  'the last one torn': (random, at, end) => (at === end - 1 ? 'torn' : 'whole'),
  anything: (random) => random.pick(['whole', 'torn', 'lost']),
};

export class Recording {
  // Throws where the record does not end with a whole operation: a program that was still writing, or a broken one.
  constructor(path, sectorBytes = 512) {
    this.sectorBytes = sectorBytes;
    this.fd = openSync(path, 'r');
    this.operations = [];
    const { size } = fstatSync(this.fd);
    const head = Buffer.alloc(header);
    for (let at = 0; at < size;) {
      assert.ok(size - at >= header, `${path} ends inside an operation`);
      readSync(this.fd, head, 0, header, at);
      assert.equal(head.toString('latin1', 0, 4), 'HFPW', `${path}: no operation at ${at}`);
      const kind = head.readUInt32LE(4), a = Number(head.readBigUInt64LE(8)), bytes = Number(head.readBigUInt64LE(16));
      assert.ok(kind === kinds.write || kind === kinds.flush, `${path}: kind ${kind} at ${at}`);
      at += header + bytes;
      assert.ok(at <= size, `${path} ends inside an operation`);
      this.operations.push(kind === kinds.write ? { kind, offset: a, bytes, from: at - bytes } : { kind, covers: a });
    }
    // durable[n]: so many operations are certainly on the medium after n of them.
    this.durable = [0];
    for (const [at, { kind, covers }] of this.operations.entries()) {
      assert.ok(kind === kinds.write || covers <= at, `${path}: a flush of what comes after it`);
      this.durable.push(kind === kinds.write ? this.durable[at] : Math.max(this.durable[at], covers));
    }
  }
  close() { closeSync(this.fd); }
  // The writes at risk in a cut after n operations: their numbers, in order.
  atRisk(n) {
    const list = [];
    for (let at = this.durable[n]; at < n; at++) if (this.operations[at].kind === kinds.write) list.push(at);
    return list;
  }
  bytesOf({ bytes, from }) {
    const data = Buffer.alloc(bytes);
    assert.equal(readSync(this.fd, data, 0, bytes, from), bytes);
    return data;
  }
  // Writes the operations [from, to) of the record into the image that is open as fd.
  replay(fd, from, to) {
    for (let at = from; at < to; at++) {
      const operation = this.operations[at];
      if (operation.kind === kinds.write) writeWhole(fd, this.bytesOf(operation), operation.offset);
    }
  }
  // Of what is at risk after n operations, what `luck` leaves. The image holds exactly the durable ones before.
  // Returns how many writes were {whole, torn, lost}.
  replayAtRisk(fd, n, luck, random) {
    const sums = { whole: 0, torn: 0, lost: 0 };
    const list = this.atRisk(n);
    for (const [place, at] of list.entries()) {
      const operation = this.operations[at];
      const what = luck(random, place, list.length);
      sums[what]++;
      if (what === 'lost') continue;
      const data = this.bytesOf(operation);
      if (what === 'whole') writeWhole(fd, data, operation.offset);
      else tear(fd, data, operation.offset, random, this.sectorBytes);
    }
    return sums;
  }
}

// The images of cuts of one recording, asked for in the order of the cuts. `start`: the image that the recording began with;
// `base` is made: what is durable at the cut.
export class CutImages {
  constructor(recording, start, base) {
    copyImage(start, base);
    Object.assign(this, { recording, base, fd: openSync(base, 'r+'), done: 0 });
  }
  // Writes the image of a power cut after `at` operations; returns the sums of replayAtRisk.
  make(at, luck, random, into) {
    const durable = this.recording.durable[at];
    assert.ok(durable >= this.done, 'cuts are asked for in their order');
    this.recording.replay(this.fd, this.done, durable);
    this.done = durable;
    copyImage(this.base, into);
    const fd = openSync(into, 'r+');
    const sums = this.recording.replayAtRisk(fd, at, luck, random);
    closeSync(fd);
    return sums;
  }
  close() { closeSync(this.fd); }
}

function writeWhole(fd, data, offset) {
  assert.equal(writeSync(fd, data, 0, data.length, offset), data.length);
}
// Each sector is there or not; at least one is not.
function tear(fd, data, offset, random, sector) {
  const count = data.length / sector;
  assert.ok(Number.isInteger(count), 'a write of whole sectors');
  const missing = random.below(count);
  for (let at = 0; at < count; at++) {
    if (at === missing || random.chance(0.5)) continue;
    writeWhole(fd, data.subarray(at * sector, (at + 1) * sector), offset + at * sector);
  }
}
