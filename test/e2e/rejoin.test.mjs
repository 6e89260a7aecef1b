// Issue 3 section 7: a seal opens an incident by itself; the store sells on; each link returns when its checklist is met and
// a second person agrees; what waited catches up; the incident closes with its figures.
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { assert, join, openTill, run, sell, sleep, taken, tradingChain, waitUntil, write } from './lib.mjs';

const cli = (site, ...args) => run(['rejoin', ...args, '--data', site.dir], { mayFail: true });

test('a sealed store comes back link by link', { timeout: 300_000 }, async (t) => {
  const chain = await tradingChain('rejoin', { stores: 2 });
  const [store] = chain.stores;
  const office = chain.headOffice;
  const till = await openTill(store);
  await store.session.post('/v1/staff', { number: '2', name: 'Second', role: 'manager', pin: '5647382911' });
  const signInAsSecond = () => store.client.signIn('2', '5647382911');
  let second = await signInAsSecond();
  const incidents = async () => (await store.session.get('/v1/incidents')).incidents;
  const report = async () => store.session.get(`/v1/incidents/${(await incidents())[0].id}`);
  const links = async () => (await store.session.get('/v1/rejoin')).links;
  const step = (session, link, check, more = {}) => write(session, { kind: 'rejoin_step', link, check, text: 'done by hand', ...more });
  await sell(till);
  await store.cosigned();

  await t.test('a seal opens an incident, with the seal as its cause', async () => {
    assert.equal((await step(store.session, 'warehouse', 'keys')).problem.code, 'incident/not_rejoining', 'nothing to rejoin yet');
    await store.session.post('/v1/posture', { posture: 'sealed', reason: 'a drill' });
    await waitUntil('the incident', async () => (await incidents()).length === 1, { seconds: 10 });
    const told = await report();
    assert.equal(told.title, '');
    const opened = told.timeline.find((item) => item.type === 'opened');
    const sealed = told.timeline.find((item) => item.kind === 'posture');
    assert.deepEqual(opened.cause, { origin: sealed.origin, index: sealed.index });
    assert.deepEqual([sealed.about, sealed.by], ['sealed', store.session.staff]);
    assert.ok(told.next.some((each) => each.code === 'explain_seal'));
    await taken(store.session, { kind: 'note_incident', incident: told.id, note: 'title', text: 'The drill' });
    assert.equal((await incidents())[0].title, 'The drill');
    for (let n = 0; n < 5; n++) await sell(till);
  });

  await t.test('rejoining begins with every link cut, and none returns without its checklist', async () => {
    const begun = await cli(store, 'begin', '--reason', 'explained and contained');
    assert.equal(begun.code, 0, begun.err);
    await waitUntil('rejoining', async () => (await store.session.get('/v1/rejoin')).posture === 'rejoining');
    assert.deepEqual(new Set((await links()).map((link) => link.state)), new Set(['cut']));
    const refused = await store.local().call('POST', '/v1/links/warehouse', { state: 'open' });
    assert.equal(refused.body.code, 'incident/check_missing');
    const healed = await run(['link', 'heal', 'warehouse', '--data', store.dir], { mayFail: true });
    assert.equal(healed.code, 1, 'nor by the older command');
    await sleep(1000);
    assert.deepEqual(new Set((await links()).map((link) => link.state)), new Set(['cut']));
  });

  await t.test('a second person agrees, and only a second person', async () => {
    assert.equal((await step(store.session, 'warehouse', 'clean_point', { not_needed: true, text: 'its machine was never touched' })).ok, true);
    assert.equal((await step(store.session, 'warehouse', 'keys')).ok, true);
    assert.equal((await step(store.session, 'warehouse', 'journals', { not_needed: true })).problem.code, 'incident/bad_step');
    assert.equal((await step(second, 'warehouse', 'agreed')).problem.code, 'incident/check_missing');
    assert.equal((await step(store.session, 'warehouse', 'journals')).ok, true);
    assert.equal((await step(store.session, 'warehouse', 'agreed')).problem.code, 'incident/second_person');
    const by_cli = await cli(store, 'step', 'warehouse', 'agreed', '--staff', '2');
    assert.equal(by_cli.code, 0, by_cli.err);
    assert.match((await cli(store, 'show')).out, /\[x\] clean_point \(not needed\)/);
    const returned = await cli(store, 'link', 'warehouse');
    assert.equal(returned.code, 0, returned.err);
    await waitUntil('the link', async () => (await links()).find((link) => link.site === 'warehouse').state === 'up', { seconds: 30 });
    const early = await cli(store, 'end', '--reason', 'all back');
    assert.equal(early.code, 1);
    assert.match(early.err, /still cut/);
  });

  await t.test('nor by command while no node runs, and what is written beside the journal is undone at the start', async () => {
    const left = (await links()).filter((link) => link.state === 'cut').map((link) => link.site);
    await store.stop();
    for (const args of [['link', 'heal', left[0]], ['unseal', '--reason', 'let us be done with it']]) {
      const refused = await run([...args, '--data', store.dir], { mayFail: true });
      assert.equal(refused.code, 1, refused.out);
      assert.match(refused.err, /is rejoining after a seal.*Nothing was changed/s);
    }
    writeFileSync(join(store.dir, 'links.cut'), '');
    writeFileSync(join(store.dir, 'posture'), 'open\nlet us be done with it\n');
    await store.start();
    await store.signIn();
    second = await signInAsSecond();
    assert.equal((await store.session.get('/v1/rejoin')).posture, 'rejoining');
    assert.deepEqual((await links()).filter((link) => link.state === 'cut').map((link) => link.site), left);
    await waitUntil('an alert that says so', async () => (await store.session.get('/v1/posture')).alerts
      .some((alert) => alert.signature === 'rejoin-skipped'), { seconds: 10 });
  });

  await t.test('the others return, what waited catches up by itself, and the figures are those of the night', async () => {
    for (const { site } of (await links()).filter((link) => link.state === 'cut')) {
      for (const check of ['clean_point', 'keys', 'journals']) assert.equal((await step(store.session, site, check)).ok, true);
      assert.equal((await step(second, site, 'agreed', { text: '' })).ok, true);
      await store.session.post(`/v1/links/${site}`, { state: 'open' });
    }
    await store.cosigned({ seconds: 60 });
    const ended = await cli(store, 'end', '--reason', 'all links are back');
    assert.equal(ended.code, 0, ended.err);
    const { id } = await report();
    await taken(store.session, { kind: 'close_incident', incident: id, text: 'over' });
    const told = await report();
    const closed = told.timeline.find((item) => item.type === 'closed');
    const own = closed.figures.find((each) => each.site === store.name);
    assert.deepEqual([own.sales, own.gross, own.is_sealed], [5, 5 * 295, false]);
    assert.ok(own.waiting >= 5 && Number.isInteger(own.sealed_seconds), JSON.stringify(own));
    assert.equal(told.timeline.filter((item) => item.kind === 'link_returned').length, (await links()).length);
    assert.ok(told.timeline.filter((item) => item.kind === 'rejoin_step').length >= 8);
    // Head office, which follows the store, is told the same.
    await waitUntil('head office to see it closed', async () => {
      const { incidents: all } = await office.session.get('/v1/incidents');
      return all.some((each) => each.id === id && each.state === 'closed');
    }, { seconds: 60 });
  });
});
