// What every end-to-end test needs: a small chain of real processes, with a manager signed in at each site, tills, and a
// catalogue; all of it ended and removed afterwards.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import assert from 'node:assert/strict';
import { checkAcknowledged } from '../../demo/lib/audit.mjs';
import { Chain, run, shared, top } from '../../demo/lib/chain.mjs';
import { inParallel, newKey, sleep, waitUntil } from '../../demo/lib/http.mjs';
import { exportAll, ledgersOf, verifyAll } from '../../demo/lib/journals.mjs';
import { Till } from '../../demo/lib/till.mjs';
import { lineAmount } from '../../demo/lib/decimal.mjs';

export { assert, inParallel, join, lineAmount, newKey, run, shared, sleep, Till, top, waitUntil };

export const manager = { number: '1', pin: '7390284615' };
export const catalogue = `sku,gtin,name,unit_price,vat,goods
PEN,4006381333931,Pen,1.25,S,true
MILK,96385074,Milk,0.85,Z,true
LAMP,,Lamp,17.99,S,true
COAL,,Coal,6.40,R,true
POST,,Postage,3.95,S,false
`;

const chains = new Set();
after(async () => {
  for (const chain of chains) {
    await chain.stopAll();
    if (!process.env.HF_KEEP) rmSync(chain.dir, { recursive: true, force: true });
  }
});

// A chain that trades: `stores` stores, all sites started, enrolled and signing, the small catalogue followed everywhere.
export async function tradingChain(name, { stores = 2, listed = true } = {}) {
  const chain = await newChain(name, { stores });
  await openTrade(chain, { listed });
  return chain;
}
export async function openTrade(chain, { listed = true } = {}) {
  const sites = [...chain.sites.values()];
  await inParallel(sites, 4, (site) => site.start());
  await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
  await inParallel(sites, 8, (site) => site.signing());
  if (listed) await listCatalogue(chain);
}
export async function newChain(name, { stores = 2 } = {}) {
  mkdirSync(join(top, 'build/e2e'), { recursive: true });
  const chain = await Chain.create({ dir: join(top, 'build/e2e', `${name}-${process.pid}`), stores });
  chains.add(chain);
  return chain;
}
export async function listCatalogue(chain) {
  const file = join(chain.dir, 'catalogue.csv');
  writeFileSync(file, catalogue);
  const office = chain.headOffice;
  await run(['import', 'catalogue', file, '--url', office.url, '--token', join(office.dir, 'admin.token'), '--refused', `${file}.refused`]);
  await inParallel(chain.stores, 8, (store) => waitUntil(`${store.name} to follow the catalogue`,
    async () => (await store.local().call('GET', '/v1/products/POST')).status === 200, { seconds: 60 }));
}

// A till of a site, with a cashier's id as staff and the manager's session beside it.
export async function openTill(site, name = 'Till 1', till) {
  const made = await site.session.post('/v1/tills', { name, ...(till ? { till } : {}) });
  return new Till(site.client, { ...made, staff: site.session.staff, session: site.session });
}
export const pen = (quantity = '1') => ({ sku: 'PEN', quantity, unit_price: '1.25', vat: 'S' });
export const milk = (quantity = '1') => ({ sku: 'MILK', quantity, unit_price: '0.85', vat: 'Z' });

// Sells and insists that it was taken; the reply.
export async function sell(till, lines = [pen(), milk('2')], options) {
  const { reply } = await till.sale(lines, options);
  assert.equal(reply.ok, true, JSON.stringify(reply.problem));
  return reply;
}
// One write by a person or the machine itself; the reply, refused or not.
export async function write(client, body) {
  const { replies } = await client.post('/v1/writes', { writes: [{ key: newKey(), ...body }] });
  return replies[0];
}
export async function taken(client, body) {
  const reply = await write(client, body);
  assert.equal(reply.ok, true, JSON.stringify(reply.problem));
  return reply;
}
export const claimOf = async (site, about) =>
  (await site.local().get('/v1/totals')).sites.find((each) => each.site === (about ?? site.name));

// After crashes of a store whose tills, these and no others, sent each write until it was answered: every journal of the chain
// is exported and verified by the other language's verifier, and what was acknowledged is in the store's, once, as it was
// told. The chain runs, and the tills have stopped. `what` begins the line that tells the sums.
export async function checkAfterCrashes(chain, store, tills, what) {
  await store.signing();
  await waitUntil('tills to be safe', async () => (await Promise.all(tills.map((till) => till.settle()))).every((kept) => kept === 0), { seconds: 60 });
  await inParallel(chain.sites.values(), 4, (site) => site.cosigned());
  const trees = await exportAll(chain, join(chain.dir, 'after'));
  assert.deepEqual((await verifyAll([], trees)).failed, []);
  const ledgers = await ledgersOf(trees);
  const kept = tills.flatMap((till) => till.replies.map((each) => ({ ...each, till: till.number, site: store.name })));
  const { found, problems } = checkAcknowledged(ledgers, kept);
  const ledger = ledgers.get(store.name);
  console.log(`${what}, ${kept.length} sales acknowledged, ${found} in the journal, ${ledger.doubled.length} doubled, ${ledger.sums.sales} sales in all`);
  assert.deepEqual(problems, []);
  assert.equal(found, kept.length);
  assert.deepEqual(ledger.doubled, []);
  assert.deepEqual(ledger.repeats, []);
  assert.deepEqual(ledger.gaps(), []);
  // Every write was retried until it was answered, so there is no sale that no till knows of.
  assert.equal(ledger.sums.sales, BigInt(kept.length));
}
