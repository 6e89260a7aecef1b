// The attacker's program: it knows a path and nothing else, and overwrites every file below it as fast as it can. It writes
// down when it was done with each one. Only a directory that the demo or a test has made and marked.
//
//   node destroyer.mjs PATH LOG      LOG: "microseconds-since-1970 bytes name" a file
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { relative } from 'node:path';
import { filesBelow, isMarked, marker, overwrite } from './chain.mjs';

const [, , path, log] = process.argv;
if (!path || !log || !isMarked(path)) throw new Error(`${path} is not marked as the demo's own; nothing was destroyed`);
const out = openSync(log, 'w');
for (const file of [...filesBelow(path)].sort()) {
  const name = relative(path, file);
  if (name === marker) continue;
  let fd;
  try {
    fd = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (error.code === 'ENOENT') continue;  // the node has just done with it
    throw error;
  }
  const bytes = overwrite(fd);
  closeSync(fd);
  writeSync(out, `${Math.round((performance.timeOrigin + performance.now()) * 1e3)} ${bytes} ${name}\n`);
}
