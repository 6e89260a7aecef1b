// Holds src/ to layers.txt: which room may include which, which headers core may take from outside, and what core never
// says. Prints every breach as file:line: sentence, and ends with exit 1 when there is one.
//
//   node tools/check-layers.mjs [TOP]        TOP: the folder that holds layers.txt and src/ (default: this repository)
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

// layers.txt as {rooms, testRooms: Map(room -> Set), headers: Map(room or 'core' or 'tests' -> Set), testFiles, never:
// [RegExp]}.
// A line that says nothing it can understand is an error: a law with a hole is no law.
export function parseLayers(text) {
  const layers = { rooms: new Map(), testRooms: new Map(), headers: new Map(), testFiles: [], never: [] };
  let section = null;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    const wrong = (what) => new Error(`layers.txt:${at + 1}: ${what}`);
    if (line === '' || line.startsWith('#')) continue;
    const heading = /^\[(rooms|rooms of tests|files of tests|never in core|headers of [a-z/]+)\]$/.exec(line);
    if (heading) {
      section = heading[1];
      continue;
    }
    if (section === 'rooms' || section === 'rooms of tests') {
      const parts = /^([a-z/]+):((?:\s+[a-z/]+(?:[a-z_]+\.h)?)*)$/.exec(line);
      if (!parts) throw wrong(`want "room: rooms or headers", got "${line}"`);
      const into = section === 'rooms' ? layers.rooms : layers.testRooms;
      if (into.has(parts[1])) throw wrong(`${parts[1]} is named twice`);
      into.set(parts[1], new Set(parts[2].trim().split(/\s+/).filter(Boolean)));
    } else if (section?.startsWith('headers of ')) {
      const room = section.slice('headers of '.length);
      const set = layers.headers.get(room) ?? new Set();
      for (const header of line.split(/\s+/)) {
        if (!/^<[\w+/.-]+>$/.test(header)) throw wrong(`want <header>, got "${header}"`);
        set.add(header.slice(1, -1));
      }
      layers.headers.set(room, set);
    } else if (section === 'files of tests') {
      layers.testFiles.push(new RegExp(line));
    } else if (section === 'never in core') {
      layers.never.push(new RegExp(line));
    } else {
      throw wrong(`"${line}" stands under no heading`);
    }
  }
  for (const [room, below] of [...layers.rooms, ...layers.testRooms]) {
    for (const other of below) {
      if (other !== 'schema' && !layers.rooms.has(other.endsWith('.h') ? dirname(other) : other)) throw new Error(`layers.txt: ${room} names ${other}, which is no room`);
    }
  }
  const cycle = findCycle(layers.rooms);
  if (cycle) throw new Error(`layers.txt: the rooms go round in a circle: ${cycle.join(' -> ')}`);
  return layers;
}

function findCycle(rooms) {
  const done = new Set();
  const visit = (room, path) => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (done.has(room)) return null;
    for (const below of rooms.get(room.endsWith('.h') ? dirname(room) : room) ?? []) {
      const cycle = visit(below, [...path, room]);
      if (cycle) return cycle;
    }
    done.add(room);
    return null;
  };
  for (const room of rooms.keys()) {
    const cycle = visit(room, []);
    if (cycle) return cycle;
  }
  return null;
}

// The source with comments and the insides of strings and characters blanked, line ends kept.
export function withoutCommentsAndStrings(source) {
  const tokens = new RegExp([
    '//[^\\n]*', // a comment to the end of its line
    '/\\*[\\s\\S]*?\\*/',
    'R"([^ ()\\\\\\t\\n]*)\\([\\s\\S]*?\\)\\1"',
    '"(?:\\\\.|[^"\\\\\\n])*"',
    "(?<![0-9a-fA-F])'(?:\\\\.|[^'\\\\\\n])+'", // not the separator of 1'000
  ].join('|'), 'g');
  return source.replace(tokens, (token) => {
    const blank = token.replace(/[^\n]/g, ' ');
    return token.startsWith('/') ? blank : `"${blank.slice(1, -1)}"`;
  });
}

function sourcesBelow(folder) {
  const out = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) out.push(...sourcesBelow(path));
    else if (/\.(h|cc)$/.test(name)) out.push(path);
  }
  return out;
}

// The room a path below src/ lies in: the longest name that is a folder of it.
function roomOf(path, layers) {
  return [...layers.rooms.keys()].filter((room) => path.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
}

// The breaches of one file, whose path is relative to src/ with '/'.
export function checkFile(path, source, layers) {
  const breaches = [];
  const room = roomOf(path, layers);
  if (!room) return [`src/${path}:1: lies in no room of layers.txt`];
  const forTests = (name) => layers.testFiles.some((pattern) => pattern.test(name));
  const isTest = forTests(path);
  const isCore = room.startsWith('core/');
  const rooms = new Set([room, ...layers.rooms.get(room), ...((isTest && layers.testRooms.get(room)) || [])]);
  const headers = new Set([...(layers.headers.get('core') ?? []), ...(layers.headers.get(room) ?? []),
    ...((isTest && layers.headers.get('tests')) || [])]);
  source.split('\n').forEach((line, at) => {
    const say = (what) => breaches.push(`src/${path}:${at + 1}: ${what}`);
    const include = /^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>|(\S+))/.exec(line);
    if (!include) return;
    const [, own, outside, macro] = include;
    if (macro) say(`includes by the macro ${macro}; name the header`);
    if (own) {
      const target = own.startsWith('schema/') ? 'schema' : roomOf(own, layers);
      if (!target) say(`"${own}" is no path from src/ into a room`);
      else if (!rooms.has(target) && !rooms.has(own)) say(`${room} may not include ${target} ("${own}")`);
      else if (!isTest && forTests(own)) say(`"${own}" is for tests`);
    }
    if (outside && isCore && !headers.has(outside)) say(`${room} may not include <${outside}>`);
  });
  if (isCore && !isTest) {
    withoutCommentsAndStrings(source).split('\n').forEach((line, at) => {
      if (/^\s*#\s*include/.test(line)) return;
      for (const pattern of layers.never) {
        const found = pattern.exec(line);
        if (found) breaches.push(`src/${path}:${at + 1}: core never says "${found[0]}" (layers.txt: ${pattern.source})`);
      }
    });
  }
  return breaches;
}

export function checkTree(top) {
  const layers = parseLayers(readFileSync(join(top, 'layers.txt'), 'utf8'));
  const src = join(top, 'src');
  const files = sourcesBelow(src);
  const breaches = [];
  for (const room of layers.rooms.keys()) {
    if (!existsSync(join(src, room))) breaches.push(`layers.txt: the room ${room} has no folder src/${room}`);
  }
  for (const file of files) {
    breaches.push(...checkFile(relative(src, file).split(sep).join('/'), readFileSync(file, 'utf8'), layers));
  }
  return { files: files.length, breaches };
}

if (process.argv[1] && fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  const top = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..');
  const { files, breaches } = checkTree(top);
  for (const breach of breaches) console.error(breach);
  if (files === 0) console.error('check-layers: no sources found');
  if (breaches.length || files === 0) process.exit(1);
  console.log(`check-layers: ${files} files keep to layers.txt.`);
}
