// What tests and trials of spares share.
import { readFileSync } from 'node:fs';
import { assert, join, waitUntil } from './lib.mjs';

export { holdsEverything, promote, spareStatus } from '../../demo/lib/spare.mjs';

// Does what changes the store's people or tills, once, and waits until its spare, which is ready, has that too: the store's
// machine looks four times a second whether there is something new for it, and has answered before.
export async function untilOnSpare(spare, change) {
  const box = () => readFileSync(join(spare.dir, 'spare.credentials'));
  const before = box();
  const result = await change();
  await waitUntil(`${spare.name} to hold what was changed`, () => !box().equals(before), { seconds: 30 });
  return result;
}

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
