// New machines: keys of their own, a certificate signed offline, and from their mirrors all that those hold. First head office;
// then, when the trade is over, the store that sells on its spare. A spare mirrors for nobody, so until then the store's
// neighbour has one mirror less; and beside a head office that was rebuilt as well, one less than a quorum (protocol 4.6, 10.2).
import { waitUntil } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';
import { newTillKeys } from './afterwards.mjs';
import { manager } from './night.mjs';

export async function rebuildHeadOffice(night) {
  const { chain, trading, facts } = night, office = chain.headOffice;
  trading.phase = 'rebuilding';
  night.stage = 'head office is rebuilt';
  const start = performance.now();
  const report = await chain.rebuild('head-office');
  await office.start();
  await waitUntil('head office to serve again', async () => {
    const safety = await office.safety();
    return safety.signing === 'signing' && !safety.provisional;
  }, { seconds: 120 });
  const served = performance.now();
  await office.enrol({ ...manager });
  facts.rebuildSeconds = (served - start) / 1000;
  facts.goneSeconds = (served - night.gone) / 1000;
  const fetched = Number(/fetched +(\d+) entries/.exec(report)?.[1]), registered = Number(/([\d.]+) s {2}registered/.exec(report)?.[1]);
  facts.rebuild = `${fetched} entries of ${chain.sites.size} journals fetched and verified in ${registered} s: ${(fetched / registered).toFixed(0)}/s`;
  facts.rebuilt = fetched > 0;
  facts.officeBack = { kept: Number(/cosigned and kept +(\d+) entries/.exec(report)?.[1]), before: night.before.find(({ site }) => site === 'head-office') };
  say(`head office serves again, ${facts.rebuildSeconds.toFixed(1)} s after its new machine was started\n${report.trim().replaceAll(/^/gm, '          ')}`);
  trading.phase = 'after';
  night.stage = 'head office is back';
  const { again, known } = await night.office.resendAll();
  facts.resent = { again, known };
  say(`its buyer sent ${again + known} acknowledged price changes again: ${known} were there, ${again} were taken in again`);
  night.show('Head office is back from its mirrors, verified; what was acknowledged is there once.',
    'Le siège est revenu depuis ses miroirs, vérifié ; ce qui avait été confirmé y est, une seule fois.');
}

export async function rebuildStore(night) {
  const { chain, facts, attacked } = night;
  const start = performance.now();
  await attacked.cosigned({ seconds: 60 });
  await attacked.stop();
  const report = await chain.rebuild(attacked.name);
  await attacked.start();
  await attacked.signing({ seconds: 120 });
  await attacked.enrol({ ...manager });
  await newTillKeys(night, attacked);
  facts.storeBack = (performance.now() - start) / 1000;
  say(`${attacked.name} has left its spare for a new machine, ${facts.storeBack.toFixed(1)} s: ${/cosigned and kept +(\d+) entries/.exec(report)?.[1]} entries came back, its tills have new keys, and it mirrors for others again`);
  night.show(`${attacked.name} has a new machine with its whole journal, and is a mirror for its neighbour again.`,
    `${attacked.name} a une nouvelle machine avec tout son journal, et sert de nouveau de miroir à son voisin.`);
}
