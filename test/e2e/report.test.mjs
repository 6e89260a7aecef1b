// Must show 3: the rebuild's report against a record kept outside, with mirrors lagging 0 and 5 s (and 60 s with HF_LONG=1):
// every figure is right or "not yet known".
import { test } from 'node:test';
import { overwriteAll } from '../../demo/lib/chain.mjs';
import { assert, openTill, sell, sleep, tradingChain, waitUntil } from './lib.mjs';

for (const lag of process.env.HF_LONG ? [0, 5, 60] : [0, 5]) {
  test(`the report is right with mirrors ${lag} s behind`, { timeout: (240 + lag) * 1000 }, async () => {
    const chain = await tradingChain(`report-${lag}`);
    const [store] = chain.stores;
    const kept = await openTill(store, 'Till 1'), lost = await openTill(store, 'Till 2');
    for (let n = 0; n < 6; n++) await sell(n % 2 ? kept : lost);
    const last = Date.now();  // who cosigned that sale heard of the store after it
    await store.cosigned();
    await sleep(1500);  // a heartbeat has told the mirrors this size
    const outside = { cosigned: (await store.safety()).size };
    if (lag > 0) for (const { site } of (await store.local().get('/v1/links')).links) await store.cut(site);
    outside.cut_at = Date.now();
    const end = Date.now() + lag * 1000;
    let behind = 0;
    while (Date.now() < end) {
      await sell(behind++ % 2 ? kept : lost);
      await sleep(400);
    }
    outside.size = (await store.safety()).size;
    await store.kill();
    if (lag === 0) outside.cut_at = Date.now();
    overwriteAll(store.dir);
    const ofKept = kept.replies.filter(({ reply }) => reply.index >= outside.cosigned).length;
    await chain.rebuild(store.name);
    await store.start();
    await store.signing();
    await store.enrol();
    // Till 2 is gone with the shop; till 1 sends again what it holds.
    kept.enter({ ...(await store.session.post('/v1/tills', { name: 'Till 1', till: kept.number })), staff: store.session.staff, session: store.session });
    await kept.settle({ resend: true });
    const report = await waitUntil('the report', () => store.client.get('/v1/recovery'));
    assert.ok(report.cosigned >= outside.cosigned && report.cosigned <= outside.size, `cosigned ${report.cosigned}, outside ${outside.cosigned} to ${outside.size}`);
    if (lag > 0) assert.ok(report.cosigned <= outside.cosigned + 1, 'no more than the first of the cuts itself, which the others may cosign');
    assert.notEqual(report.announced, null, 'mirrors that were heard from have been told a size');
    assert.ok(report.announced >= report.cosigned && report.announced <= outside.size, `announced ${report.announced} of ${outside.size}`);
    assert.equal(report.resubmitted, ofKept, 're-submitted is what till 1 held beyond what was kept');
    // What till 2 alone held beyond the announced size nobody can know: it is not counted as lost, and the time since when
    // nothing is known is told, and is right.
    assert.ok(report.known_lost_count <= outside.size - report.cosigned - ofKept, `known lost ${report.known_lost_count}`);
    const heard = Date.parse(report.not_yet_known_since);
    // What was sent before the cut may be heard a moment later.
    assert.ok(heard >= last && heard <= outside.cut_at + 2000, `not yet known since ${report.not_yet_known_since}; cosigned after ${new Date(last).toISOString()}, cut ${new Date(outside.cut_at).toISOString()}`);
    console.log(`  lag ${lag} s: cosigned ${report.cosigned} (outside ${outside.cosigned} of ${outside.size}), announced ${report.announced}, re-submitted ${report.resubmitted} of ${ofKept}, ` +
      `known lost ${report.known_lost_count}, not yet known since ${report.not_yet_known_since}`);
  });
}
