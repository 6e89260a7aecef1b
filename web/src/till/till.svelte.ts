// The till as a whole: what it knows (state for the components) and what it does. Every change that must survive a crash
// goes to disk.ts before it is shown as done.

import {
  is_about, random_hex,
  type About, type Answer, type Device, type Enrolled, type Feed, type Problem, type Product, type Receipt, type Reply, type Cover,
  type Safety, type Standby, type Tender, type WriteBody, type WriteFields, type WriteStatus,
} from '../lib/api';
import { looks_like_card } from '../lib/card';
import { on_work } from '../lib/session';
import { beyond_alone, new_series, numbered, type Series } from './alone';
import { add_product, cash_moved, counted, is_locked, is_of_listing, new_draft, place_of, sale_lines, set_quantity, tendered, total_of, with_rates } from './basket';
import type { Draft, Line } from './basket';
import { Catalogue } from './catalogue.svelte';
import { Disk } from './disk';
import { Machines } from './machines';
import { one_by_one } from './one_by_one';
import { Pump } from './pump';
import { count, keep, type Kept, type View } from './queue';
import type { Picked } from './refund';
import { hand_out, room_of, uncovered_since, type Estimate } from './room';
import { a_day_without_copy, safety_line } from './safety_line';
import { SignedIn } from './signed_in.svelte';

const poll_ms = 1000;
const room_every_ms = 30_000;
const feed_every_ms = 60_000;
const about_every_ms = 60_000;
// Questions in a row that no machine of the store has answered in time: one alone may only have met a slow disk. What is
// refused at once has nobody behind it.
const alone_after = 2;
const refused_ms = 1000;
const page_again_ms = 5 * 60_000;

/** Letters only, so that no reference can look like a number of a card. */
export const new_reference = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(24)), (b) => 'abcdefghijklmnop'[b & 15]).join('');

function free_texts(fields: WriteFields): string[] {
  const found: string[] = [];
  if ('reason' in fields && fields.reason) found.push(fields.reason);
  if ('note' in fields) found.push(fields.note);
  if (fields.kind === 'sale' || fields.kind === 'refund_no_receipt') {
    for (const line of fields.lines) if (line.name) found.push(line.name);
  }
  return found;
}

class Till {
  ready = $state(false);
  other_tab = $state(false);
  disk_failed = $state<string | null>(null);
  about = $state<About | null>(null);
  device = $state<Device | null>(null);
  safety = $state.raw<Safety | null>(null);
  /** How old what the old system said is; kept, because it is true while the node is silent too. */
  feed = $state.raw<Feed | null>(null);
  silent_since = $state<string | null>(null);
  #silences = $state(0); // in a row
  /** The last the node said of who sells here; kept, so that a reload without it does not open a till that stands by. */
  standby = $state.raw<Standby | null>(null);
  /** Address of the store's other machine, while the till speaks to that one. */
  elsewhere = $state<string | null>(null);
  wrong_site = $state<string | null>(null);
  till_unknown = $state(false);
  kept = $state.raw<Kept[]>([]);
  draft = $state.raw<Draft | null>(null);
  /** A card terminal is asked: what is shown stays, and whoever works here. */
  at_terminal = $state(false);
  persistent = $state<boolean | null>(null);
  #estimate = $state.raw<Estimate | null>(null);
  #minute_ms = $state(Date.now()); // moves with #look_at_room, so that what depends on the time of day is said again

  #disk!: Disk;
  #pump!: Pump;
  #machines = new Machines(() => this.now_ms(), location.origin);
  // Drawn anew at each start and never kept: a storage that was rolled back or copied would print its numbers twice.
  #alone: Series = new_series((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
  #seq = 0;
  #room_at = -Infinity;
  #feed_at = -Infinity;
  #about_at = -Infinity; // what is on disk may be of before a new chain file: another VAT rate
  #clock_base = Date.now() - performance.now();
  readonly now_ms = (): number => this.#clock_base + performance.now(); // never steps back while the page lives

  signed_in = new SignedIn({
    machines: this.#machines,
    headers: () => this.#person(),
    now_ms: this.now_ms,
    is_silent: () => this.silent_since !== null,
    is_elsewhere: () => this.elsewhere !== null,
    at_terminal: () => this.at_terminal,
    till_unknown: () => (this.till_unknown = this.#pump.till_unknown = true),
    known: () => this.#pump.hurry(),
  });
  catalogue = new Catalogue({
    call: (path, options) => this.#machines.call(path, { ...options, headers: this.#headers() }),
    is_silent: () => this.silent_since !== null,
    now_ms: this.now_ms,
    keep: (products) => this.#disk.replace_products(products),
  });

  /** Part of the basket is paid by card, or may be: its lines stand. */
  locked = $derived(this.draft !== null && is_locked(this.draft));
  decimals = $derived(this.about?.currency_decimals ?? 2);
  stands_by = $derived(this.standby?.phase === 'standing by');
  counts = $derived(count(this.kept));
  /** Nobody answers, and not only for a moment: cash only, and not much of it; no money goes out. */
  alone = $derived(this.silent_since !== null && this.#silences >= alone_after);
  /** Too much for one sale that nobody else knows of. Where a card has paid a part, the customer is not sent away for it. */
  beyond_alone = $derived.by(() => {
    const total = total_of(this.draft?.lines ?? [], this.decimals);
    return this.alone && !this.locked && total !== null && beyond_alone(total, this.decimals);
  });
  room = $derived(room_of(this.#estimate, this.counts.waiting + this.counts.again + this.counts.uncopied));
  uncovered_since = $derived(uncovered_since(this.kept, this.safety, this.silent_since !== null));
  /** A day has passed without a copy elsewhere: the writes are offered as a file. */
  file_due = $derived(a_day_without_copy({ uncovered_since: this.uncovered_since, now_ms: this.#minute_ms }));
  line = $derived(
    safety_line({
      safety: this.safety,
      silent_since: this.silent_since,
      elsewhere: this.elsewhere,
      counts: this.counts,
      last: this.#last_acknowledged(this.kept),
      till_unknown: this.till_unknown,
      uncovered_since: this.uncovered_since,
      room: this.room,
      now_ms: this.#minute_ms,
    }),
  );

  #last_acknowledged(kept: Kept[]): { origin: string; index: number } | null {
    let last: Kept | null = null;
    for (const k of kept) if (k.latest && !k.again && k.state !== 'refused' && (!last || k.seq > last.seq)) last = k;
    return last?.latest ? { origin: last.latest.origin, index: last.latest.index } : null;
  }

  // ---- start

  async start(): Promise<void> {
    try {
      if (!(await this.#only_tab())) {
        this.other_tab = true;
        return;
      }
      // Not waited for: some browsers ask the person first, and the till must open meanwhile.
      void navigator.storage?.persist?.().then((kept) => (this.persistent = kept));
      this.#disk = await Disk.open();
      this.device = (await this.#disk.get<Device>('device')) ?? null;
      this.about = (await this.#disk.get<About>('about')) ?? null;
      this.standby = (await this.#disk.get<Standby>('standby')) ?? null;
      await this.signed_in.load(this.#disk);
      this.draft = (await this.#disk.get<Draft>('draft')) ?? null;
      this.catalogue.products = await this.#disk.products();
      this.feed = (await this.#disk.get<Feed>('feed')) ?? null;
      this.#machines.learn(await this.#disk.get('machines'));
      this.#pump = new Pump(
        this.#disk,
        { writes: (w) => this.#post_writes(w), status: (keys) => this.#get_status(keys) },
        this.now_ms,
        () => this.#pump_changed(),
      );
      await this.#pump.load();
      const highest = Math.max(0, ...this.kept.map((k) => k.seq));
      this.#seq = Math.max(highest, (await this.#disk.get<number>('seq')) ?? 0);
    } catch (error) {
      this.disk_failed = error instanceof Error ? error.message : String(error);
      return;
    }
    document.addEventListener('securitypolicyviolation', (event) => {
      if (this.#machines.others.some((each) => event.blockedURI.startsWith(each))) this.#machines.page_is_old = true;
    });
    on_work(() => this.signed_in.touched());
    try {
      await this.#look_at_room();
      await this.#hear();
      await this.signed_in.read();
    } catch (error) {
      this.disk_failed = error instanceof Error ? error.message : String(error); // full, say: what is kept still goes out
    }
    this.ready = true;
    void this.#beat();
  }

  /** Two open tabs would share one basket; the second one says so instead. The lock ends with its page. */
  #only_tab(): Promise<boolean> {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      void navigator.locks.request('holdfast-till', { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<void>(() => {});
      });
    });
  }

  async #beat(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, poll_ms));
      try {
        await this.#hear();
        if (this.now_ms() - this.#room_at >= room_every_ms) await this.#look_at_room();
        await this.signed_in.renew();
        if (this.device && !this.wrong_site) await this.#pump.turn();
        this.#fetch_the_page_again();
        if (this.silent_since === null && this.signed_in.staff) {
          void this.catalogue.copy();
          void this.#hear_feed();
        }
        if (this.disk_failed !== null) {
          await this.#disk.set('seq', this.#seq); // it can keep things again, or it throws
          this.disk_failed = null;
        }
      } catch (error) {
        this.disk_failed = error instanceof Error ? error.message : String(error);
      }
    }
  }

  async #look_at_room(): Promise<void> {
    this.#room_at = this.now_ms();
    this.#minute_ms = Date.now();
    const { usage, quota } = (await navigator.storage?.estimate?.().catch(() => undefined)) ?? {};
    this.#estimate = usage === undefined || quota === undefined ? null : { usage, quota };
  }
  /** What is not safe yet, as a file for a person to carry away. */
  file_of_writes(): { name: string; text: string } {
    const of = { chain: this.about?.chain ?? '', site: this.about?.site ?? '', till: this.device?.till ?? 0, made_at: new Date().toISOString() };
    const name = `holdfast-${of.site}-till-${of.till}-${of.made_at.slice(0, 19).replaceAll(':', '')}.json`;
    return { name, text: JSON.stringify(hand_out(this.kept, of)) };
  }

  #pump_changed(): void {
    this.kept = [...this.#pump.kept.values()].sort((a, b) => b.seq - a.seq);
    this.till_unknown = this.#pump.till_unknown;
  }

  /** Asks the node how safe things are; whether it answers at all is part of the answer. */
  async #hear(): Promise<void> {
    const here = this.about ? `${this.about.chain}/${this.about.site}` : null;
    const { safety, asked_ms, moved } = await this.#machines.hear(here);
    if (!safety) {
      this.silent_since ??= new Date().toISOString();
      this.#silences += this.now_ms() - asked_ms < refused_ms ? alone_after : 1;
      if (this.alone) this.signed_in.go_on_alone();
      return;
    }
    if (moved) {
      this.elsewhere = this.#machines.current || null;
      this.signed_in.moved();
      this.#pump.hurry();
    }
    const was_silent = this.silent_since !== null;
    this.silent_since = null;
    this.#silences = 0;
    this.safety = safety;
    await this.#hear_standby(safety.standby);
    await this.#learn_machines(safety.machines);
    this.#pump.heard(safety, asked_ms);
    const due = this.now_ms() - this.#about_at >= about_every_ms;
    if (due || was_silent || moved || !this.about || this.about.origin !== safety.origin || this.about.needs_enrolment) {
      await this.read_about();
      if (was_silent) this.#pump.hurry();
      if (this.ready && (was_silent || moved)) await this.signed_in.read();
    }
  }

  async #learn_machines(told: string[] | undefined): Promise<void> {
    if (this.#machines.learn(told)) await this.#disk.set('machines', this.#machines.others);
  }
  /** The page was loaded before the other machine was known: once more, when nobody is in the middle of anything. */
  #fetch_the_page_again(): void {
    if (!this.#machines.page_is_old || this.silent_since !== null || this.elsewhere !== null || this.draft) return;
    const typing = [...document.querySelectorAll('input')].some((field) => field.value !== '' && field.type !== 'checkbox');
    if (typing || document.querySelector('dialog[open]') || Date.now() - Number(sessionStorage.getItem('loaded_again_ms')) < page_again_ms) return;
    sessionStorage.setItem('loaded_again_ms', String(Date.now()));
    location.reload();
  }
  async #hear_standby(standby: Standby | undefined): Promise<void> {
    if (!standby) return;
    const changed = this.standby?.phase !== standby.phase;
    this.standby = standby;
    if (changed) await this.#disk.set('standby', standby);
  }
  /** The old system is dead: a manager's PIN opens the tills here. Whoever is signed in stays so. */
  async take_over(staff: string, pin: string, reason: string): Promise<Answer<{ standby: Standby }>> {
    const answer = await this.#machines.call<{ standby: Standby }>('/v1/takeover', {
      method: 'POST', headers: this.#headers(), timeout_ms: 10_000,
      body: { key: random_hex(16), staff, pin, confirm: true, ...(reason ? { reason } : {}) },
    });
    if (answer.kind === 'ok') await this.#hear_standby(answer.value.standby);
    return answer;
  }
  /** The old system is back and sells again. */
  async resume_standby(): Promise<Answer<{ replies: Reply[] }>> {
    const answer = await this.#post_writes([{ key: random_hex(16), kind: 'resume_standby', staff: this.signed_in.staff?.staff_id }]);
    if (answer.kind === 'ok' && answer.value.replies[0]?.ok) await this.#hear();
    return answer;
  }

  async read_about(): Promise<void> {
    const answer = await this.#machines.call<About>('/v1/about');
    if (answer.kind !== 'ok' || !is_about(answer.value)) return;
    const bound = await this.#disk.get<{ chain: string; site: string }>('bound_to');
    this.wrong_site =
      bound && (bound.chain !== answer.value.chain || bound.site !== answer.value.site)
        ? `${bound.chain} / ${bound.site}`
        : null;
    this.#about_at = this.now_ms();
    if (JSON.stringify(answer.value) === JSON.stringify(this.about)) return;
    this.about = answer.value;
    if (!this.wrong_site) await this.#disk.set('about', answer.value);
  }

  // ---- people and devices

  async enrol_site(code: string, staff: string, pin: string): Promise<Answer<unknown>> {
    const answer = await this.#machines.call<unknown>('/v1/enrol', { method: 'POST', body: { code, staff, pin } });
    if (answer.kind === 'ok') await this.read_about();
    return answer;
  }
  /** A till that had a number asks for the same one: its kept writes are known under it (protocol 8.1). */
  async enrol_till(name: string): Promise<Answer<Device>> {
    const before = this.device;
    const answer = await this.#machines.call<Enrolled>('/v1/tills', {
      method: 'POST',
      headers: this.#person(),
      body: before ? { name, till: before.till } : { name },
    });
    if (answer.kind !== 'ok') return answer;
    const { till, device_key } = answer.value;
    const owes = this.kept.some((k) => k.state === 'waiting' || k.state === 'acknowledged');
    if (before && before.till !== till && owes) {
      const problem: Problem = { code: 'till/other_number', title: 'Other number', detail: '', status: 409 };
      return { kind: 'problem', problem, retry_after_s: null };
    }
    const device: Device = { till, device_key, name: answer.value.name ?? name };
    await this.#disk.set('device', device);
    await this.#learn_machines(answer.value.machines);
    if (this.about) await this.#disk.set('bound_to', { chain: this.about.chain, site: this.about.site });
    this.device = device;
    this.till_unknown = this.#pump.till_unknown = false;
    await this.signed_in.till_is_new();
    this.#pump.hurry();
    void this.#pump.turn();
    return answer;
  }
  add_staff(number: string, name: string, role: string, pin: string): Promise<Answer<{ number: string }>> {
    return this.#machines.call('/v1/staff', { method: 'POST', headers: this.#person(), body: { number, name, role, pin } });
  }

  #headers(): Record<string, string> {
    return this.#machines.headers(this.device, this.signed_in.session);
  }
  /** For what a person does, on a device that may be no till. At the other address a person is known together with the till. */
  #person(): Record<string, string> {
    return this.#machines.headers(this.elsewhere === null || this.till_unknown ? null : this.device, this.signed_in.session);
  }
  #post_writes(writes: unknown[]): Promise<Answer<{ replies: Reply[]; safety: Cover }>> {
    return this.#machines.call('/v1/writes', { method: 'POST', headers: this.#headers(), body: { writes }, timeout_ms: 10_000 });
  }
  #get_status(keys: string[]): Promise<Answer<{ writes: WriteStatus[] }>> {
    return this.#machines.call(`/v1/writes/status?${keys.map((k) => `key=${k}`).join('&')}`, { headers: this.#headers() });
  }

  async #hear_feed(): Promise<void> {
    if (this.now_ms() - this.#feed_at < feed_every_ms) return;
    this.#feed_at = this.now_ms();
    const answer = await this.#machines.call<Feed>('/v1/feed', { headers: this.#headers() });
    if (answer.kind !== 'ok') return;
    this.feed = answer.value;
    await this.#disk.set('feed', answer.value);
  }

  // ---- basket

  /** Changes of the basket go one after the other: a scan during "paid" must not bring the old basket back. */
  #exclusive = one_by_one();
  /** Resolves when every change of the basket asked for so far is done. */
  settled(): Promise<void> {
    return this.#exclusive(async () => {});
  }
  async #save_draft(draft: Draft | null): Promise<void> {
    await this.#disk.set('draft', draft ?? undefined);
    this.draft = draft;
  }
  #open_draft(): Draft {
    return this.draft ?? new_draft(random_hex(16), new Date().toISOString());
  }
  /** Gives the line's place; -1: its price is none that can be sold. */
  add(product: Product): Promise<number> {
    return this.#exclusive(async () => {
      const draft = this.#open_draft();
      const { lines, at } = add_product(draft.lines, product);
      if (at >= 0) await this.#save_draft({ ...draft, lines });
      return at;
    });
  }
  add_open(line: Line): Promise<number> {
    return this.#exclusive(async () => {
      const draft = this.#open_draft();
      await this.#save_draft({ ...draft, lines: [...draft.lines, line] });
      return draft.lines.length;
    });
  }
  /** `line` as it was shown, `to` of what its quantity is by now. Of a line that has gone nothing is changed. False: no such quantity. */
  change_line(line: Line, to: (quantity: string) => string): Promise<boolean> {
    return this.#exclusive(async () => {
      const at = place_of(this.draft?.lines ?? [], line);
      const now = this.draft?.lines[at];
      if (!this.draft || !now) return true;
      const lines = set_quantity(this.draft.lines, at, to(now.quantity));
      if (!lines) return false;
      // An emptied basket is nobody's any more: cash of it must not count for the next customer.
      await this.#save_draft(lines.length || is_locked(this.draft) ? { ...this.draft, lines } : null);
      return true;
    });
  }
  add_tender(tender: Tender): Promise<void> {
    return this.#exclusive(async () => {
      if (this.draft) await this.#save_draft({ ...this.draft, tenders: [...this.draft.tenders, tender] });
    });
  }
  /** The cash goes back to the customer; not where a card pays a part, for that basket can only be finished. */
  drop_cash(): Promise<void> {
    return this.#exclusive(async () => {
      const draft = this.draft;
      if (draft && !is_locked(draft)) await this.#save_draft({ ...draft, tenders: [] });
    });
  }
  /** Too much cash for a machine that is not registered yet; asked before the money moves, for what has moved is kept. */
  beyond_provisional(tenders: readonly Tender[], total: number): boolean {
    return !this.alone && this.safety?.provisional === true && beyond_alone(cash_moved(tenders, total), this.decimals);
  }
  clear_basket(): Promise<void> {
    return this.#exclusive(async () => {
      if (this.draft && !is_locked(this.draft)) await this.#save_draft(null);
    });
  }
  /** The rest of the sum is asked of the card terminal, and that is on disk before: what it approves belongs to this basket. */
  ask_card(): Promise<void> {
    return this.#exclusive(async () => {
      const draft = this.draft;
      if (!draft || draft.asking) return;
      const total = total_of(draft.lines, this.decimals);
      if (total === null) return;
      const amount = total - tendered(draft.tenders);
      if (amount > 0) await this.#save_draft({ ...draft, asking: { amount, reference: new_reference() } });
    });
  }
  /** The terminal's answer; null: nothing was paid. */
  card_answered(tender: Tender | null): Promise<void> {
    return this.#exclusive(async () => {
      if (!this.draft?.asking) return;
      const { asking: _, ...draft } = this.draft;
      await this.#save_draft({ ...draft, tenders: tender ? [...draft.tenders, tender] : draft.tenders });
    });
  }

  // ---- writes

  #view(total: number, change: number, lines: View['lines'], of_receipt: string | null = null): View {
    return {
      site: this.about?.site ?? '', till: this.device?.till ?? 0, staff_number: this.signed_in.staff?.number ?? '',
      total, change, lines, of_receipt,
    };
  }
  async #hand_over(fields: WriteFields, key: string, view: View, draft_key: string, depends_on: string | null = null) {
    if (!this.signed_in.staff) throw new Error('nobody is signed in');
    // The last of several gates: no free text that may be a card number is kept or sent (design promise 9).
    for (const text of free_texts(fields)) if (looks_like_card(text)) throw new Error('a card number is not kept');
    const body = { key, staff: this.signed_in.staff.staff_id, at: new Date().toISOString(), ...fields } as WriteBody;
    let kept = keep(body, ++this.#seq, view, depends_on);
    // Before it is sent for the first time: what a machine may have taken under its own number gets no second one.
    if (this.alone && this.device) {
      const alone = numbered(kept, this.device.till, this.#alone);
      kept = alone.kept;
      this.#alone = alone.series; // before anything is waited for: the next sale takes the next number
    }
    await this.#disk.hand_over(kept, draft_key);
    this.#pump.adopt(kept);
    void this.#pump.turn().catch((error: unknown) => (this.disk_failed = String(error)));
    return kept.key;
  }

  /** Ends the sale: from here the write is owed to the journal, whatever happens to page or node. */
  complete_sale(last?: Tender): Promise<string | null> {
    return this.#exclusive(() => this.#complete(last));
  }
  async #complete(last: Tender | undefined): Promise<string | null> {
    const draft = this.draft;
    if (!draft || draft.lines.length === 0 || draft.asking) return null;
    const tenders = last ? [...draft.tenders, last] : draft.tenders;
    const sums = counted(draft.lines, this.decimals);
    if (!sums) return null;
    const { lines, total } = sums;
    const change = tendered(tenders) - total;
    if (change < 0 || this.beyond_alone) return null;
    const fields: WriteFields = {
      kind: 'sale', lines: sale_lines(draft.lines), tenders, ...(change > 0 ? { change } : {}),
    };
    const key = await this.#hand_over(fields, draft.key, this.#view(total, change, with_rates(lines, this.about?.vat_rates ?? [])), 'draft');
    this.draft = null;
    return key;
  }
  async refund(receipt: Receipt, picked: readonly Picked[], tenders: Tender[], reason: string) {
    const total = picked.reduce((sum, p) => sum + p.amount, 0);
    const lines = picked.map(({ line, ...p }) => {
      const of = receipt.lines.find((l) => l.line === line)!;
      return { name: of.name, unit_price: of.unit_price, vat: of.vat, open: false, ...p };
    });
    const sale = this.kept.find((k) => k.body.kind === 'sale' && (k.latest?.receipt === receipt.receipt || k.first?.receipt === receipt.receipt));
    const fields: WriteFields = {
      kind: 'refund', receipt: receipt.receipt, lines: picked.map(({ line, quantity }) => ({ line, quantity })), tenders,
      ...(reason ? { reason } : {}),
    };
    return this.#hand_over(fields, random_hex(16), this.#view(total, 0, lines, receipt.receipt), 'none', sale?.key ?? null);
  }
  async refund_no_receipt(lines: Line[], tenders: Tender[], reason: string): Promise<string> {
    const sums = counted(lines, this.decimals);
    if (!sums) throw new Error('there is no total');
    const fields: WriteFields = {
      kind: 'refund_no_receipt', tenders, reason,
      lines: lines.map(({ sku, quantity, unit_price, vat, name }) => ({ sku, quantity, unit_price, vat, name })),
    };
    return this.#hand_over(fields, random_hex(16), this.#view(sums.total, 0, with_rates(sums.lines, this.about?.vat_rates ?? [])), 'none');
  }
  /** A number that this till gave alone: the one that the journal has given since, where that is another. */
  numbered_by_a_machine(receipt: string): string {
    return this.kept.find((k) => k.alone?.receipt === receipt)?.first?.receipt ?? receipt;
  }
  read_receipt(receipt: string): Promise<Answer<Receipt>> {
    return this.#machines.call(`/v1/receipts/${encodeURIComponent(receipt)}`, { headers: this.#headers() });
  }
  /**
   * A refused sale goes back into the basket; what the card paid stays paid. It keeps its key: another machine may have
   * taken it before this one refused it, and then the two meet and a person is told, instead of both being counted. Only
   * where they have met (the key is another write's), what is rung after a look at both is a sale of its own.
   *
   * What the catalogue refused comes back as it is listed now: nobody can change the lines of a basket that a card has paid.
   */
  async back_to_basket(k: Kept): Promise<void> {
    if (k.body.kind !== 'sale' || k.first) return;
    const skus = k.body.lines.map((l) => l.sku);
    let lines: Line[] = k.view.lines.map(({ name, quantity, unit_price, vat, open }, i) => ({ sku: skus[i] ?? '', name, quantity, unit_price, vat, open }));
    if (is_of_listing(k.problem?.code ?? '') && this.silent_since === null) {
      await this.read_about(); // the rates may have changed with the codes
      lines = await this.catalogue.as_listed_now(lines);
    }
    return this.#exclusive(async () => {
      if (this.#pump.kept.get(k.key)?.state !== 'refused' || k.body.kind !== 'sale' || this.draft) return;
      const tenders = k.body.tenders.filter((t) => t.kind === 'card');
      const key = k.problem?.code === 'fold/key_reused' ? random_hex(16) : k.key;
      const draft = { ...new_draft(key, new Date().toISOString()), lines, tenders };
      await this.#disk.take_back(k.key, draft);
      this.draft = draft;
      this.#forget(k);
    });
  }
  /** A person has dealt with a refused write. */
  async dismiss(k: Kept): Promise<void> {
    if (k.state !== 'refused') return;
    await this.#disk.change([], [k.key]);
    this.#forget(k);
  }
  #forget(k: Kept): void {
    this.#pump.kept.delete(k.key);
    this.#pump_changed();
  }
  try_now(): void {
    this.#pump.hurry();
    void this.#pump.turn().catch((error: unknown) => (this.disk_failed = String(error)));
  }
}

export const till = new Till();
