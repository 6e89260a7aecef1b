// The bad night, on this machine: a whole chain of processes trades, some stores stand by for an old system; an attacker
// destroys head office and a store with a queue at its tills; alerts seal what is left; the store's spare opens; hours of trade
// later everything is back, the old system has every sale once, and every promise is checked from the journals.
//
//   node demo/demo.mjs [--once]      STORES=32 BASKETS=20000 SEED=1 DATA=../shared/data TILLS=2 THINK_MS=60
//
// `make demo` runs it after the build; `make demo ONCE=1` ends with exit 0 or 1. Everything happens below build/demo, in
// processes that are ended by their own ids. An act is a file of demo/night, in the order of this list.
import { existsSync } from 'node:fs';
import { program } from './lib/chain.mjs';
import { endsWith } from './lib/ending.mjs';
import { Night } from './night/night.mjs';
import { makeChain, startControl } from './night/chain.mjs';
import { feedEverybody, takeOver } from './night/old_system.mjs';
import { openStores, tradeUntilEvening, tradeToTheEnd, tradeUntil, tillsSettle } from './night/trade.mjs';
import { prepareTarget, destroyHeadOffice, destroyStore, alertAndSeal } from './night/attack.mjs';
import { addSpare, openSpare } from './night/spare.mjs';
import { linksReturn, spareIsRegistered, headOfficeReturns, closeIncident } from './night/rejoin.mjs';
import { rebuildHeadOffice, rebuildStore } from './night/rebuild.mjs';
import { handBack } from './night/handback.mjs';
import { checkPromises } from './night/promises.mjs';
import { goOn } from './night/afterwards.mjs';

async function tell(night) {
  if (!existsSync(program)) throw new Error(`${program} is not there: run make build`);
  // The day. The attacked store has canaries, a sensor and a spare; the fed stores stand by for an old system.
  await makeChain(night);
  prepareTarget(night);
  if (!night.config.once) await startControl(night);
  await night.startSites();
  await feedEverybody(night);
  await openStores(night);
  await addSpare(night);
  await tradeUntilEvening(night);
  // The night. Stores go on selling through all of it.
  const rest = tradeToTheEnd(night);
  await destroyHeadOffice(night);
  await destroyStore(night);
  await alertAndSeal(night);
  await openSpare(night);
  await takeOver(night);
  await tradeUntil(night, 0.6);
  // The morning.
  await linksReturn(night);
  await rebuildHeadOffice(night);
  await spareIsRegistered(night);
  await headOfficeReturns(night);
  await closeIncident(night);
  await rest();
  await rebuildStore(night);
  await tillsSettle(night);
  // Monday.
  await handBack(night);
  return checkPromises(night);
}

const night = new Night();
const end = endsWith(() => night.stop(), () => (night.finished ? (night.held ? 0 : 1) : 130));
try {
  night.held = await tell(night);
  if (!night.config.once) await goOn(night);
  await end(night.held ? 0 : 1);
} catch (error) {
  console.error(`\nThe demo stopped: ${error.stack ?? error}`);
  await end(1);
}
