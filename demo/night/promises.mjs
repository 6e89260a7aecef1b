// Every promise, from the journals as another program reads them; then the table. A row with `ok` is judged, one without is told.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allArrived, checkAcknowledged, differsFromClaim, keptSealed, stockBalance } from '../lib/audit.mjs';
import { formatDecimal, pounds } from '../lib/decimal.mjs';
import { inParallel, waitUntil } from '../lib/http.mjs';
import { exportAll, ledgersOf, verifyAll } from '../lib/journals.mjs';
import { searchInClear } from '../lib/search.mjs';
import { percentile, say, table } from '../lib/show.mjs';
import { secrets } from './night.mjs';

export async function checkPromises(night) {
  const { chain, trading, config } = night;
  say('checking every promise from the exported journals');
  // Until every journal is cosigned to its end, so that exports hold all of it.
  await inParallel(chain.sites.values(), 8, (site) => site.cosigned({ seconds: 60 }));
  const totals = await totalsThatFollowAll(night);
  night.after = await exportAll(chain, join(config.dir, 'journals-after'));
  say(`${night.after.length} journals are exported; another program verifies them`);
  const verified = await verifyAll(night.before, night.after);
  const ledgers = await ledgersOf(night.after);
  const kept = [...trading.acknowledged, ...[night.office, night.warehouse, ...night.desks.values()].flatMap((desk) => desk.replies.map((reply) => ({ ...reply, site: desk.site.name })))];
  say('what they say is added up; every byte of every machine, old ones too, of logs, handbacks and the incident is searched for names and PINs');
  const { found, listed, problems } = checkAcknowledged(ledgers, kept);
  const all = [...ledgers.values()];
  const seen = { kept, found, listed, verified, ledgers, totals,
    doubled: all.flatMap((ledger) => ledger.doubled), repeats: all.flatMap((ledger) => ledger.repeats), gaps: all.flatMap((ledger) => ledger.gaps()),
    lost: problems.filter(({ what }) => what === 'lost'), other: problems.filter(({ what }) => what !== 'lost'),
    goods: stockBalance(ledgers), sum: (name) => all.reduce((total, ledger) => total + ledger.sums[name], 0n),
    wrongClaims: totals.sites.map((claim) => ({ site: claim.site, wrong: differsFromClaim(ledgers.get(claim.site), claim) })).filter(({ wrong }) => wrong.length),
    canary: searchForPeople(night) };
  evidence(night, seen);
  console.log('');
  const held = [['the chain and its trade', tradeRows], ['beside an old system', feedRows], ['the attack and the seal', attackRows], ['the spare', spareRows],
    ['the morning', morningRows], ['the books', bookRows], ['handed back', handbackRows]].map(([title, rows]) => {
    console.log(`  ${title}`);
    return table(rows(night, seen), { wide: 74 });
  }).every(Boolean);
  console.log(held ? '\nEvery promise held.' : `\nNot every promise held: see ${join(config.dir, 'evidence.json')}`);
  return held;
}

function tradeRows({ chain, trading, config, supply, unsafe, fed }, { kept, found, listed, lost, doubled, other, repeats, gaps }) {
  return [
    { what: 'sites, as separate processes on loopback (no network namespaces)', value: `${chain.sites.size}, ${chain.stores.length} of them stores, ${fed.length} of those fed; and a spare` },
    { what: 'baskets sold through the HTTP API', value: `${trading.counts.sale} (${supply.source})`, ok: trading.counts.sale >= config.baskets },
    { what: 'refunds / without receipt / write-offs / counts', value: `${trading.counts.refund} / ${trading.counts.refund_no_receipt} / ${trading.counts.write_off} / ${trading.counts.count}` },
    { what: 'writes refused by a node', value: `${trading.refused.length}`, ok: trading.refused.length === 0 },
    { what: 'acknowledged, and in the journals: in force / on the list for a person', value: `${kept.length}: ${found} / ${listed.length}`, ok: kept.length === found + listed.length },
    { what: 'lost', value: `${lost.length}`, ok: lost.length === 0 },
    { what: 'doubled', value: `${doubled.length}`, ok: doubled.length === 0 },
    { what: 'with another number, place or total than the till was told', value: `${other.length}`, ok: other.length === 0 },
    { what: 'receipt numbers repeated / missing', value: `${repeats.length} / ${gaps.length}`, ok: repeats.length + gaps.length === 0 },
    { what: 'acknowledged writes that are not yet safe at the end', value: `${unsafe}`, ok: unsafe === 0 },
  ];
}

function feedRows({ facts, fed }) {
  const { feed, feedAges } = facts;
  return [
    { what: 'files of the old system taken: rows taken / refused', value: `${feed.files} files: ${feed.taken} / ${feed.refused}, each with line and reason`, ok: feed.taken > 0 },
    { what: 'of them the catalogue (real barcodes, 12 in 100 spoilt)', value: `${feed.catalogue.taken} / ${feed.catalogue.refused}` },
    { what: 'age of prices and shelves, as the fed stores tell it before the night', value: `${Math.min(...feedAges).toFixed(1)} to ${Math.max(...feedAges).toFixed(1)} h`, ok: feedAges.length === 2 * fed.length && Math.min(...feedAges) >= 24 && Math.max(...feedAges) < 26 },
    { what: 'fed stores ready / refusing to sell beside the old system', value: `${facts.ready} / ${facts.standsBy} of ${fed.length}`, ok: facts.ready === fed.length && facts.standsBy === fed.length },
    { what: 'taken over by a manager\'s PIN, sealed as they were', value: `${facts.takenOver} stores`, ok: facts.takenOver === fed.length },
  ];
}

function attackRows({ facts, shop, sealedAtMs, deadMs, safeBefore, attacked }, { ledgers }) {
  const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { destroyed, sealed, alertToSealed } = facts;
  const back = ledgers.get(attacked.name).events.filter(({ origin }) => origin === safeBefore.origin).length;
  const dying = shop.sold.filter((at) => at >= sealedAtMs && at <= deadMs).length;
  return [
    { what: 'head office: overwritten by a process that knows only a path', value: `${facts.office.files} files, ${mb(facts.office.bytes)}`, ok: facts.office.files > 0 },
    { what: `${attacked.name}: overwritten before it was sealed / in the end`, value: `${destroyed.before} files, ${mb(destroyed.beforeBytes)} (${destroyed.journal} of journals) / ${destroyed.all} files, ${mb(destroyed.allBytes)}`, ok: destroyed.all > 0 },
    { what: `${attacked.name}: entries before the attack, and given back`, value: `${safeBefore.size} (${safeBefore.cosigned_size} cosigned), ${Math.min(back, safeBefore.size)}: ${back >= safeBefore.size ? 'all of it' : 'NOT all'}`, ok: back >= safeBefore.size },
    { what: `${attacked.name}: attacker's process started -> sealed`, value: `${sealed.ms.toFixed(0)} ms, by the rule ${sealed.rule}` },
    { what: 'fed stores: sensor\'s line written -> sealed, median / worst', value: `${percentile(alertToSealed, 0.5).toFixed(0)} / ${Math.max(...alertToSealed).toFixed(0)} ms, of ${alertToSealed.length}`, ok: alertToSealed.length > 0 },
    { what: `${attacked.name}: sold while sealed, on the machine that was being overwritten`, value: `${dying}${facts.endedByItself ? '; then its node ended by itself, on its damaged journal' : '; then it was switched off'}` },
  ];
}

function spareRows({ facts, shop, attacked, deadMs, safeBefore }, { ledgers }) {
  const { spare } = facts, copied = keptSealed(ledgers.get(attacked.name), safeBefore.origin);
  const sold = shop.sold.filter((at) => at > deadMs).length;
  return [
    { what: 'machine dead -> next sale rung on the spare', value: `${spare.all.toFixed(1)} s (detection ${spare.detection.toFixed(1)} s, promotion ${spare.promotion.toFixed(1)} s, tills found ${spare.tills.toFixed(1)} s)`, ok: spare.all < 120 },
    { what: `sold at ${attacked.name} on its spare`, value: `${sold} (and ${spare.sentAgain} sent again that it did not have)`, ok: sold > 0 },
    { what: 'its copy held the seal / it opened sealed', value: `${copied ? 'yes' : 'no'} / ${spare.openedSealed ? 'yes' : 'no, its manager sealed it'}`, ok: spare.openedSealed || !copied },
    { what: 'the spare is the registered store again', value: `${spare.registered.toFixed(0)} s after the machine was dead (its links came back first)`, ok: spare.registered > 0 },
  ];
}

// The figures with which the incident was closed, of all sites that were sealed.
function figuresOf(sealed) {
  const seconds = sealed.map(({ sealed_seconds }) => sealed_seconds);
  const sum = (what) => sealed.reduce((total, each) => total + each[what], 0);
  return `sealed ${Math.min(...seconds)} to ${Math.max(...seconds)} s, ${sum('sales')} sales meanwhile, ${sum('waiting')} entries waited`;
}

function morningRows({ facts, trading }) {
  const { rejoin, incident } = facts;
  const ratio = (share) => {
    const calm = percentile(trading.latencies.before, share), during = percentile(trading.latencies.gone ?? [], share);
    return `${calm.toFixed(1)} ms / ${during.toFixed(1)} ms / ${(during / calm).toFixed(2)}`;
  };
  const away = (trading.sales.attack ?? 0) + (trading.sales.gone ?? 0);
  return [
    { what: 'sales while head office was gone / being rebuilt', value: `${away} / ${trading.sales.rebuilding ?? 0}`, ok: (trading.sales.gone ?? 0) > 0 },
    { what: 'a till\'s write, p50: all up / head office gone / ratio', value: ratio(0.5) },
    { what: 'a till\'s write, p99: all up / head office gone / ratio', value: ratio(0.99) },
    { what: 'links back by checklist and a second person', value: `${rejoin.links} of ${rejoin.sites} sites; refused without a checklist ${rejoin.early}, agreed with oneself ${rejoin.alone}`,
      ok: rejoin.links > 0 && rejoin.early === rejoin.links && rejoin.alone === rejoin.links },
    { what: 'incidents opened by seals, joined into one, closed', value: `${incident.opened}; ${figuresOf(incident.sealed)}`,
      ok: incident.opened >= rejoin.sites && incident.sealed.length >= rejoin.sites },
    { what: 'head office: machine gone to serving again', value: `${facts.goneSeconds.toFixed(1)} s (${(facts.goneSeconds - facts.rebuildSeconds).toFixed(1)} s of trade without, then ${facts.rebuildSeconds.toFixed(1)} s from new machine to serving)`, ok: facts.goneSeconds > 0 },
    { what: 'rebuild from the mirrors', value: facts.rebuild, ok: facts.rebuilt },
    { what: 'the store leaves its spare for a new machine, and mirrors again', value: `${facts.storeBack.toFixed(1)} s, by the same ceremony`, ok: facts.storeBack > 0 },
    { what: 'acknowledged by head office with no copy anywhere; sent again', value: `${facts.resent.again} taken in again, ${facts.resent.known} were there`, ok: facts.resent.again >= 3 },
  ];
}

function bookRows({ chain, own }, { goods, wrongClaims, totals, sum, verified, canary }) {
  const units = (value) => formatDecimal(value, 3);
  return [
    // Whoever sends goods in this night waits until they are received, so nothing is under way now.
    { what: 'goods from outside, net = on shelves; in transit, differences', value: `${units(goods.outside)} = ${units(goods.onShelves)}; ${units(goods.inTransit)}, ${units(goods.differences)}`, ok: allArrived(goods) },
    { what: 'dispatches sent / received / with a line that arrived otherwise', value: `${goods.dispatches} / ${goods.arrivals} / ${goods.differing.length + goods.unsent.length}`, ok: goods.arrivals > own.length && goods.arrivals === goods.dispatches && allArrived(goods) },
    { what: 'totals of the rebuilt head office = sums over exported journals', value: `${totals.sites.length} sites, ${wrongClaims.length} differ; £${pounds(sum('gross'))}, ${sum('sales')} sales`,
      ok: wrongClaims.length === 0 && totals.sites.length === chain.sites.size },
    { what: 'journals verified before and after, by another program', value: `${verified.trees} trees, ${verified.leaves} leaves, ${verified.failed.length} fail`, ok: verified.failed.length === 0 && verified.trees > chain.sites.size },
    { what: 'staff names, a customer\'s name and PINs in the clear', value: `${canary.found} in ${canary.files} files (${(canary.bytes / 1e6).toFixed(0)} MB)`, ok: canary.found === 0 },
    { what: 'a canary planted in the clear, found by the same search', value: canary.planted ? 'yes' : 'no', ok: canary.planted },
  ];
}

function handbackRows({ facts: { handback }, fed }) {
  const all = (n) => n === fed.length;
  return [
    { what: 'fed stores: sales handed back', value: `${handback.sales} of ${handback.stores} stores, £${pounds(handback.gross)}`, ok: handback.sales > 0n },
    { what: 'totals by day, VAT rate and tender = the journals\', to the penny', value: `${handback.totals} totals, ${handback.equal} of ${fed.length} stores equal`, ok: all(handback.equal) && handback.totals > 0 },
    { what: 'asked for a second time, the same bytes', value: `${handback.again} of ${fed.length}`, ok: all(handback.again) },
    { what: `a receiving ledger (${handback.ledger}) takes the files twice`, value: `${handback.first.taken} of ${handback.first.rows} rows, then ${handback.secondTime}; it holds everything once at ${handback.once} of ${fed.length}`,
      ok: handback.first.taken === handback.first.rows && handback.secondTime === 0 && all(handback.once) },
    { what: 'its own totals typed in, confirmed without a difference', value: `${handback.confirmed} of ${fed.length}`, ok: all(handback.confirmed) },
  ];
}

// Head office's totals once it has followed every site to the end of its trade.
async function totalsThatFollowAll({ chain }) {
  const signature = (claim) => [claim.sales, claim.refunds, claim.refunds_without_receipt, claim.gross];
  const sizes = new Map(await inParallel(chain.sites.values(), 8, async (site) =>
    [site.name, signature((await site.local().get('/v1/totals')).sites.find((each) => each.site === site.name))]));
  const ask = () => chain.headOffice.local().get('/v1/totals');
  return waitUntil('head office to follow every site', async () => {
    const totals = await ask();
    return totals.sites.every((claim) => sizes.get(claim.site).every((value, i) => value === signature(claim)[i])) && totals;
  }, { seconds: 90 }).catch((error) => {
    say(error.message);
    return ask();
  });
}

function searchForPeople(night) {
  const { chain, config } = night;
  const directories = [...chain.sites.values()].flatMap((site) => [site.dir, ...site.oldDirs])
    .concat(['logs', 'handback', 'incident'].map((name) => join(config.dir, name)));
  const planted = join(chain.stores[0].dir, 'canary');
  writeFileSync(planted, Buffer.concat([Buffer.alloc(5000, 7), Buffer.from('Canary Featherstone-Budgie'), Buffer.alloc(5000, 9)]));
  const told = {};
  const found = searchInClear(directories, [...secrets, 'Canary Featherstone-Budgie'], told);
  night.found = found.filter(({ path }) => path !== planted);
  return { found: night.found.length, files: told.files, bytes: told.bytes, planted: found.some(({ path }) => path === planted) };
}

function evidence(night, { lost, listed, other, doubled, repeats, gaps, goods, wrongClaims, verified }) {
  const plain = (key, value) => (typeof value === 'bigint' ? value.toString() : value instanceof Map ? Object.fromEntries(value) : value);
  const what = { lost, listed, other, doubled, repeats, gaps, goods, wrongClaims, verified, refused: night.trading.refused };
  const short = Object.fromEntries(Object.entries(what).map(([name, value]) => [name, Array.isArray(value) ? { count: value.length, first: value.slice(0, 20) } : value]));
  writeFileSync(join(night.config.dir, 'evidence.json'), JSON.stringify({ ...short, found: night.found, facts: night.facts }, plain, 1));
}
