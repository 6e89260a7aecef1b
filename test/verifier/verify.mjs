// An independent verifier of an exported journal (a C2SP tlog-tiles tree). It shares no code with Holdfast and needs nothing
// but Node 18's own crypto: if this program and ours agree, two independent readings of the standards agree.
//
//   node verify.mjs DIR --vkey LOGVKEY [--cosigner VKEY]… [--quorum N] [--extends OLDER_DIR] [--json]
//   node verify.mjs DIR --keys FILE [--quorum N] [--extends OLDER_DIR] [--json]
//
// FILE has the keys, one a line: "log LOGVKEY", "cosigner VKEY", "quorum N". `holdfast journal export` writes one; it proves
// no more than its keys do, so compare them with the chain file's.
// Checks: the checkpoint's signature by the log's key; at least N valid cosignatures by different cosigners given; the hash of
// every entry in every bundle against its tile; every tile of every level against the one below; the root. With --extends: all
// of that for the older tree too, the same origin, every older leaf again in the later tree, and the older root recomputed
// from the later tree's leaves.
// Exit: 0 it holds; 1 it does not, the first reason is printed; 2 wrong usage.
// Sources: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles; RFC 6962 section 2.1; RFC 8032.
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TILE = 256;
const HASH = 32;

export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
const refuse = (code, message) => {
  throw new Refused(code, message);
};
const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

// ---- keys and notes

const strictBase64 = (text) => {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
};
const keyId = (name, type, key) => sha256(name, '\n', Buffer.from([type]), key).subarray(0, 4);

// "name+hex id+base64(type, key)". type 1: a log's Ed25519 key; 4: a cosigner's.
export function parseVkey(text, type) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text);
  const material = parts && strictBase64(parts[3]);
  if (!material || material.length !== 33 || material[0] !== type) refuse('bad_vkey', `not a verifier key of type ${type}: ${text}`);
  const key = material.subarray(1);
  const id = keyId(parts[1], type, key);
  if (id.toString('hex') !== parts[2]) refuse('bad_vkey', `the id of this verifier key is not its own: ${text}`);
  // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) is these 12 bytes and the key.
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  return { name: parts[1], id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

// The file of --keys: { vkey, cosigners, quorum }.
export function readKeys(path) {
  const keys = { vkey: null, cosigners: [], quorum: 0 };
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    refuse('bad_keys', `${path}: ${error.message}`);
  }
  for (const line of text.split('\n').filter(Boolean)) {
    const [word, value, ...more] = line.split(' ');
    if (more.length || !value) refuse('bad_keys', `${path}: not a line of keys: ${line}`);
    if (word === 'log' && !keys.vkey) keys.vkey = value;
    else if (word === 'cosigner') keys.cosigners.push(value);
    else if (word === 'quorum' && /^\d{1,3}$/.test(value)) keys.quorum = Number(value);
    else refuse('bad_keys', `${path}: not a line of keys: ${line}`);
  }
  if (!keys.vkey) refuse('bad_keys', `${path} names no log key`);
  return keys;
}

export function parseNote(bytes) {
  const bad = (why) => refuse('bad_note', why);
  let whole;
  try {
    whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    bad('the note is not UTF-8');
  }
  // eslint-disable-next-line no-control-regex -- the standard forbids exactly these
  if (/[\x00-\x09\x0b-\x1f]/.test(whole)) bad('the note holds a control character');
  const blank = whole.lastIndexOf('\n\n');
  if (blank < 0 || !whole.endsWith('\n')) bad('the note has no blank line before its signatures');
  const lines = whole.slice(blank + 2, -1).split('\n');
  const signatures = lines.map((line) => {
    const parts = /^\u2014 ([^+\s]+) (\S+)$/u.exec(line);
    const blob = parts && strictBase64(parts[2]);
    if (!blob || blob.length < 5) bad(`not a signature line: ${line}`);
    return { name: parts[1], id: blob.subarray(0, 4), signature: blob.subarray(4) };
  });
  return { text: whole.slice(0, blank + 1), signatures };
}

export function parseCheckpoint(text) {
  const lines = text.split('\n');
  const root = lines.length === 4 && strictBase64(lines[2]);
  if (!root || lines[3] !== '' || root.length !== HASH || lines[0] === '' || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1]))
    refuse('bad_checkpoint', 'a checkpoint is three lines: origin, size, root');
  return { origin: lines[0], size: Number(lines[1]), root };
}

const isBy = (signature, vkey) => signature.name === vkey.name && signature.id.equals(vkey.id);

function checkLogSignature(note, vkey) {
  const own = note.signatures.filter((s) => isBy(s, vkey));
  if (own.length === 0) refuse('not_signed', `no signature by ${vkey.name}`);
  for (const s of own)
    if (s.signature.length !== 64 || !verifySignature(null, Buffer.from(note.text), vkey.key, s.signature))
      refuse('bad_signature', `the signature of ${vkey.name} does not hold`);
}

// Names of the cosigners whose cosignature holds, with its time. A wrong one by a known key refuses the whole note.
function checkCosignatures(note, cosigners, quorum) {
  const found = new Map();
  for (const vkey of cosigners) {
    for (const s of note.signatures.filter((one) => isBy(one, vkey))) {
      const time = s.signature.length === 72 ? s.signature.readBigUInt64BE(0) : -1n;
      const message = Buffer.from(`cosignature/v1\ntime ${time}\n${note.text}`);
      if (time < 0n || time >= 1n << 63n || !verifySignature(null, message, vkey.key, s.signature.subarray(8)))
        refuse('bad_cosignature', `the cosignature of ${vkey.name} does not hold`);
      found.set(vkey.name, Number(time));
    }
  }
  if (found.size < quorum) refuse('no_quorum', `${found.size} of the cosigners given have signed, ${quorum} are needed`);
  return Object.fromEntries(found);
}

// ---- the tree

export function tilePath(kind, n, width) {
  let path = String(n % 1000).padStart(3, '0');
  for (let rest = Math.floor(n / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
  return `tile/${kind}/${path}${width === TILE ? '' : `.p/${width}`}`;
}

function readTile(dir, kind, n, width) {
  const path = tilePath(kind, n, width);
  if (existsSync(join(dir, path))) return readFileSync(join(dir, path));
  // The standard lets a partial tile go once the full one is there.
  const full = tilePath(kind, n, TILE);
  if (!existsSync(join(dir, full))) refuse('missing', `${path} is missing`);
  const bytes = readFileSync(join(dir, full));
  return kind === 'entries' ? bytes : bytes.subarray(0, width * HASH);
}

// The entries of one bundle, as they lie there.
export function readBundle(dir, n, width) {
  const bytes = readTile(dir, 'entries', n, width);
  const entries = [];
  let at = 0;
  while (at < bytes.length && entries.length < width) {
    const end = at + 2 <= bytes.length ? at + 2 + bytes.readUInt16BE(at) : Infinity;
    if (end > bytes.length) refuse('bad_bundle', `${tilePath('entries', n, width)} ends inside an entry`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  const isWhole = entries.length === width && (width < TILE || at === bytes.length);
  if (!isWhole) refuse('bad_bundle', `${tilePath('entries', n, width)} does not hold ${width} entries`);
  return entries;
}

export const readCheckpoint = (dir) => {
  if (!existsSync(join(dir, 'checkpoint'))) refuse('missing', `${dir} has no checkpoint`);
  const note = parseNote(readFileSync(join(dir, 'checkpoint')));
  return { note, ...parseCheckpoint(note.text) };
};

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

// RFC 6962's MTH over `count` hashes that lie one after the other in `hashes`, from `first`.
export function treeHash(hashes, first, count) {
  if (count === 0) return sha256();
  if (count === 1) return hashes.subarray(first * HASH, (first + 1) * HASH);
  let k = 1;
  while (k * 2 < count) k *= 2;
  return sha256(NODE, treeHash(hashes, first, k), treeHash(hashes, first + k, count - k));
}

// Every entry hashed, and compared with the tiles of level 0. Returns all leaf hashes, one after the other.
function checkLeaves(dir, size) {
  const leaves = [];
  for (let n = 0; n * TILE < size; ++n) {
    const width = Math.min(TILE, size - n * TILE);
    const hashes = Buffer.concat(readBundle(dir, n, width).map((entry) => sha256(LEAF, entry)));
    const tile = readTile(dir, 0, n, width);
    if (!tile.equals(hashes)) {
      let i = 0;
      while (i < width && tile.subarray(i * HASH, (i + 1) * HASH).equals(hashes.subarray(i * HASH, (i + 1) * HASH))) ++i;
      refuse('bad_leaf', `entry ${n * TILE + i} does not have the hash in ${tilePath(0, n, width)}`);
    }
    leaves.push(hashes);
  }
  return Buffer.concat(leaves);
}

// Each hash of a level above is the root of one full tile below it.
function checkUpperTiles(dir, leaves, size) {
  let below = leaves;
  let count = size;
  for (let level = 1; count >= TILE; ++level) {
    const full = Math.floor(count / TILE);
    const hashes = Buffer.concat(Array.from({ length: full }, (_, i) => treeHash(below, i * TILE, TILE)));
    for (let n = 0; n * TILE < full; ++n) {
      const width = Math.min(TILE, full - n * TILE);
      if (!readTile(dir, level, n, width).equals(hashes.subarray(n * TILE * HASH, (n * TILE + width) * HASH)))
        refuse('bad_tile', `${tilePath(level, n, width)} does not hold the roots of the tiles below it`);
    }
    below = hashes;
    count = full;
  }
}

// { origin, size, root, leaves, cosigned } or a Refused is thrown.
export function verifyTree(dir, { vkey, cosigners = [], quorum = 0 }) {
  const checkpoint = readCheckpoint(dir);
  const key = parseVkey(vkey, 1);
  if (checkpoint.origin !== key.name) refuse('wrong_origin', `the checkpoint is of ${checkpoint.origin}, the key of ${key.name}`);
  checkLogSignature(checkpoint.note, key);
  const cosigned = checkCosignatures(checkpoint.note, cosigners.map((c) => parseVkey(c, 4)), quorum);
  const leaves = checkLeaves(dir, checkpoint.size);
  checkUpperTiles(dir, leaves, checkpoint.size);
  if (!treeHash(leaves, 0, checkpoint.size).equals(checkpoint.root))
    refuse('bad_root', 'the entries do not have the root that the checkpoint signs');
  return { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root, leaves, cosigned };
}

export function checkExtends(later, older) {
  if (later.origin !== older.origin) refuse('other_origin', `${older.origin} and ${later.origin} are different journals`);
  if (later.size < older.size) refuse('shrunk', `the later tree has ${later.size} entries, the older ${older.size}`);
  for (let i = 0; i < older.size; ++i)
    if (!later.leaves.subarray(i * HASH, (i + 1) * HASH).equals(older.leaves.subarray(i * HASH, (i + 1) * HASH)))
      refuse('rewritten', `entry ${i} is another one in the later tree`);
  if (!treeHash(later.leaves, 0, older.size).equals(older.root))
    refuse('rewritten', `the later tree's first ${older.size} entries do not have the older root`);
}

// ---- command line

function parseArguments(args) {
  const options = { cosigners: [], json: false };
  const flags = { '--vkey': 'vkey', '--keys': 'keys', '--extends': 'older', '--quorum': 'quorum' };
  for (let i = 0; i < args.length; ++i) {
    const value = args[i + 1];
    if (args[i] === '--json') options.json = true;
    else if (args[i] === '--cosigner' && value) options.cosigners.push(args[++i]);
    else if (flags[args[i]] && value) options[flags[args[i]]] = args[++i];
    else if (!args[i].startsWith('--') && !options.dir) options.dir = args[i];
    else return null;
  }
  const by_file = options.keys !== undefined, by_hand = options.vkey !== undefined;
  if (!options.dir || by_file === by_hand || (by_file && options.cosigners.length)) return null;
  if (options.quorum === undefined) return options;
  options.quorum = Number(options.quorum);
  return Number.isInteger(options.quorum) && options.quorum >= 0 ? options : null;
}

function run(args) {
  const options = parseArguments(args);
  if (!options) {
    console.error('usage: node verify.mjs DIR (--keys FILE | --vkey LOGVKEY [--cosigner VKEY]…) [--quorum N] [--extends OLDER_DIR] [--json]');
    return 2;
  }
  const result = { ok: true, dir: options.dir };
  try {
    const keys = { quorum: 0, ...(options.keys ? readKeys(options.keys) : options) };
    if (options.quorum !== undefined) keys.quorum = options.quorum;
    const tree = verifyTree(options.dir, keys);
    Object.assign(result, { origin: tree.origin, size: tree.size, root: tree.root.toString('base64'), cosigned: tree.cosigned });
    if (options.older) {
      const older = verifyTree(options.older, keys);
      checkExtends(tree, older);
      result.extends = { dir: options.older, size: older.size, root: older.root.toString('base64') };
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    Object.assign(result, { ok: false, code: error.code, reason: error.message });
  }
  if (options.json) console.log(JSON.stringify(result));
  else if (!result.ok) console.log(`REFUSED ${options.dir}: ${result.reason} (${result.code})`);
  else {
    const names = Object.keys(result.cosigned).join(', ') || 'nobody';
    console.log(`ok ${result.origin}: ${result.size} entries, root ${result.root}, cosigned by ${names}`);
    if (result.extends) console.log(`ok it extends ${result.extends.dir} (${result.extends.size} entries)`);
  }
  return result.ok ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = run(process.argv.slice(2));
