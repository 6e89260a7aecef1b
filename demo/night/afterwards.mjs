// Afterwards the chain goes on, slowly, and can be hurt from its chain page: destroy, cut, heal, rebuild.
import { overwriteAll } from '../lib/chain.mjs';
import { sleep } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';
import { cashier, manager } from './night.mjs';

export async function destroy(night, site) {
  if (!site.alive) throw new Error(`${site.name} is gone already`);
  await site.kill();
  overwriteAll(site.dir);
  night.show(`${site.name} is destroyed: its process killed, its disk overwritten. Its mirrors hold its journal; the others trade on.`,
    `${site.name} est détruit : processus tué, disque écrasé. Ses miroirs gardent son journal ; les autres continuent.`);
}
export async function setLinks(night, site, state) {
  const { links } = await site.local().get('/v1/links');
  for (const link of links) await site.local().post(`/v1/links/${link.site}`, { state });
  if (state === 'cut') {
    night.cutSites.add(site.name);
    night.show(`${site.name} has cut every link and sells on alone. Cutting needed nobody else.`, `${site.name} a coupé toutes ses liaisons et vend seul. Personne d’autre n’était nécessaire.`);
  } else {
    night.cutSites.delete(site.name);
    night.show(`${site.name} has opened its links; what it sold alone is copied at full speed.`, `${site.name} a rouvert ses liaisons ; ce qu’il a vendu seul est copié à pleine vitesse.`);
  }
}
export async function bringBack(night, site) {
  if (site.alive) throw new Error(`${site.name} lives; destroy it first`);
  night.rebuilding = site.name;
  const start = performance.now();
  try {
    await night.chain.rebuild(site.name);
    await site.start();
    await site.signing({ seconds: 120 });
    await site.enrol({ ...manager });
    await newTillKeys(night, site);
  } finally {
    night.rebuilding = null;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const [en, fr] = site.kind === 'store' ? [' Its tills send again what they hold.', ' Ses caisses renvoient ce qu’elles détiennent.'] : ['', ''];
  night.show(`${site.name} is back from its mirrors in ${seconds} s, verified.${en}`, `${site.name} est revenu depuis ses miroirs en ${seconds} s, vérifié.${fr}`);
}
// A rebuilt store knows no till's key (protocol 11.1): each till asks for its own number again and sends what it kept.
export async function newTillKeys(night, site) {
  const shop = night.trading.shops.find((each) => each.site === site);
  if (!shop) return;
  const { staff_id } = await site.session.post('/v1/staff', cashier(site));
  for (const till of shop.tills) {
    till.site = site.client;
    till.enter({ ...(await site.session.post('/v1/tills', { name: `Till ${till.number}`, till: till.number })), staff: staff_id, session: site.session });
    await till.settle({ resend: true });
  }
}

export async function goOn(night) {
  const { chain, trading } = night;
  night.finished = true;
  console.log(`
The chain goes on trading, slowly, until Ctrl-C.

  chain page       ${chain.headOffice.url}/chain/
  the incident     ${chain.headOffice.url}/incident/
  a till           ${chain.stores[0].url}/till/
  attacked         ${night.attacked.url}/till/     (${night.attacked.name}, on its new machine)
  standing by      ${night.fed[0].url}/ready/     (${night.fedNames().join(', ')}: take over on /till/)
  sign in          staff number ${manager.number}, PIN ${manager.pin}
`);
  for (const shop of trading.shops) shop.next = 0;
  trading.phase = 'later';
  trading.stopping = false;
  await Promise.all(trading.shops.map(async (shop) => {
    while (!trading.stopping) {
      await sleep(1500 + Math.random() * 3000);
      // A store that is destroyed or rebuilt has no till to sell at; at one that stands by, the old system sells.
      if (!shop.site.alive || night.rebuilding === shop.site.name || await standsBy(night, shop.site)) continue;
      await trading.sellOne(shop, shop.tills[0]).catch((error) => shop.site.alive && say(`${shop.site.name}: ${error.message}`));
    }
  }));
}
async function standsBy(night, site) {
  if (!night.fedNames().includes(site.name)) return false;
  return (await site.local().get('/v1/standby').catch(() => undefined))?.standby?.phase !== 'taken over';
}
