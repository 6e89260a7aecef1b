// The journals of a chain, exported with the program and checked with the verifier in test/verifier, which shares no code
// with it. Trust starts at the chain file's keys; a later epoch's keys count by its registration, whose signatures are
// checked here: the certificate's by the recovery keys, the registration's by the new log key (protocol 5.1, 5.2).
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './chain.mjs';
import { inParallel } from './http.mjs';
import { Ledger } from './audit.mjs';
import { Refused, checkExtends, parseNote, readKeys, verifyTree } from '../../test/verifier/verify.mjs';
import { entries } from '../../test/verifier/entries.mjs';

// Exports every epoch of every site's own journal: into/<site>-<epoch>. Returns [{site, epoch, origin, path, chainFile}].
export async function exportAll(chain, into, { width = 2 } = {}) {
  const wanted = [];
  for (const site of chain.sites.values()) {
    const { origin, epoch } = await site.about();
    const stem = origin.slice(0, origin.lastIndexOf('/'));
    for (let e = 1; e <= epoch; e++) {
      wanted.push({ site: site.name, epoch: e, origin: `${stem}/${e}`, path: join(into, `${site.name}-${e}`), chainFile: join(chain.path, 'chain.hfc'), dir: site.dir });
    }
  }
  await inParallel(wanted, width, ({ dir, origin, path }) => run(['journal', 'export', '--data', dir, '--origin', origin, '--into', path]));
  return wanted;
}

// ---- keys

const keyId = (name, type, key) => createHash('sha256').update(name).update('\n').update(Buffer.from([type])).update(key).digest().subarray(0, 4);
function vkey(name, type, hex) {
  const key = Buffer.from(hex, 'hex');
  return `${name}+${keyId(name, type, key).toString('hex')}+${Buffer.concat([Buffer.from([type]), key]).toString('base64')}`;
}
function holds(text, signature, hex) {
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(hex, 'hex')]);
  return verifySignature(null, Buffer.from(text), createPublicKey({ key: der, format: 'der', type: 'spki' }), signature);
}
// How many of the keys [{name, key}] have validly signed the note.
function signers(note, keys) {
  return keys.filter(({ name, key }) => note.signatures.some((signature) => signature.name === name &&
    signature.id.equals(keyId(name, 1, Buffer.from(key, 'hex'))) && holds(note.text, signature.signature, key))).length;
}

// What the verifier needs of the chain file: { chain, quorum, recovery: {needed, keys}, sites: {name: {mirrors, log, cosign}} }.
export function readChainFile(path) {
  const note = parseNote(readFileSync(path));
  const value = (text, name) => new RegExp(`^${name} = (.*)$`, 'm').exec(text)?.[1];
  const blocks = note.text.split(/\n(?=\[)/);
  const top = blocks[0];
  const chain = JSON.parse(value(top, 'chain'));
  const keySet = (table, word) => {
    const block = blocks.find((each) => each.startsWith(`[${table}]`));
    return { needed: Number(value(block, 'needed')), keys: [...block.matchAll(/name = "([^"]+)", key = "([0-9a-f]{64})"/g)].map(([, name, key]) => ({ name: `${chain}/${word}/${name}`, key })) };
  };
  const root = keySet('root', 'root');
  if (signers(note, root.keys) < root.needed) throw new Refused('bad_chain_file', 'fewer root keys than needed have signed the chain file');
  const sites = {};
  for (const block of blocks.filter((each) => each.startsWith('[[site]]'))) {
    sites[JSON.parse(value(block, 'name'))] = { mirrors: JSON.parse(value(block, 'mirrors')),
      keys: { 1: { log: JSON.parse(value(block, 'log_key')), cosign: JSON.parse(value(block, 'cosign_key')) } } };
  }
  return { chain, quorum: Number(value(top, 'quorum')), recovery: keySet('recovery', 'recovery'), sites };
}

// A registration as entry 0 of an epoch names it, its signatures checked. { site, epoch, oldOrigin, size, root, keys }
export function readRegistration(bytes, chain, origin) {
  const note = parseNote(bytes);
  const at = note.text.indexOf('\ncertificate\n');
  const field = (text, name) => new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
  const head = note.text.slice(0, at), certificate = parseNote(Buffer.from(note.text.slice(at + '\ncertificate\n'.length)));
  const site = field(certificate.text, 'site'), epoch = Number(field(certificate.text, 'epoch'));
  const keys = { log: field(certificate.text, 'log'), cosign: field(certificate.text, 'cosign') };
  if (`${chain.chain}/${site}/${epoch}` !== origin) throw new Refused('bad_registration', `the registration in ${origin} is of ${site}/${epoch}`);
  if (signers(certificate, chain.recovery.keys) < chain.recovery.needed) throw new Refused('bad_registration', `fewer recovery keys than needed have signed the certificate of ${origin}`);
  if (signers(note, [{ name: origin, key: keys.log }]) !== 1) throw new Refused('bad_registration', `the registration of ${origin} is not signed by its own log key`);
  return { site, epoch, oldOrigin: field(head, 'old'), size: Number(field(head, 'size')), root: field(head, 'root'), keys };
}
const registrationOf = (tree, chain) => {
  for (const entry of entries(tree.path)) {
    if (entry.kind !== 'EpochOpened') throw new Refused('bad_epoch', `entry 0 of ${tree.origin} is ${entry.kind}`);
    return readRegistration(Buffer.from(entry.body.registration, 'hex'), chain, tree.origin);
  }
  throw new Refused('bad_epoch', `${tree.origin} is empty`);
};

// ---- the checks of Must show 4

// before, after: from exportAll. { trees, leaves, failed: [sentence, ...] }
export async function verifyAll(before, after) {
  const result = { trees: 0, leaves: 0, failed: [], entries: {} };
  const guarded = (what, check) => {
    try {
      return check();
    } catch (error) {
      result.failed.push(`${what}: ${error.message}`);
      return undefined;
    }
  };
  const file = (after[0] ?? before[0]).chainFile;
  const chain = guarded('the chain file', () => readChainFile(file));
  if (!chain) return result;
  const registrations = new Map();
  for (const tree of after.filter(({ epoch }) => epoch > 1)) {
    const registration = guarded(tree.origin, () => registrationOf(tree, chain));
    if (!registration) continue;
    registrations.set(tree.origin, registration);
    chain.sites[tree.site].keys[tree.epoch] = registration.keys;
  }
  const verify = (tree) => guarded(`${tree.path} (${tree.origin})`, () => {
    const site = chain.sites[tree.site];
    const cosigners = site.mirrors.flatMap((mirror) => Object.values(chain.sites[mirror].keys).map(({ cosign }) => vkey(`${chain.chain}/${mirror}`, 4, cosign)));
    const keys = { vkey: vkey(tree.origin, 1, site.keys[tree.epoch].log), cosigners };
    // A closed epoch ends where its successor's registration says; the mirrors that sealed it have stored that registration
    // and cosigned the epoch that names it, and no longer cosign the old one (protocol 5.2).
    const [closed] = [...registrations.values()].filter(({ oldOrigin }) => oldOrigin === tree.origin);
    checkKeys(tree, keys, closed, chain.quorum);
    const alone = closed && verifyClosed(tree, keys, closed);
    const vouched = alone && alone.size >= closed.size && rootAt(alone, closed.size) === closed.root;
    const verified = vouched ? alone : verifyTree(tree.path, { ...keys, quorum: chain.quorum });
    result.trees++;
    result.leaves += verified.size;
    return verified;
  });
  const later = new Map(after.map((tree) => [tree.origin, verify(tree)]));
  for (const tree of before) {
    const old = verify(tree), now = later.get(tree.origin);
    if (!old || !now) {
      if (!now) result.failed.push(`${tree.origin} was exported before and is not there after`);
      continue;
    }
    const [successor] = [...registrations].find(([, { oldOrigin }]) => oldOrigin === tree.origin) ?? [];
    if (!successor || old.size <= now.size) guarded(tree.origin, () => checkExtends(now, old));
    else if (!old.leaves.subarray(0, now.size * 32).equals(now.leaves)) result.failed.push(`${tree.origin}: the kept prefix is not what was exported before`);
  }
  // What was written beyond the kept prefix, as far as anyone holds it, must have been taken in or be on the list (6.4).
  for (const tree of [...before, ...after]) {
    const [closed] = [...registrations.values()].filter(({ oldOrigin }) => oldOrigin === tree.origin);
    if (closed) guarded(tree.origin, () => checkTail(tree, closed.size, after.filter(({ site }) => site === tree.site)));
  }
  for (const [origin, { oldOrigin, size, root }] of registrations) {
    const kept = later.get(oldOrigin);
    if (kept && (kept.size < size || rootAt(kept, size) !== root)) result.failed.push(`${oldOrigin} does not hold the (size, root) that ${origin} registered`);
  }
  return result;
}
// What the export gives an auditor for keys (PATH.vkeys) must be keys that the chain file and the registrations vouch for.
function checkKeys(tree, keys, closed, quorum) {
  const given = readKeys(`${tree.path}.vkeys`);
  const logs = [keys.vkey, ...(closed ? [vkey(tree.origin, 1, closed.keys.log)] : [])];
  const strange = [...(logs.includes(given.vkey) ? [] : [given.vkey]), ...given.cosigners.filter((key) => !keys.cosigners.includes(key))];
  if (strange.length || given.quorum !== quorum) throw new Refused('bad_keys', `${tree.path}.vkeys: ${strange.join(', ') || `quorum ${given.quorum}`}`);
}
// The last checkpoint of a closed epoch is by its own key, or, where a spare goes on from entries that this key never signed, by
// the key of the epoch that closed it: at the registered size and at no other (protocol 13.51).
function verifyClosed(tree, keys, closed) {
  try {
    return verifyTree(tree.path, { ...keys, quorum: 0 });
  } catch (error) {
    if (error.code !== 'not_signed') throw error;
    const by = verifyTree(tree.path, { ...keys, vkey: vkey(tree.origin, 1, closed.keys.log), quorum: 0 });
    if (by.size !== closed.size) throw new Refused('bad_close', `${tree.origin} is signed at ${by.size} by the key that closed it at ${closed.size}`);
    return by;
  }
}
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
function rootAt({ leaves }, size) {
  const tree = (from, count) => {
    if (count === 1) return leaves.subarray(from * 32, from * 32 + 32);
    const left = 2 ** Math.floor(Math.log2(count - 1));
    return sha256(Buffer.from([1]), tree(from, left), tree(from + left, count - left));
  };
  return (size === 0 ? sha256() : tree(0, size)).toString('hex');
}
function checkTail(tree, kept, later) {
  const tail = [...entries(tree.path)].filter(({ index, write }) => index >= kept && write);
  if (tail.length === 0) return;
  const keys = new Set(), listed = new Set();
  for (const each of later.filter(({ epoch }) => epoch > tree.epoch)) {
    for (const { kind, write, body } of entries(each.path)) {
      if (write) keys.add(`${write.till} ${write.key}`);
      if (kind === 'TailListed') listed.add(`${body.origin} ${body.index}`);
    }
  }
  for (const { index, kind, write } of tail) {
    if (!keys.has(`${write.till} ${write.key}`) && !listed.has(`${tree.origin} ${index}`)) throw new Error(`entry ${index} (${kind}) of the tail is in no place`);
  }
}

// ---- what they say

// The events that count today of one site, in order: of each epoch the prefix that the next one kept.
export async function effectiveEvents(treesOfSite) {
  const trees = [...treesOfSite].sort((a, b) => a.epoch - b.epoch);
  const chain = readChainFile(trees[0].chainFile);
  const kept = new Map();
  for (const tree of trees.filter(({ epoch }) => epoch > 1)) {
    const { oldOrigin, size } = registrationOf(tree, chain);
    kept.set(oldOrigin, size);
  }
  const events = [];
  for (const tree of trees) {
    const size = kept.get(tree.origin) ?? Infinity;
    for (const entry of entries(tree.path)) if (entry.index < size) events.push({ origin: tree.origin, ...entry });
  }
  return events;
}
export async function ledgersOf(trees) {
  const ledgers = new Map();
  for (const site of new Set(trees.map((tree) => tree.site))) {
    ledgers.set(site, new Ledger(site, await effectiveEvents(trees.filter((tree) => tree.site === site))));
  }
  return ledgers;
}
