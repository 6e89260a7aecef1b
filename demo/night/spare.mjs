// The store's spare: a second machine on the shop's own network that copies the journal, and opens the store when the first one
// is dead, with a code on paper and nobody's help. The demo is the manager who types it.
import { waitUntil } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';
import { holdsEverything, promote, spareStatus } from '../lib/spare.mjs';

export async function addSpare(night) {
  const spare = await night.chain.addSpare(night.attackedName());
  await spare.start();
  await holdsEverything(spare);
  say(`${night.attackedName()} has a spare on the shop's own network, at ${spare.url}; it holds everything that the store's machine has`);
}

export async function openSpare(night) {
  night.trading.phase = 'gone';
  const { shop, facts, chain } = night, name = night.attackedName(), spare = chain.spares.get(name);
  const seconds = (from, to) => (to - from) / 1000;
  await waitUntil('the spare to miss the machine', async () => !(await spareStatus(spare)).node.alive, { everyMs: 50, seconds: 60 });
  const detected = performance.now();
  const answer = await promote(spare, spare.code);
  if (answer.status !== 200) throw new Error(`the spare does not open: ${answer.text}`);
  await waitUntil('the spare to serve', async () => (await spare.client.call('GET', '/v1/about')).status === 200, { everyMs: 20 });
  const promoted = performance.now();
  await moveTills(night, spare);
  // A queue that has run dry (a very short demo) rings one more.
  if (shop.next >= shop.baskets.length) await night.trading.sellOne(shop, shop.tills[0]);
  await waitUntil('the next sale', () => shop.sold.at(-1) > night.deadMs, { everyMs: 5 });
  const sold = performance.now();
  facts.spare = { all: seconds(night.dead, sold), detection: seconds(night.dead, detected), promotion: seconds(detected, promoted), tills: seconds(promoted, sold) };
  // Each till asks about all that it keeps, and sends again what the spare does not know.
  await Promise.all(shop.tills.map((till) => till.settle()));
  facts.spare.sentAgain = shop.tills.flatMap((till) => till.replies).filter(({ resent }) => resent).length;
  say(`${name} sells on its spare ${facts.spare.all.toFixed(1)} s after its machine was dead: missed after ${facts.spare.detection.toFixed(1)} s, opened in ${facts.spare.promotion.toFixed(1)} s, ` +
    `first sale ${facts.spare.tills.toFixed(1)} s later; tills sent ${facts.spare.sentAgain} sales again that it did not have`);
  // Where the seal is in what the spare has copied, the spare stays inside it (protocol 10.1); promises.mjs looks whether it was.
  const { posture, last } = await spare.session.get('/v1/posture');
  facts.spare.openedSealed = posture === 'sealed';
  facts.sealed.rule = posture === 'sealed' ? last.rule : 'that its spare did not tell';
  if (posture !== 'sealed') await spare.session.post('/v1/posture', { posture: 'sealed', reason: 'the attacker is still there' });
  say(posture === 'sealed' ? 'it opened sealed, because its journal says so, and sells on' : 'it did not open sealed: its manager seals it by hand, and whether its copy held the seal is looked up in the end');
  night.show(`${name} sells on its spare, opened with the code from an envelope. It is sealed: nothing goes out, and it sells.`,
    `${name} vend sur sa machine de secours, ouverte avec le code d’une enveloppe. Elle est scellée : rien ne sort, et elle vend.`);
}

// The tills know both machines and their own keys: numbers, PINs and keys are the same.
async function moveTills(night, spare) {
  night.chain.promoted(night.attackedName());
  night.desks.get(night.attackedName()).site = spare;
  await spare.signIn();
  night.shop.site = spare;
  for (const till of night.shop.tills) till.move(spare.client, spare.session);
}
