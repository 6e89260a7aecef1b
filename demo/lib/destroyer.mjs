// The attacker's program: it knows a path and nothing else, and overwrites every file below it as fast as it can. It writes
// down when it was done with each one. Only a directory that the demo or a test has made and marked.
//
//   node destroyer.mjs PATH LOG      LOG: "microseconds-since-1970 bytes name" a file
import { closeSync, existsSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { marker } from './chain.mjs';

const [, , path, log] = process.argv;
if (!path || !log || !existsSync(join(path, marker))) throw new Error(`${path} is not marked as the demo's own; nothing was destroyed`);
const out = openSync(log, 'w'), noise = Buffer.alloc(1 << 20);
for (const name of readdirSync(path, { recursive: true }).sort()) {
  const file = join(path, name), is = statSync(file, { throwIfNoEntry: false });
  if (!is?.isFile() || name === marker) continue;
  let fd;
  try {
    fd = openSync(file, 'r+');
  } catch (error) {
    if (error.code === 'ENOENT') continue;  // the node has just done with it
    throw error;
  }
  for (let at = 0; at < is.size; at += noise.length) {
    randomFillSync(noise);
    writeSync(fd, noise, 0, Math.min(noise.length, is.size - at), at);
  }
  closeSync(fd);
  writeSync(out, `${Math.round((performance.timeOrigin + performance.now()) * 1e3)} ${is.size} ${name}\n`);
}
