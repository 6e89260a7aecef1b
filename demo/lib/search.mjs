// Looks for words in the clear in every byte below some directories: journals, read models, logs, snapshots and all else.
// The words are looked for as they are, in UTF-16 (both orders) and in base64 at each of its three offsets.
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export function forms(word) {
  const plain = Buffer.from(word, 'utf8');
  const wide = Buffer.from(word, 'utf16le');
  const list = [plain, wide, Buffer.from(wide).swap16(), Buffer.from(plain.toString('hex'))];
  for (let shift = 0; shift < 3; shift++) {
    // Only the middle of a base64 text is the same whatever stands around the word.
    const text = Buffer.concat([Buffer.alloc(shift), plain]).toString('base64').replace(/=+$/, '');
    const middle = text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + plain.length) * 8) / 6));
    if (middle.length >= 8) list.push(Buffer.from(middle));
  }
  return list;
}

// [{path, word}] of each file that holds a word; counts what was searched in `told`.
export function searchInClear(directories, words, told = {}) {
  const wanted = words.map((word) => ({ word, forms: forms(word) }));
  const overlap = Math.max(...wanted.flatMap(({ forms: list }) => list.map((form) => form.length)));
  const found = [];
  told.files = 0;
  told.bytes = 0;
  const buffer = Buffer.alloc((1 << 22) + overlap);
  for (const directory of directories) {
    for (const name of readdirSync(directory, { recursive: true })) {
      const path = join(directory, name);
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) continue;
      told.files++;
      const file = openSync(path, 'r');
      const seen = new Set();
      for (let kept = 0; ; ) {
        const got = readSync(file, buffer, kept, buffer.length - kept, null);
        if (got === 0) break;
        told.bytes += got;
        const part = buffer.subarray(0, kept + got);
        for (const { word, forms: list } of wanted) {
          if (!seen.has(word) && list.some((form) => part.includes(form))) {
            seen.add(word);
            found.push({ path, word });
          }
        }
        kept = Math.min(overlap, part.length);
        part.copy(buffer, 0, part.length - kept);
      }
      closeSync(file);
    }
  }
  return found;
}
