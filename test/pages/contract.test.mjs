// What a node answers against schema/openapi.yaml: the mock by default, a real node by HF_NODE_URL. A field that the
// contract asks for and the node leaves out, or of another type, fails here, before a page meets it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { manager, real, start_node } from './lib.mjs';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const Ajv = require('ajv/dist/2020').default;
const { parse } = require('yaml');

const api = parse(readFileSync(new URL('../../schema/openapi.yaml', import.meta.url), 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/, uri: true, password: true } });
ajv.addSchema(api, 'api');
const pointer = (path) => path.map((p) => String(p).replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
const follow = (at) => (at.$ref ? at.$ref.slice(2).split('/').reduce((node, key) => node[key], api) : at);
const place_of = (at, path) => (at.$ref ? at.$ref.slice(2).split('/') : path);

/** Refuses what the contract does not describe: path, method, status, media type, body. */
function check(template, method, response, body) {
  const operation = api.paths[template]?.[method];
  assert.ok(operation, `${method} ${template} is not in openapi.yaml`);
  const status = operation.responses[response.status] ? String(response.status) : 'default';
  const given = operation.responses[status];
  assert.ok(given, `${method} ${template}: ${response.status} is not in openapi.yaml: ${JSON.stringify(body)}`);
  const described = follow(given);
  if (!described.content) return assert.equal(body, undefined, `${method} ${template} ${response.status} has no body`);
  const type = response.headers.get('content-type').split(';')[0];
  assert.ok(described.content[type], `${method} ${template} ${response.status}: ${type}`);
  if (type === 'text/plain') return undefined;
  const path = [...place_of(given, ['paths', template, method, 'responses', status]), 'content', type, 'schema'];
  const validate = ajv.compile({ $ref: `api#/${encodeURI(pointer(path))}` });
  assert.ok(validate(body), `${method} ${template} ${response.status}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body).slice(0, 2000)}`);
}

test('every answer is what openapi.yaml says', async () => {
  const node = await start_node();
  try {
    let cookie = '';
    let session = null;
    let till = null;
    async function ask(template, { method = 'get', path = template, body, as = [] } = {}) {
      const headers = {};
      if (as.includes('session')) {
        headers.Cookie = cookie;
        if (method !== 'get') headers['X-CSRF-Token'] = session.csrf;
      }
      if (as.includes('till')) headers.Authorization = `Till ${till.till}.${till.device_key}`;
      if (as.includes('old till')) headers.Authorization = `Till 77.${'0'.repeat(64)}`;
      if (body !== undefined) headers['Content-Type'] = 'application/json';
      const response = await fetch(node.url + path, { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await response.text();
      const parsed = !text ? undefined : response.headers.get('content-type').includes('json') ? JSON.parse(text) : text;
      check(template, method, response, parsed);
      return { status: response.status, body: parsed, headers: response.headers };
    }
    const about = (await ask('/v1/about')).body;
    if (about.needs_enrolment) await ask('/v1/enrol', { method: 'post', body: { code: process.env.HF_ENROL_CODE ?? node.enrol_code, staff: manager.staff, pin: manager.pin } });
    assert.equal((await ask('/v1/enrol', { method: 'post', body: { code: 'X', staff: '1', pin: '4711' } })).status, 403);
    assert.equal((await ask('/v1/session')).status, 401);
    const signed = await ask('/v1/session', { method: 'post', body: manager });
    assert.equal(signed.status, 200, JSON.stringify(signed.body));
    session = signed.body;
    const set = signed.headers.get('set-cookie');
    for (const word of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) assert.ok(set.includes(word), word);
    cookie = set.split(';')[0];
    await ask('/v1/session', { as: ['session'] });
    assert.equal((await ask('/v1/products')).status, 401);
    assert.equal((await ask('/v1/writes', { method: 'post', as: ['old till'], body: { writes: [] } })).status, 401);
    till = (await ask('/v1/tills', { method: 'post', as: ['session'], body: { name: 'contract' } })).body;
    const again = (await ask('/v1/tills', { method: 'post', as: ['session'], body: { name: 'contract', till: till.till } })).body;
    assert.equal(again.till, till.till, 'a till comes back under its number');
    assert.equal((await ask('/v1/products', { as: ['till'] })).status, 401, 'its older key has stopped');
    till = again;

    await ask('/v1/safety');
    await ask('/v1/posture');
    assert.equal((await ask('/v1/posture', { method: 'post', body: { posture: 'sealed' } })).status, 401);
    assert.equal((await ask('/v1/posture', { method: 'post', as: ['session'], body: { posture: 'sealed' } })).body.posture, 'sealed');
    await ask('/v1/posture', { as: ['session'] });
    assert.equal((await ask('/v1/posture', { method: 'post', as: ['session'], body: { posture: 'open', reason: 'contract', pin: manager.pin } })).body.posture, 'open');
    await ask('/v1/ready');
    await ask('/v1/standby', { as: ['till'] });
    assert.equal((await ask('/v1/takeover', { method: 'post', as: ['till'], body: { key: randomBytes(16).toString('hex'), ...manager, confirm: true } })).status, 409, 'it does not stand by');
    const products = (await ask('/v1/products', { path: '/v1/products?q=&limit=3', as: ['till'] })).body.products;
    const [product] = products;
    const next = (await ask('/v1/products', { path: `/v1/products?q=&limit=3&after=${encodeURIComponent(products.at(-1).sku)}`, as: ['till'] })).body.products;
    assert.ok(next.every((p) => p.sku > products.at(-1).sku), 'a page goes on behind the last');
    await ask('/v1/products/{code}', { path: `/v1/products/${product.sku}`, as: ['till'] });
    assert.equal((await ask('/v1/products/{code}', { path: '/v1/products/NO-SUCH-THING', as: ['till'] })).status, 404);

    const key = randomBytes(16).toString('hex');
    const price = product.unit_price;
    const amount = Math.round(Number(price) * 2 * 10 ** about.currency_decimals);
    const sale = {
      key, kind: 'sale', staff: session.staff_id, at: new Date().toISOString(),
      lines: [{ sku: product.sku, quantity: '2', unit_price: price, vat: product.vat }], tenders: [{ kind: 'cash', amount: amount + 5 }], change: 5,
    };
    const send = async (writes, as = ['till']) => (await ask('/v1/writes', { method: 'post', as, body: { writes } })).body.replies;
    const [taken, bad] = await send([sale, { ...sale, key: key.replace(/^./, (c) => (c === 'f' ? '0' : 'f')), tenders: [] }]);
    assert.equal(taken.ok, true, JSON.stringify(taken));
    assert.equal(taken.total, amount);
    assert.equal(bad.ok, false, 'one bad write does not touch the other');
    const [same] = await send([{ ...sale, prior: { origin: taken.origin, index: taken.index, receipt: taken.receipt, at: taken.at } }]);
    assert.deepEqual([same.ok, same.duplicate, same.receipt, same.index], [true, true, taken.receipt, taken.index], 'prior is no part of the request');
    const [other] = await send([{ ...sale, change: 4, tenders: [{ kind: 'cash', amount: amount + 4 }] }]);
    assert.equal(other.problem?.status, 409, 'the same key with another request');
    await ask('/v1/writes/status', { path: `/v1/writes/status?key=${key}&key=${'0'.repeat(32)}`, as: ['till'] });
    const receipt = (await ask('/v1/receipts/{receipt}', { path: `/v1/receipts/${taken.receipt}`, as: ['till'] })).body;
    assert.equal(receipt.lines[0].refunded, '0');
    const refund = (quantity) => ({ key: key.replace(/.$/, (c) => (c === '1' ? '2' : '1')), kind: 'refund', staff: session.staff_id, receipt: taken.receipt, lines: [{ line: 0, quantity }], tenders: [{ kind: 'cash', amount: amount }] });
    const [back] = await send([refund('2')]);
    assert.equal(back.ok, true, JSON.stringify(back));
    const [twice] = await send([{ ...refund('2'), key: key.replace(/..$/, (c) => (c === 'ab' ? 'cd' : 'ab')) }]);
    assert.equal(twice.problem?.status, 409, 'a receipt is refunded once');
    const [no_role] = await send([{ key: key.split('').reverse().join(''), kind: 'refund_no_receipt', staff: session.staff_id, lines: sale.lines, tenders: [{ kind: 'cash', amount }], reason: 'lost' }]);
    assert.equal(no_role.problem?.status, 403, 'without a manager’s session');
    const [card] = await send([{ ...sale, key: key.replace(/^../, (c) => (c === '00' ? '11' : '00')), lines: [{ ...sale.lines[0], open: true, name: 'to 4111 1111 1111 1111' }] }]);
    if (real) assert.equal(card.problem?.code, 'till/card_number');

    await ask('/v1/feed', { as: ['till'] });
    for (const path of ['/v1/stock', '/v1/orders', '/v1/dispatches', '/v1/held', '/v1/listed']) {
      if (real || api.paths[path].get.operationId.match(/held|listed/)) await ask(path, { as: ['till'] });
    }
    await ask('/v1/chain');
    await ask('/v1/links');
    await ask('/v1/recovery');
    if (real) {
      for (const path of ['/v1/totals', '/metrics', '/healthz']) await ask(path);
      await ask('/v1/tills/me', { as: ['till'] });
      await ask('/v1/staff', { as: ['session'] });
      await ask('/v1/situation');
      assert.equal((await ask('/v1/incidents', { as: ['till'] })).status, 401, 'a till reads no incident');
      const opened = randomBytes(16).toString('hex');
      const [made] = await send([{ key: opened, kind: 'open_incident', title: 'contract' }], ['session']);
      assert.equal(made.ok, true, JSON.stringify(made));
      await send([{ key: randomBytes(16).toString('hex'), kind: 'note_incident', incident: opened, note: 'cause', knowing: 'not_yet_known' }], ['session']);
      await ask('/v1/incidents', { as: ['session'] });
      await ask('/v1/incidents/{id}', { path: `/v1/incidents/${opened}`, as: ['session'] });
      await ask('/v1/incident-exports/{id}', { path: `/v1/incident-exports/${opened}`, as: ['session'] });
      assert.equal((await ask('/v1/incidents/{id}', { path: `/v1/incidents/${'0'.repeat(32)}`, as: ['session'] })).status, 404);
      await ask('/v1/rejoin', { as: ['session'] });
      await send([{ key: randomBytes(16).toString('hex'), kind: 'close_incident', incident: opened }], ['session']);
    } else {
      await node.post('recovery', {});
      await node.post('contradiction', {});
      await node.post('listed', {});
      await ask('/v1/recovery');
      await ask('/v1/chain');
      await ask('/v1/listed', { as: ['till'] });
      await node.post('held', {});
      await ask('/v1/held', { as: ['till'] });
    }
    assert.equal((await ask('/v1/session', { method: 'delete', as: ['session'] })).status, 204);
    assert.equal((await ask('/v1/session', { as: ['session'] })).status, 401);
  } finally {
    await node.stop();
  }
});
