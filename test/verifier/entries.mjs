// Reads the entries of an exported journal, without FlatBuffers' library and without our code: the field order comes from
// schema/events.fbs itself, parsed here, and the bytes are read as the FlatBuffers format says.
//
//   node entries.mjs DIR [--kind SaleRecorded]     one JSON line an entry
//
// Shape:  64-bit numbers are BigInt (strings in JSON), byte vectors are hex, enums are their names in lower
//         case, as in the HTTP API ("cash"). An entry made of Parts is
//         given once, at the index of its last part (protocol 1.3).
// Errors: a Refused (verify.mjs) names the entry. Verify a tree with verify.mjs before believing what it says.
// Source: FlatBuffers internals (flatbuffers.dev), tables with vtables, offsets relative and little-endian.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Refused, readBundle, readCheckpoint } from './verify.mjs';

const scalars = {
  bool: ['getUint8', 1], ubyte: ['getUint8', 1], byte: ['getInt8', 1], ushort: ['getUint16', 2], short: ['getInt16', 2],
  uint: ['getUint32', 4], int: ['getInt32', 4], ulong: ['getBigUint64', 8], long: ['getBigInt64', 8],
};

// { tables: name -> [{name, type, fallback, slot}], enums: name -> {base, names}, unions: name -> [table names], root }
export function parseSchema(text) {
  const schema = { tables: {}, enums: {}, unions: {}, root: /root_type\s+(\w+)/.exec(text)[1] };
  const plain = text.replace(/\/\/.*$/gm, '');
  for (const [, name, base, body] of plain.matchAll(/enum\s+(\w+)\s*:\s*(\w+)\s*\{([^}]*)\}/g)) {
    let next = 0;
    const names = {};
    for (const part of body.split(',').map((p) => p.trim()).filter(Boolean)) {
      const [label, value] = part.split('=').map((p) => p.trim());
      if (value !== undefined) next = Number(value);
      names[next++] = label.toLowerCase();
    }
    schema.enums[name] = { base, names };
  }
  for (const [, name, body] of plain.matchAll(/union\s+(\w+)\s*\{([^}]*)\}/g))
    schema.unions[name] = body.split(',').map((p) => p.trim()).filter(Boolean);
  for (const [, name, body] of plain.matchAll(/table\s+(\w+)\s*\{([^}]*)\}/g)) {
    let slot = 0;
    schema.tables[name] = [...body.matchAll(/(\w+)\s*:\s*(\[?\w+\]?)\s*(?:=\s*([\w.-]+))?\s*(?:\([^)]*\))?\s*;/g)].map(
      ([, field, type, fallback]) => {
        if (type in schema.unions) slot += 1; // a union takes two slots: its type, then its value
        return { name: field, type, fallback, slot: slot++ };
      });
  }
  return schema;
}

const schemaFile = fileURLToPath(new URL('../../schema/events.fbs', import.meta.url));
let ours = null;
const ourSchema = () => (ours ??= parseSchema(readFileSync(schemaFile, 'utf8')));

class TableReader {
  constructor(schema, bytes) {
    this.schema = schema;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength); // out of bounds throws a RangeError
  }
  u32(at) {
    return this.view.getUint32(at, true);
  }
  slotOf(table, slot) { // position of a field's value; 0: not there
    const vtable = table - this.view.getInt32(table, true);
    const at = 4 + 2 * slot;
    const offset = at < this.view.getUint16(vtable, true) ? this.view.getUint16(vtable + at, true) : 0;
    return offset === 0 ? 0 : table + offset;
  }
  vector(at) { // [position of the first element, length]
    const start = at + this.u32(at);
    return [start + 4, this.u32(start)];
  }
  slice(at, size) {
    const [start, length] = this.vector(at);
    if (start + length * size > this.bytes.length) throw new RangeError('a vector beyond the end');
    return this.bytes.subarray(start, start + length * size);
  }
  scalar(type, at) {
    return this.view[scalars[type][0]](at, true);
  }
  fallback(type, text) {
    if (type === 'bool') return text === 'true';
    if (type in scalars) return scalars[type][1] === 8 ? BigInt(text ?? 0) : Number(text ?? 0);
    if (type in this.schema.enums) return text?.toLowerCase() ?? this.schema.enums[type].names[0];
    return type.startsWith('[') ? (type === '[ubyte]' ? '' : []) : type === 'string' ? '' : null;
  }
  value(type, at) {
    if (type === 'bool') return this.scalar('ubyte', at) !== 0;
    if (type in scalars) return this.scalar(type, at);
    if (type in this.schema.enums) {
      const { base, names } = this.schema.enums[type];
      return names[this.scalar(base, at)] ?? `unknown ${type} ${this.scalar(base, at)}`;
    }
    if (type === 'string') return this.slice(at, 1).toString('utf8');
    if (type === '[ubyte]') return this.slice(at, 1).toString('hex');
    if (type.startsWith('[')) {
      const element = type.slice(1, -1);
      const size = scalars[element]?.[1] ?? 4;
      const [start] = this.vector(at);
      return Array.from({ length: this.slice(at, size).length / size }, (_, i) => this.value(element, start + i * size));
    }
    return this.table(type, at + this.u32(at));
  }
  table(type, at) {
    const out = {};
    for (const field of this.schema.tables[type]) {
      const place = this.slotOf(at, field.slot);
      const members = this.schema.unions[field.type];
      if (!members) {
        out[field.name] = place ? this.value(field.type, place) : this.fallback(field.type, field.fallback);
        continue;
      }
      const kindAt = this.slotOf(at, field.slot - 1);
      const kind = kindAt ? members[this.scalar('ubyte', kindAt) - 1] : undefined;
      out.kind = kind ?? null;
      out[field.name] = kind && place ? this.value(kind, place) : null;
    }
    return out;
  }
}

// One Entry's bytes -> { at, write, kind, body }.
export function decode(bytes, schema = ourSchema()) {
  const reader = new TableReader(schema, bytes);
  return reader.table(schema.root, reader.u32(0));
}

// The entries of a tree as { index, bytes }, from `first` on.
export function* rawEntries(dir, first = 0) {
  const { size } = readCheckpoint(dir);
  for (let n = Math.floor(first / 256); n * 256 < size; ++n) {
    const bundle = readBundle(dir, n, Math.min(256, size - n * 256));
    for (let i = 0; i < bundle.length; ++i) if (n * 256 + i >= first) yield { index: n * 256 + i, bytes: bundle[i] };
  }
}

// The entries of a tree as { index, at, write, kind, body }, Parts joined.
export function* entries(dir, schema = ourSchema()) {
  let parts = [];
  for (const { index, bytes } of rawEntries(dir)) {
    const guarded = (data) => {
      try {
        return decode(data, schema);
      } catch (error) {
        throw new Refused('bad_entry', `entry ${index} can not be read: ${error.message}`);
      }
    };
    let entry = guarded(bytes);
    if (entry.kind === 'Part') {
      if (entry.body.number !== parts.length) throw new Refused('bad_entry', `entry ${index} is part ${entry.body.number}, not ${parts.length}`);
      parts.push(Buffer.from(entry.body.data, 'hex'));
      if (!entry.body.last) continue;
      entry = guarded(Buffer.concat(parts));
    }
    parts = [];
    yield { index, ...entry };
  }
}

export const toJson = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString() : v));

function run(args) {
  const [dir, flag, kind] = args;
  const isUsable = dir && !dir.startsWith('--') && (flag === undefined || (flag === '--kind' && kind));
  if (!isUsable) {
    console.error('usage: node entries.mjs DIR [--kind KIND]');
    return 2;
  }
  try {
    for (const entry of entries(dir)) if (!kind || entry.kind === kind) console.log(toJson(entry));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(`REFUSED ${dir}: ${error.message} (${error.code})`);
    return 1;
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = run(process.argv.slice(2));
