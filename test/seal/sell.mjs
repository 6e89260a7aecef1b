// For tests: a till in its own namespace that sells without a pause. sell.mjs URL TILL KEY STAFF OUT
import { openSync, writeSync } from 'node:fs';
import { Client, newKey, sleep } from '../../demo/lib/http.mjs';
const [, , url, till, key, staff, out] = process.argv;
const client = new Client(url, { headers: { authorization: `Till ${till}.${key}` }, timeoutMs: 5000 });
const file = openSync(out, 'w');
let stopping = false;
process.on('SIGTERM', () => { stopping = true; });
while (!stopping) {
  const write = { key: newKey(), kind: 'sale', staff, lines: [{ sku: 'X', quantity: '1', unit_price: '1.00', vat: 'S', name: 'Thing', open: true }], tenders: [{ kind: 'cash', amount: 100 }] };
  let ok = false;
  try {
    const { body } = await client.call('POST', '/v1/writes', { writes: [write] });
    ok = body?.replies?.[0]?.ok === true;
  } catch { /* told as a failure */ }
  writeSync(file, `${JSON.stringify({ at: String(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))), ok })}\n`);
  await sleep(30);
}
client.close();
