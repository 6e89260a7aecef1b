// Breaks `//` comment lines that are over 120 characters, keeping the hanging indent of labels ("// Errors: ...") and
// list marks; what is over flows into the next line when that continues the same paragraph. clang-format's own reflow
// does not know hanging indents, so it is off (.clang-format). Comments behind code are left to their writer.
//
//   node tools/wrap-comments.mjs FILE...
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const width = 120;
const comment = /^(\s*\/\/)(\s*)(.*)$/;

// Where text of this comment line goes on: after "Label:  " or a list mark, else under its own first letter.
function continuation(lead, blanks, text) {
  const mark = /^(?:[A-Z][A-Za-z ,]{0,20}: +|[-*] +|\d+\.\d* +)/.exec(text);
  return lead + blanks + ' '.repeat(mark ? mark[0].length : 0);
}

export function wrapComments(source) {
  const lines = source.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const found = comment.exec(lines[at]);
    if (!found || [...lines[at]].length <= width) continue;
    const next = lines[at + 1] ?? '';
    const own = comment.exec(next);
    // What looks like a label is none where its paragraph goes on below it without hanging.
    const plain = found[1] + found[2];
    const hangs = !(own && own[3] !== '' && own[1] + own[2] === plain && continuation(...own.slice(1)) === plain);
    const indent = hangs ? continuation(...found.slice(1)) : plain;
    const letters = [...lines[at]];
    let cut = letters.lastIndexOf(' ', width);
    while (cut > 0 && letters[cut - 1] === ' ') cut--;
    if (cut <= [...indent].length) continue; // one long word: an address
    const rest = letters.slice(cut).join('').trim();
    lines[at] = letters.slice(0, cut).join('');
    // The next line goes on with this paragraph when it starts exactly where the overflow would, and is no new item.
    const goesOn = own && own[3] !== '' && own[1] + own[2] === indent && continuation(...own.slice(1)) === indent;
    if (goesOn) lines[at + 1] = `${indent}${rest} ${own[3]}`;
    else lines.splice(at + 1, 0, indent + rest);
  }
  return lines.join('\n');
}

if (process.argv[1] && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  for (const path of process.argv.slice(2)) {
    const before = readFileSync(path, 'utf8');
    const after = wrapComments(before);
    if (after !== before) writeFileSync(path, after);
  }
}
