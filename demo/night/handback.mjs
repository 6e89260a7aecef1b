// Monday: the old system is back, and takes the trade of the fed stores, once. Each figure is held against the journals, which
// another program reads; the files are asked for twice; a ledger with unique keys takes them twice.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/chain.mjs';
import { effectiveEvents, exportAll } from '../lib/journals.mjs';
import { controlTotals, digestsOf, give, ledgerTotals, same, tradeTotals, typedIn } from '../lib/handback.mjs';
import { openLedger } from '../lib/ledger.mjs';
import { pounds } from '../lib/decimal.mjs';
import { say } from '../lib/show.mjs';

export async function handBack(night) {
  const { chain, config, facts } = night;
  const into = (what) => join(config.dir, 'handback', what);
  await Promise.all(night.fed.map((site) => site.cosigned({ seconds: 60 })));
  const trees = await exportAll({ path: chain.path, sites: new Map(night.fed.map((site) => [site.name, site])) }, into('journals'));
  const result = facts.handback = { stores: 0, sales: 0n, gross: 0n, totals: 0, equal: 0, again: 0, confirmed: 0, once: 0 };
  const dirs = [];
  for (const site of night.fed) {
    const asked = (where) => run(['handback', '--data', site.dir, '--into', into(where), ...(where === 'again' ? ['--number', '1'] : [])]);
    await asked('files');
    await asked('again');
    const name = `${site.name}-handback-0001`, dir = join(into('files'), name);
    site.handedBack = tradeTotals(site.name, await effectiveEvents(trees.filter((tree) => tree.site === site.name)));
    const { totals } = site.handedBack;
    result.stores++;
    result.totals += totals.size;
    for (const [key, amount] of totals) {
      if (key.includes(' sales ')) result.sales += amount;
      if (key.includes(' gross ')) result.gross += amount;
    }
    if (same(controlTotals(dir), totals)) result.equal++;
    if (JSON.stringify(digestsOf(dir)) === JSON.stringify(digestsOf(join(into('again'), name)))) result.again++;
    dirs.push((site.handbackDir = dir));
  }
  night.ledger = await openLedger(config.dir, chain.spare_port + 1);
  result.ledger = night.ledger.name;
  result.first = give(night.ledger, dirs);
  result.secondTime = give(night.ledger, dirs).taken;
  for (const site of night.fed) {
    const held = ledgerTotals(night.ledger, site.name), own = site.handedBack;
    if (same(held.totals, own.totals) && held.ids.size === own.ids.size && [...held.ids].every((id) => own.ids.has(id))) result.once++;
    // A person at the old system types in what it adds up; the node compares to the penny.
    const typed = join(into('files'), `${site.name}.typed.csv`);
    const inPounds = (key, amount) => (/ (sales|refunds) $/.test(key) ? String(amount) : pounds(amount));
    writeFileSync(typed, typedIn(site.handbackDir, ({ day, total, code }) => {
      const key = `${day} ${total} ${code}`;
      return held.totals.has(key) ? inPounds(key, held.totals.get(key)) : '';
    }));
    if ((await run(['handback', 'confirm', '1', '--data', site.dir, '--totals', typed], { mayFail: true })).code === 0) result.confirmed++;
    await run(['standby', 'resume', '--data', site.dir]);
  }
  await night.ledger.stop();
  night.ledger = undefined;
  say(`Monday: ${result.stores} fed stores handed ${result.sales} sales back; the old system sells there again`);
  night.show('The night’s trade is in the old system, every sale once. The fed stores stand by again.',
    'Les ventes de la nuit sont dans l’ancien système, chacune une seule fois. Les magasins alimentés se tiennent de nouveau prêts.');
}
