// What tests and trials of spares share.
import { assert } from './lib.mjs';

export { holdsEverything, promote, spareStatus, untilOnSpare } from '../../demo/lib/spare.mjs';

// The network outside the store is gone: nobody hears it any more. Not a cut by a person in the store: that one would be the
// spare's, too.
export async function lineIsDown(chain, store, down = true) {
  for (const peer of chain.sites.values()) {
    if (peer === store || !peer.alive) continue;
    const { links } = await peer.local().get('/v1/links');
    if (links.some(({ site }) => site === store.name)) await (down ? peer.cut(store.name) : peer.heal(store.name));
  }
}

// Every acknowledged write of these tills is there, and none twice: the total of sales is exactly theirs.
export async function expectOnce(site, tills) {
  const reader = site.local();  // who has sold for an hour asks for more receipts than a till may in one breath
  let sales = 0;
  for (const till of tills) {
    for (const { reply } of till.replies) {
      sales++;
      const receipt = await reader.get(`/v1/receipts/${reply.receipt}`);
      assert.equal(receipt.total, reply.total, reply.receipt);
    }
  }
  const totals = await site.local().get('/v1/totals');
  const mine = totals.sites.find(({ site: name }) => name === site.of.name);
  assert.equal(mine.sales, sales, 'as many sales as were acknowledged');
}
