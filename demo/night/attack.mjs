// The attack. A process that knows only a path overwrites the files of head office, and then those of a store with a queue at
// its tills: only directories that the demo made and marked. The store's tripwires and its sensor notice; the sensors of the
// fed stores say the same. Each of them seals itself, and sells on.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { alertLine, destroy, logLines, sealedIn, sizeOf } from '../lib/attack.mjs';
import { inParallel, sleep, waitUntil } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';

const lateral = 2025720;  // the guard's shipped rules call this "somebody is inside"
const sensorOf = (night, name) => join(resolve(night.config.dir), 'sensors', `${name}.json`);
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

// Before the sites start: each of these stores reads its sensor's file, and the attacked one has a back office's other files
// around the node's own, a canary among them.
export function prepareTarget(night) {
  const { attacked } = night, office = join(attacked.dir, 'office');
  mkdirSync(join(night.config.dir, 'sensors'));
  mkdirSync(office);
  for (let n = 0; n < 40; n++) writeFileSync(join(office, `letter-${String(n).padStart(2, '0')}.doc`), Buffer.alloc(200_000, n));
  for (const { name, dir } of [attacked, ...night.fed]) {
    const tripwires = name === attacked.name ? `[tripwires]\ncanaries = [${JSON.stringify(resolve(office, 'letter-10.doc'))}]\n` : '';
    writeFileSync(sensorOf(night, name), '');
    writeFileSync(join(dir, 'guard.toml'), `[inputs]\neve_files = [${JSON.stringify(sensorOf(night, name))}]\n${tripwires}`);
  }
}

export async function destroyHeadOffice(night) {
  const office = night.chain.headOffice;
  night.buyer.stop = true;
  await night.buyer.ended;
  // The attacker takes the network first: what head office acknowledges from here on, nobody has a copy of.
  for (const { site } of (await office.local().get('/v1/links')).links) await office.cut(site);
  for (let n = 1; n <= 3; n++) {
    await night.office.write({ kind: 'list_products', products: [{ sku: `LAST-WORD-${n}`, name: 'Last word of the old head office', unit_price: '1.00', vat: 'S', goods: true }] });
  }
  night.gone = performance.now();
  const attack = destroy(office.dir, join(night.config.dir, 'destroyed-head-office'));
  await attack.ended;
  await office.kill();
  const files = attack.files();
  night.facts.office = { files: files.length, bytes: sizeOf(files) };
  night.stage = 'head office is gone';
  say(`head office is gone: network cut, ${files.length} files (${(sizeOf(files) / 1e6).toFixed(1)} MB) overwritten by process ${attack.pid}, which knew a path and nothing else`);
  night.show('Head office is gone. The stores sell on: nothing on the path of a sale leaves the store.',
    'Le siège a disparu. Les magasins continuent : rien, sur le chemin d’une vente, ne sort du magasin.');
}

// The same process at the store, while its tills ring. What nobody has a copy of yet lies in those tills.
export async function destroyStore(night) {
  const { attacked } = night;
  night.shop = night.shopOf(attacked.name);
  night.safeBefore = await attacked.safety();
  night.watch = new Map([attacked, ...night.fed].map((site) => [site.name, logLines(site)]));
  attacked.whenEnded.then(() => Object.assign(night, { dead: performance.now(), deadMs: Date.now() }));
  night.attack = destroy(attacked.dir, join(night.config.dir, 'destroyed-store'));
  night.show(`The attacker’s process is in ${attacked.name}, overwriting every file, with a queue at its tills.`,
    `Le programme de l’attaquant est dans ${attacked.name} et écrase chaque fichier, alors qu’on fait la queue aux caisses.`);
}

export async function alertAndSeal(night) {
  const { attacked, facts, attack } = night;
  await waitUntil('the first file to be destroyed', () => attack.files().length > 0, { everyMs: 1 });
  const written = new Map();
  for (const { name } of [attacked, ...night.fed]) {
    written.set(name, now());
    appendFileSync(sensorOf(night, name), alertLine(lateral));
  }
  const seals = new Map(await inParallel([attacked, ...night.fed], 8, async (site) =>
    [site.name, await waitUntil(`${site.name} to be sealed`, () => sealedIn(site, night.watch.get(site.name)), { seconds: 30, everyMs: 5 })]));
  const own = seals.get(attacked.name);
  await attack.ended;
  const files = attack.files(), before = files.filter(({ at }) => at <= own.atUs);
  night.sealedAtMs = own.atUs / 1000;
  facts.sealed = { ms: (own.atUs - attack.startedUs) / 1000 };
  facts.alertToSealed = night.fed.map(({ name }) => (seals.get(name).atUs - written.get(name)) / 1000);
  facts.destroyed = { before: before.length, beforeBytes: sizeOf(before), journal: before.filter(({ name }) => name.startsWith('journals/')).length,
    all: files.length, allBytes: sizeOf(files) };
  say(`${attacked.name} sealed itself ${facts.sealed.ms.toFixed(0)} ms after the attacker's process was started, with ${before.length} of ${files.length} files overwritten; ` +
    `${night.fedNames().join(', ')} ${Math.max(...facts.alertToSealed).toFixed(0)} ms at most after the sensor's line`);
  night.show(`Alerts have sealed ${attacked.name} and the fed stores: every link has ended, and their tills sell on.`,
    `Des alertes ont scellé ${attacked.name} et les magasins alimentés : toutes les liaisons sont coupées, leurs caisses vendent toujours.`);
  // The machine goes on for as long as it can. It ends by itself where it meets what is left of its journal, or is switched off.
  for (let n = 0; n < 15 && attacked.alive; n++) await sleep(100);
  facts.endedByItself = !attacked.alive;
  await attacked.kill();
  say(facts.endedByItself ? `${attacked.name}'s node has ended by itself: its journal does not hold any more` : `${attacked.name}'s machine is switched off`);
}
