// A chain of processes: its trade is loaded, its sites are made. Beside it, for the interactive demo, a small server that the
// chain page's destroy, cut, heal and rebuild speak to.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { trade as loadTrade } from '../baskets.mjs';
import { Chain } from '../lib/chain.mjs';
import { Control } from '../lib/control.mjs';
import { say } from '../lib/show.mjs';
import * as hands from './afterwards.mjs';

export async function makeChain(night) {
  const { config } = night;
  mkdirSync(join(config.dir, '..'), { recursive: true });
  night.supply = loadTrade({ stores: config.stores, baskets: config.baskets, data: config.data, seed: config.seed });
  const baskets = night.supply.stores.reduce((sum, list) => sum + list.length, 0);
  say(`trade: ${night.supply.source}; ${baskets} baskets${night.supply.notes.map((note) => `; ${note}`).join('')}`);
  night.chain = await Chain.create({ dir: config.dir, stores: config.stores });
  say(`chain: ${night.chain.sites.size} sites, each with its own keys and journal, in ${config.dir}; all on loopback of this machine, in no network namespaces`);
}

export async function startControl(night) {
  const { chain } = night;
  const onSite = (action) => async (name) => {
    if (!chain.sites.has(name)) throw new Error('no such site');
    if (!night.finished) throw new Error('the night is still being played: wait for its table');
    await action(night, chain.site(name));
  };
  const machines = () => [...chain.sites.values(), ...chain.spares.values()];
  night.control = new Control({
    origins: () => new Set(machines().map((site) => site.url)),
    actions: { destroy: onSite(hands.destroy), cut: onSite((_, site) => hands.setLinks(night, site, 'cut')),
      heal: onSite((_, site) => hands.setLinks(night, site, 'open')), rebuild: onSite(hands.bringBack) },
    state: () => ({ caption: night.caption, sites: [...chain.sites].map(([name, site]) => ({ site: name, url: site.url, alive: site.alive,
      cut: night.cutSites.has(name), rebuilding: night.rebuilding === name })) }),
  });
  chain.control = await night.control.listen(chain.spare_port);
}
