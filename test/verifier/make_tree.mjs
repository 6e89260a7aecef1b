// Makes tlog-tiles trees for the tests, honest ones and forged ones, without the verifier's code.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const sha = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((p) => Buffer.from(p)))).digest();

export class Key {
  constructor(name, type) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    Object.assign(this, { name, type, privateKey, raw: Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url') });
    this.id = sha(name, '\n', [type], this.raw).subarray(0, 4);
  }
  get vkey() {
    return `${this.name}+${this.id.toString('hex')}+${Buffer.concat([Buffer.from([this.type]), this.raw]).toString('base64')}`;
  }
  line(blob) {
    return `\u2014 ${this.name} ${Buffer.concat([this.id, blob]).toString('base64')}\n`;
  }
  signature(text) {
    return this.line(sign(null, Buffer.from(text), this.privateKey));
  }
  cosignature(text, time = 1_795_356_185n) {
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(time);
    return this.line(Buffer.concat([stamp, sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), this.privateKey)]));
  }
}

export const leafHash = (entry) => sha([0], entry);
export const nodeHash = (left, right) => sha([1], left, right);
// RFC 6962, bottom up: pairs are joined level by level, an odd last one goes up as it is.
export function rootOf(hashes) {
  if (hashes.length === 0) return sha('');
  let row = hashes;
  while (row.length > 1) {
    const next = [];
    for (let i = 0; i < row.length; i += 2) next.push(i + 1 < row.length ? nodeHash(row[i], row[i + 1]) : row[i]);
    row = next;
  }
  return row[0];
}

const number = (n) => {
  const groups = [];
  do {
    groups.unshift(String(n % 1000).padStart(3, '0'));
    n = Math.floor(n / 1000);
  } while (n > 0);
  return groups.map((g, i) => (i + 1 < groups.length ? `x${g}` : g)).join('/');
};
const put = (dir, path, bytes) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), bytes);
};
const tilesOf = (hashes) => Array.from({ length: Math.ceil(hashes.length / 256) }, (_, n) => hashes.slice(n * 256, n * 256 + 256));
const nameOf = (kind, n, width) => `tile/${kind}/${number(n)}${width < 256 ? `.p/${width}` : ''}`;

// Writes the tree of `list` and its checkpoint, signed by `log` and cosigned by `cosigners`. `root` overrides the true one.
export function makeTree(dir, list, { log, cosigners = [], origin = log.name, root, size = list.length }) {
  const leaves = list.map(leafHash);
  tilesOf(list).forEach((bundle, n) => {
    const framed = bundle.map((entry) => Buffer.concat([Buffer.from([entry.length >> 8, entry.length & 255]), Buffer.from(entry)]));
    put(dir, nameOf('entries', n, bundle.length), Buffer.concat(framed));
  });
  for (let level = 0, row = leaves; row.length > 0; ++level) {
    const tiles = tilesOf(row);
    tiles.forEach((tile, n) => put(dir, nameOf(level, n, tile.length), Buffer.concat(tile)));
    row = tiles.filter((tile) => tile.length === 256).map(rootOf);
  }
  const text = `${origin}\n${size}\n${(root ?? rootOf(leaves)).toString('base64')}\n`;
  put(dir, 'checkpoint', `${text}\n${log.signature(text)}${cosigners.map((c) => c.cosignature(text)).join('')}`);
  return text;
}
