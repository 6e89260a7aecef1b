// Bad input over HTTP: each with a clear message and nothing changed.
import net from 'node:net';
import { test } from 'node:test';
import { assert, newKey, openTill, pen, sell, tradingChain } from './lib.mjs';

test('bad input is refused and changes nothing', { timeout: 180_000 }, async (t) => {
  const chain = await tradingChain('bad-input');
  const [store] = chain.stores;
  const till = await openTill(store);
  const { receipt } = await sell(till);
  const size = async () => (await store.safety()).size;
  const sale = (change) => ({ key: newKey(), kind: 'sale', staff: till.staff, lines: [pen()], tenders: [{ kind: 'cash', amount: 125 }], ...change });
  const line = (change) => sale({ lines: [{ ...pen(), ...change }] });

  // A whole request that is refused: status and a problem document.
  const whole = async (name, expected, make) => t.test(name, async () => {
    const before = await size();
    const answer = await make();
    assert.equal(answer.status, expected, answer.text);
    assert.match(answer.headers['content-type'], /application\/problem\+json/);
    assert.ok(answer.body.title && answer.body.code && answer.body.status === expected, answer.text);
    assert.equal(await size(), before);
  });
  const raw = (bytes, headers) => till.client.call('POST', '/v1/writes', undefined, { raw: Buffer.from(bytes), headers });
  await whole('malformed JSON', 400, () => raw('{"writes":[{]}'));
  await whole('JSON of another shape', 400, () => raw('[1,2,3]'));
  await whole('an empty body', 400, () => raw(''));
  await whole('a wrong encoding', 400, () => raw(Buffer.concat([Buffer.from('{"writes":[{"key":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}]}')])));
  await whole('nesting without end', 400, () => raw('['.repeat(100_000)));
  await whole('an oversized body', 413, () => raw(`{"writes":[],"padding":"${'x'.repeat(1_200_000)}"}`));
  await whole('more writes than allowed', 400, () => till.client.call('POST', '/v1/writes', { writes: Array.from({ length: 1001 }, () => sale()) }));
  await whole('no authorisation', 401, () => store.client.call('POST', '/v1/writes', { writes: [sale()] }));
  await whole('a forged till key', 401, () => store.client.with({ authorization: `Till 1.${'0'.repeat(64)}` }).call('POST', '/v1/writes', { writes: [sale()] }));
  await whole('a forged local token', 401, () => store.client.with({ authorization: `Local ${'0'.repeat(64)}` }).call('POST', '/v1/writes', { writes: [sale()] }));
  await whole('a session without its CSRF token', 403, () => store.client.with({ cookie: store.session.headers.cookie }).call('POST', '/v1/writes', { writes: [sale()] }));
  await whole('an unknown path', 404, () => till.client.call('GET', '/v1/nothing-here'));
  await whole('a wrong method', 405, () => till.client.call('DELETE', '/v1/writes'));
  await whole('an unknown receipt', 404, () => till.client.call('GET', '/v1/receipts/1-ZZZZZZZZ-999'));

  // One write of a batch that is refused: its neighbours are not touched (protocol 8.1).
  const one = async (name, code, bad) => t.test(name, async () => {
    const before = await size();
    const { status, body, text } = await till.client.call('POST', '/v1/writes', { writes: [bad, sale()] });
    assert.equal(status, 200, text);
    assert.equal(body.replies[0].ok, false, text);
    assert.ok(body.replies[0].problem.title && body.replies[0].problem.detail, text);
    assert.match(body.replies[0].problem.code, code, text);
    assert.equal(body.replies[1].ok, true, text);
    assert.equal(await size(), before + 1);
  });
  await one('an unknown SKU', /till\/unknown_sku/, line({ sku: 'NOWHERE' }));
  await one('a negative quantity', /./, line({ quantity: '-1' }));
  await one('a quantity of nothing', /./, line({ quantity: '0' }));
  await one('an overflowing quantity', /./, line({ quantity: '99999999999999999999' }));
  await one('a quantity with 4 decimals', /./, line({ quantity: '1.0001' }));
  await one('a price with 7 decimals', /./, line({ unit_price: '1.0000001' }));
  await one('a negative price', /./, line({ unit_price: '-1.25' }));
  await one('a price that is a number', /./, line({ unit_price: 1.25 }));
  await one('a product beyond 64 bits', /./, sale({ lines: [{ ...pen('999999999'), unit_price: '999999999.999999' }] }));
  await one('a wrong VAT code', /vat/, line({ vat: 'Q' }));
  await one('tenders that do not add up', /till\/tender_mismatch/, sale({ tenders: [{ kind: 'cash', amount: 124 }] }));
  await one('a negative tender', /./, sale({ tenders: [{ kind: 'cash', amount: -125 }, { kind: 'cash', amount: 250 }] }));
  await one('an overflowing tender', /./, sale({ tenders: [{ kind: 'cash', amount: 9007199254740993n.toString() }] }));
  await one('no lines', /./, sale({ lines: [] }));
  await one('an unknown kind', /./, sale({ kind: 'giveaway' }));
  await one('a key that is none', /./, sale({ key: 'abc' }));
  await one('a card number where a token belongs', /till\/card_number/, sale({ tenders: [{ kind: 'card', amount: 125, token: '4111111111111111', masked: '**** 1111', result: 'approved' }] }));
  await one('a card number in a reason', /till\/card_number/, { key: newKey(), kind: 'refund', staff: till.staff, receipt, lines: [{ line: 0, quantity: '1' }], tenders: [{ kind: 'cash', amount: 125 }], reason: 'card 5500-0000-0000-0004' });
  await one('a refund of a line that is not there', /./, { key: newKey(), kind: 'refund', staff: till.staff, receipt, lines: [{ line: 7, quantity: '1' }], tenders: [{ kind: 'cash', amount: 125 }] });
  await one('a catalogue at a store', /./, { key: newKey(), kind: 'list_products', staff: till.staff, products: [{ sku: 'X', name: 'X', unit_price: '1.00', vat: 'S', goods: true }] });

  await t.test('a request line that never ends is bounded, and the node serves on', async () => {
    await new Promise((done) => {
      const socket = net.connect(store.port, '127.0.0.1', () => socket.write(`GET /${'a'.repeat(200_000)}`));
      socket.on('error', done);
      socket.on('close', done);
      socket.setTimeout(20_000, () => { socket.destroy(); done(); });
    });
    assert.equal((await store.client.call('GET', '/healthz')).status, 200);
  });

  await t.test('five wrong PINs, and the sixth is told to wait', async () => {
    const answers = [];
    for (let n = 0; n < 6; n++) answers.push(await store.client.call('POST', '/v1/session', { staff: '1', pin: '000000' }));
    assert.deepEqual(answers.slice(0, 5).map((answer) => answer.status), [401, 401, 401, 401, 401]);
    assert.equal(answers[5].status, 429);
    assert.ok(Number(answers[5].headers['retry-after']) > 0);
  });
});
