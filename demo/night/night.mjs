// What all acts share: the settings, who is who in this chain, the chain itself, its trade, and what was measured.
import { join } from 'node:path';
import { endRuns, shared, top } from '../lib/chain.mjs';
import { inParallel } from '../lib/http.mjs';
import { say } from '../lib/show.mjs';

const number = (name, fallback) => Number(process.env[name] ?? fallback);

// Long enough that no run of digits in a journal is one by chance.
export const manager = { number: '1', pin: '7390284615' };
export const second = { number: '2', name: 'Bartholomew Featherstonehaugh', role: 'manager', pin: '6047192835' };
export const cashier = (site) => ({ number: '12', name: `Wilhelmina Ashdown-Quill of ${site.name}`, role: 'cashier', pin: '5182936407' });
export const customer = 'Clementine Wetherby-Stokes';  // in the old system's orders; of her the journals have an opaque id
export const secrets = ['Wilhelmina', 'Ashdown-Quill', 'Featherstonehaugh', 'Wetherby-Stokes', manager.pin, second.pin, '5182936407'];

export class Night {
  constructor() {
    this.config = {
      once: process.argv.includes('--once') || process.env.ONCE === '1',
      stores: number('STORES', 32), baskets: number('BASKETS', 20_000), seed: number('SEED', 1), tills: number('TILLS', 2), thinkMs: number('THINK_MS', 60),
      data: process.env.DATA ?? join(shared, 'data'), dir: process.env.HF_DEMO_DIR ?? join(top, 'build/demo'),
    };
    if (!(this.config.stores >= 4)) throw new Error('the night needs at least 4 stores: STORES=4');
    this.facts = {};
    this.cutSites = new Set();
    this.show('The chain is being made.', 'La chaîne est en cours de création.');
  }
  // What is being proved, on the chain page.
  show(en, fr) { this.caption = { en, fr }; }

  // ---- who is who
  // Store 3 has the queue and is attacked: stores 1 and 2 are mirrors of head office, and the fed ones have no tills of ours yet.
  attackedName() { return 'store-03'; }
  // One store in eight keeps its own old tills and has Holdfast beside them; the last ones, which are the smallest.
  fedNames() {
    const { stores } = this.config;
    const fed = Math.max(1, Math.round(stores / 8));
    return Array.from({ length: fed }, (_, i) => `store-${String(stores - i).padStart(2, '0')}`).reverse();
  }
  get attacked() { return this.chain.site(this.attackedName()); }
  get fed() { return this.fedNames().map((name) => this.chain.site(name)); }
  get own() { return this.chain.stores.filter((site) => !this.fedNames().includes(site.name)); }
  shopOf(name) { return this.trading.shops.find(({ site }) => site.name === name || site.of?.name === name); }

  async startSites() {
    const sites = [...this.chain.sites.values()];
    await inParallel(sites, 4, (site) => site.start());
    await inParallel(sites, 4, (site) => site.enrol({ ...manager }));
    await inParallel(sites, 8, (site) => site.signing());
    say(`${sites.length} processes serve, on 127.0.0.1:${sites[0].port} to ${sites.at(-1).port}; a manager is enrolled at each`);
    // Head office's own page goes with head office; the warehouse's is there all night.
    if (!this.config.once) say(`watch it live: ${this.chain.warehouse.url}/chain/   sign in with staff number ${manager.number}, PIN ${manager.pin}`);
  }
  async stop() {
    if (this.trading) this.trading.stopping = true;
    this.control?.close();
    endRuns();
    await this.ledger?.stop().catch(() => {});
    await this.chain?.stopAll().catch(() => {});
  }
}
