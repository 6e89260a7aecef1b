// Issue 3 section 6: two people write in one incident at two sites; cut apart, each goes on; healed, it is one again. Then
// the export: one HTML and one JSON that stand alone and are the same bytes whenever they are made.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { assert, join, manager, newKey, openTill, run, sell, sleep, taken, top, tradingChain, waitUntil, write } from './lib.mjs';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const Ajv = require('ajv/dist/2020').default;

const list = async (site) => (await site.session.get('/v1/incidents')).incidents;
const report = (site, id) => site.session.get(`/v1/incidents/${id}`);
const texts = (told) => told.timeline.filter((item) => item.type === 'note').map((item) => item.text);
const cli = (site, ...args) => run(['incident', ...args, '--data', site.dir]);
const allPeers = async (site) => (await site.local().get('/v1/links')).links.map((link) => link.site);

test('an incident at two sites', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('incident', { stores: 2 });
  const [store] = chain.stores;
  const office = chain.headOffice;
  const note = (site, incident, text, more = {}) => taken(site.session, { kind: 'note_incident', incident, text, ...more });
  let id;

  await t.test('a manager opens it at head office, and the store sees it', async () => {
    const key = newKey();
    await taken(office.session, { key, kind: 'open_incident', title: 'Mail server encrypted' });
    id = key;
    await waitUntil('the store to see it', async () => (await list(store)).some((each) => each.id === id), { seconds: 30 });
  });

  await t.test('a retry is one note; the same key with other words is refused; a card number never enters', async () => {
    const body = { key: newKey(), kind: 'note_incident', incident: id, note: 'observation', text: 'files renamed on the mail server' };
    await taken(office.session, body);
    assert.equal((await taken(office.session, body)).duplicate, true);
    assert.equal((await write(office.session, { ...body, text: 'other words' })).problem.code, 'fold/key_reused');
    const card = await write(office.session, { kind: 'note_incident', incident: id, text: 'card 4111 1111 1111 1111 was seen' });
    assert.equal(card.problem.code, 'till/card_number');
    assert.equal((await write(office.session, { kind: 'note_incident', incident: newKey(), text: 'x' })).problem.code, 'incident/unknown');
    assert.equal((await write(office.session, { kind: 'note_incident', incident: id, text: 'x', note: 'rumour' })).problem.code, 'http/bad_value');
    assert.deepEqual(texts(await report(office, id)), ['files renamed on the mail server']);
  });

  await t.test('who is no manager reads nothing of it; the situation is for everybody and holds none of its words', async () => {
    assert.equal((await office.client.call('GET', '/v1/incidents')).status, 401);
    assert.equal((await office.client.call('GET', `/v1/incidents/${id}`)).status, 401);
    await office.session.post('/v1/staff', { number: '77', name: 'Till', role: 'cashier', pin: '1928374655' });
    const cashier = await office.client.signIn('77', '1928374655');
    assert.equal((await cashier.call('GET', '/v1/incidents')).status, 403);
    assert.equal((await write(cashier, { kind: 'note_incident', incident: id, text: 'x' })).problem.code, 'auth/role');
    const situation = JSON.stringify(await office.client.get('/v1/situation'));
    assert.ok(!situation.includes('renamed') && !situation.includes('encrypted'), situation);
    assert.match(situation, /"open_incidents":1/);
  });

  await t.test('both write; both read the same in the same order', async () => {
    await note(store, id, 'the tills sell on', { note: 'observation' });
    await note(office, id, '', { note: 'cause', knowing: 'not_yet_known' });
    await waitUntil('both to see three notes', async () =>
      texts(await report(store, id)).length === 3 && texts(await report(office, id)).length === 3, { seconds: 30 });
    assert.deepEqual(texts(await report(store, id)), texts(await report(office, id)));
  });

  await t.test('cut apart, each goes on alone, and the cut itself is told with who made it', async () => {
    for (const peer of await allPeers(store)) await store.session.post(`/v1/links/${peer}`, { state: 'cut' });
    const key = newKey();
    await taken(store.session, { key, kind: 'open_incident', title: 'Demand on the back-office screen' });
    await note(store, key, 'a demand is shown', { note: 'ransom_asked' });
    await note(store, id, 'written at the store alone');
    await note(office, id, 'written at head office alone');
    await sleep(2000);
    assert.equal((await list(office)).length, 1, 'head office does not see what the store wrote alone');
    const told = await report(store, id);
    const cuts = told.timeline.filter((item) => item.kind === 'link_cut');
    assert.equal(cuts.length, (await allPeers(store)).length);
    assert.ok(cuts.every((cut) => cut.by === store.session.staff), JSON.stringify(cuts[0]));
  });

  await t.test('a link that is healed while no node runs is found at the start', async () => {
    await store.stop();
    await run(['link', 'heal', 'warehouse', '--data', store.dir]);
    await store.start();
    await store.signIn();
    const healed = (await report(store, id)).timeline.filter((item) => item.kind === 'link_healed');
    assert.deepEqual(healed.map((item) => [item.about, item.text, item.by]), [['warehouse', 'found', null]]);
  });

  await t.test('healed, it comes together: a second incident is joined, and every site tells the same', async () => {
    for (const peer of await allPeers(store)) await store.session.post(`/v1/links/${peer}`, { state: 'open' });
    await waitUntil('head office to see the store’s own', async () => (await list(office)).length === 2, { seconds: 60 });
    const other = (await list(office)).find((each) => each.id !== id);
    await taken(office.session, { kind: 'join_incidents', into: id, others: [{ incident: other.id }] });
    await waitUntil('the store to see one', async () => (await list(store)).length === 1, { seconds: 60 });
    const [a, b] = [await report(office, id), await report(store, other.id)];
    assert.equal(a.id, id, 'the earliest opening');
    assert.deepEqual(a.timeline.filter((i) => i.type !== 'fact'), b.timeline.filter((i) => i.type !== 'fact'));
    assert.deepEqual([a.title, a.other_titles], ['Mail server encrypted', ['Demand on the back-office screen']]);
    assert.equal(a.known.find((each) => each.kind === 'ransom_asked').knowing, 'known');
    assert.ok(a.next.some((step) => step.code === 'decide'), 'a demand without a decision');
    assert.ok(a.next.every((step) => step.text.en && step.text.fr));
  });

  await t.test('by command line: note, correct, task, show', async () => {
    const said = await cli(office, 'note', 'names of 30 staff', '--kind', 'data_affected', '--knowing', 'suspected', '--from', '2026-11-24', '--staff', manager.number);
    const wrong = /Noted ([0-9a-f]{32})/.exec(said.out)[1];
    await cli(office, 'note', 'names of 40 staff', '--kind', 'data_affected', '--corrects', wrong);
    const made = await cli(office, 'task', 'call every store by telephone', '--owner', manager.number);
    await cli(office, 'task', 'call every store by telephone', '--task', /Task ([0-9a-f]{32})/.exec(made.out)[1], '--state', 'done');
    await note(office, id, '<script>alert("x")</script> & more', { note: 'decision', by_whom: office.session.staff });
    const { out } = await cli(office, 'show');
    assert.match(out, /data_affected \(suspected\) names of 30 staff \[when: 2026-11-24T00:00:00\S*Z … not yet known\] \[corrected later\]/);
    assert.match(out, /task \(done\) call every store/);
    assert.match(out, /inform|72 hours/);
    const bad = await run(['incident', 'note', 'x', '--kind', 'rumour', '--data', office.dir], { mayFail: true });
    assert.equal(bad.code, 1);
    assert.match(bad.err, /must be one of/);
    assert.match((await cli(office, 'list')).out, /Mail server encrypted/);
  });

  await t.test('the export is the same bytes whenever it is made, and by whichever way', async () => {
    const into = (name) => join(chain.dir, `export-${name}`);
    const files = (name) => readdirSync(into(name)).sort().map((file) => readFileSync(join(into(name), file), 'utf8'));
    await cli(office, 'export', '--into', into('a'), '--language', 'fr');
    const [html, text] = files('a');
    const exported = JSON.parse(text);
    const size = exported.rests_on[0].size;
    assert.equal(exported.rests_on[0].origin, (await office.safety()).origin);
    assert.ok(exported.rests_on.every((each) => /^[0-9a-f]{64}$/.test(each.root)), 'each journal with its root');
    const ajv = new Ajv({ strict: false, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/ } });
    const validate = ajv.compile(JSON.parse(readFileSync(join(top, 'schema/incident-export.schema.json'), 'utf8')));
    assert.ok(validate(exported), ajv.errorsText(validate.errors));
    assert.ok(!/<script|<img|<link|https?:/i.test(html), 'it asks nobody for anything and runs nothing');
    assert.match(html, /&lt;script&gt;alert\(&quot;x&quot;\)/);
    assert.match(html, /<html lang="fr">/);
    assert.match(html, /pas encore connu/);
    const at_once = await office.client.with({ authorization: `Local ${office.token()}` }).call('GET', `/v1/incident-exports/${id}?format=json`);
    await cli(office, 'export', '--into', into('http'), '--size', String(at_once.body.rests_on[0].size), '--language', 'fr');
    assert.deepEqual(at_once.body, JSON.parse(files('http')[1]), 'over HTTP the same as by command line');
    // Later, when more is in the journal, and again without a node.
    await note(office, id, 'written after the export');
    await cli(office, 'export', '--into', into('b'), '--size', String(size), '--language', 'fr');
    assert.deepEqual(files('b'), [html, text]);
    await office.stop();
    await cli(office, 'export', '--into', into('c'), '--size', String(size), '--language', 'fr');
    assert.deepEqual(files('c'), [html, text]);
    await cli(office, 'export', '--into', into('d'));
    assert.notEqual(files('d')[1], text);
    assert.match((await cli(office, 'show')).out, /written after the export/, 'a machine whose node does not run still tells');
    const bad = await run(['incident', 'export', '--into', into('e'), '--size', '99999999', '--data', office.dir], { mayFail: true });
    assert.equal(bad.code, 1);
    await office.start();
    await office.signIn();
  });

  await t.test('it closes with its figures, once; what becomes known later is still noted', async () => {
    const till = await openTill(store);
    await sell(till);
    const { out } = await cli(office, 'close', 'a dropped attachment, contained', '--staff', manager.number);
    assert.match(out, /head-office +sealed 0 s, 0 sales while sealed, 0 entries waited, 0 alerts/);
    assert.match(out, /store-01/);
    assert.equal((await write(office.session, { kind: 'close_incident', incident: id })).problem.code, 'incident/closed_before');
    await note(office, id, 'the regulator has answered', { note: 'authority_informed' });
    const told = await report(office, id);
    assert.equal(told.state, 'closed');
    assert.deepEqual(told.next, []);
    assert.equal(texts(told).at(-1), 'the regulator has answered');
  });
});
