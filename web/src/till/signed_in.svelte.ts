// Who is signed in at this till: asked of the node, kept over a reload, ended by a node's word or by "sign out".
//
// Shape:  a node's clock ends a sign-in, not the till's; while no machine of the store answers nothing does, for nobody
//         could sign in again. One thing is asked at a time, so that no late answer undoes a newer sign-in.
//         A sign-out is on disk before it is asked for, and owed until the page's own node has confirmed it: its cookie
//         may still be good.
//         The store's other machine knows only who signed in there (machines.ts). Who signed in at home works on there,
//         until nobody has touched the till for as long as home gave.
//         All tabs of a browser share one cookie. Whom it names is taken unasked only by a page that has just started and
//         has nobody on disk; else who works here goes on, as at the other machine, and is told who else has signed in.
//         A node that starts anew knows nobody. Whom it ended in the middle of the work goes on when it falls silent again,
//         because then nobody can sign in.
// Units:  the page's own clock, which never steps back; the node says how many seconds are left on it.
// Errors: what nobody answered changes nothing. Rejects where the disk could not keep it.

import { csrf, is_session, type Answer, type Session } from '../lib/api';
import { lasts_ms, renew_every_ms } from '../lib/session';
import type { Disk } from './disk';
import type { Machines } from './machines';
import { one_by_one } from './one_by_one';

export type Staff = Omit<Session, 'csrf' | 'session'>;

/** The till, as far as this needs it. */
export interface Around {
  machines: Pick<Machines, 'call' | 'has_signed_in' | 'signed_in'>;
  /** Who asks, for what a person does. */
  headers(): Record<string, string>;
  now_ms(): number;
  is_silent(): boolean;
  /** The till speaks to the store's other machine. */
  is_elsewhere(): boolean;
  /** A card terminal is asked. */
  at_terminal(): boolean;
  /** That machine does not know this till. */
  till_unknown(): void;
  /** A machine knows who works here: what waited for a manager may go now. */
  known(): void;
}

export class SignedIn {
  /** Who works here, also while no machine of the store answers. */
  staff = $state.raw<Staff | null>(null);
  is_manager = $derived(this.staff?.role === 'manager' || this.staff?.role === 'operator');
  /** Whom the browser's cookie names instead of who works here: another tab has signed somebody else in. */
  another = $state.raw<Session | null>(null);
  /** As the machine spoken to knows it; null until it has said who works here. */
  session: Session | null = null;

  #disk!: Pick<Disk, 'get' | 'set'>;
  #said_at_ms: number; // when a machine last said who works here, or the page started
  #touched_ms = -Infinity;
  #has_heard = false; // since the page started, who is signed in
  /** The cookie of who works here is gone: what ends by it is somebody else's sign-in. */
  #cookie_is_anothers = false;
  /** Who worked here when a machine no longer knew anybody, and until when that sign-in would have lasted. */
  #last: Staff | null = null;
  #last_until_ms = -Infinity;
  #sign_out_owed = false;
  #one_by_one = one_by_one();

  constructor(private till: Around) {
    this.#said_at_ms = till.now_ms();
  }

  async load(disk: Pick<Disk, 'get' | 'set'>): Promise<void> {
    this.#disk = disk;
    this.#sign_out_owed = (await disk.get<boolean>('sign_out_owed')) ?? false;
    this.staff = this.#sign_out_owed ? null : ((await disk.get<Staff>('session')) ?? null);
    this.#last = (await disk.get<Staff>('worked_last')) ?? null;
    this.#last_until_ms = this.#said_at_ms + lasts_ms(this.#last);
  }

  /** Somebody works. */
  touched(): void {
    this.#touched_ms = this.till.now_ms();
  }
  /** A machine knows only who signed in there; the till sells on by its own key. */
  moved(): void {
    this.session = null;
    this.another = null;
  }
  /** While no machine answers nobody can sign in, so a machine that started anew and is gone again closes no till. */
  go_on_alone(): void {
    this.staff ??= this.#last;
  }
  /** At the other machine a sign-in holds together with the till that it was made at, and that one is new. */
  async till_is_new(): Promise<void> {
    if (!this.till.is_elsewhere()) return;
    this.till.machines.signed_in(null);
    await this.#forget({ told: false });
  }

  /** Asks the node who works here. */
  read(): Promise<void> {
    return this.#one_by_one(async () => {
      if (!this.till.machines.has_signed_in()) return; // nobody is signed in there; who works here goes on
      if (this.till.at_terminal()) return; // who asked it stays until it has answered
      const at_home = !this.till.is_elsewhere(); // as it is asked: the till may move meanwhile
      const answer = await this.till.machines.call<Session>('/v1/session', { headers: this.#who() });
      if (answer.kind === 'ok' && is_session(answer.value)) {
        if (at_home && !this.#sign_out_owed && !this.#is_mine(answer.value)) return this.#is_anothers(answer.value);
        if (!this.#sign_out_owed || !at_home) return this.#have(answer.value);
        // Who has signed out stays so; only this answer has the token that the sign-out takes.
        const told = await this.till.machines.call('/v1/session', { method: 'DELETE', headers: csrf(answer.value) });
        if (told.kind === 'ok') await this.#forget({ told: true });
      } else if (answer.kind === 'problem' && answer.problem.status === 401) {
        if (this.till.at_terminal()) return; // it was opened meanwhile; asked again when it has answered
        if (at_home && this.#cookie_is_anothers && this.staff) return this.#is_anothers(null); // that one has signed out
        if (this.staff) this.#last_until_ms = this.#used_ms() + lasts_ms(this.staff);
        // Whom it ended because nobody worked does not go on.
        const last = this.till.now_ms() < this.#last_until_ms ? (this.staff ?? this.#last) : null;
        await this.#forget({ told: at_home, last });
      }
    });
  }
  /**
   * A node ends a sign-in that nobody uses, by its own clock. It is asked while somebody works, and when the time that
   * it gave is over on this page's clock.
   */
  async renew(): Promise<void> {
    if (this.till.is_silent() || this.till.at_terminal()) return; // who asked the terminal stays until it has answered
    const now = this.till.now_ms();
    if (this.#last && !this.staff && now >= this.#last_until_ms) await this.#keep_last(null);
    const known = this.till.machines.has_signed_in();
    const by_key_alone = !known || (this.#cookie_is_anothers && !this.till.is_elsewhere());
    if (by_key_alone && this.staff && now >= this.#used_ms() + lasts_ms(this.staff)) return this.#forget({ told: false });
    if (!known) return;
    const age_ms = now - this.#said_at_ms;
    const works = this.#touched_ms > this.#said_at_ms && age_ms >= renew_every_ms;
    const owed = this.#sign_out_owed && !this.till.is_elsewhere();
    if (owed || (this.staff && ((this.session === null && !by_key_alone) || works || age_ms >= lasts_ms(this.staff)))) await this.read();
  }

  sign_in(staff: string, pin: string): Promise<Answer<Session>> {
    return this.#one_by_one(async () => {
      const ask = () => this.till.machines.call<Session>('/v1/session', {
        method: 'POST', headers: this.#who(), body: { staff, pin },
      });
      let answer = await ask();
      if (answer.kind === 'problem' && answer.problem.code === 'auth/till') {
        // That machine does not know this till (its list is older): a manager signs in without it, and enrols it again.
        this.till.till_unknown();
        answer = await ask();
      }
      if (answer.kind === 'ok' && !is_session(answer.value)) return { kind: 'no_answer' };
      if (answer.kind === 'ok') {
        this.till.machines.signed_in(answer.value);
        if (!this.till.is_elsewhere()) await this.#owe_sign_out(false); // the cookie is another one now
        await this.#have(answer.value);
      }
      return answer;
    });
  }
  sign_out(): Promise<void> {
    return this.#one_by_one(async () => {
      const at_home = !this.till.is_elsewhere();
      if (at_home && this.#cookie_is_anothers) return this.#forget({ told: true }); // that sign-in is not his to end
      await this.#owe_sign_out(true); // before it is asked for: a page that ends now must not sign the person in again
      const answer = await this.till.machines.call('/v1/session', { method: 'DELETE', headers: this.till.headers() });
      this.till.machines.signed_in(null);
      await this.#forget({ told: answer.kind === 'ok' && at_home });
    });
  }

  #used_ms(): number {
    return Math.max(this.#said_at_ms, this.#touched_ms);
  }
  /** Whom the cookie names says that it is he who works here. */
  go_on_as_another(): Promise<void> {
    return this.#one_by_one(async () => {
      if (this.another) await this.#have(this.another);
    });
  }

  #is_mine(session: Session): boolean {
    return this.staff ? session.staff_id === this.staff.staff_id : !this.#has_heard;
  }
  #is_anothers(session: Session | null): void {
    this.session = null;
    this.#has_heard = true;
    if (!this.staff) return; // who wants to work here signs in
    this.another = session;
    this.#cookie_is_anothers = true;
    this.#said_at_ms = this.till.now_ms();
  }
  /** The other machine takes no cookie: it knows the till by its key and the person by what a sign-in there gave. */
  #who(): Record<string, string> {
    return this.till.is_elsewhere() ? this.till.headers() : {};
  }
  async #have(session: Session): Promise<void> {
    this.session = session;
    this.another = null;
    this.#cookie_is_anothers = false;
    this.#has_heard = true;
    this.#said_at_ms = this.till.now_ms();
    const { csrf: _, session: __, ...staff } = session;
    this.staff = staff;
    await this.#disk.set('session', staff);
    await this.#keep_last(null);
    this.till.known();
  }
  /** `told`: the page's own node knows that nobody is signed in. `last`: who goes on should no machine answer. */
  async #forget({ told, last = null }: { told: boolean; last?: Staff | null }): Promise<void> {
    const owes = !told && !this.#cookie_is_anothers;
    this.session = null;
    this.staff = null;
    this.another = null;
    this.#cookie_is_anothers = false;
    this.#has_heard = true;
    await this.#keep_last(last);
    // In the order in which a page that ends in between signs nobody in again.
    if (owes) await this.#owe_sign_out(true);
    await this.#disk.set('session', undefined);
    if (!owes) await this.#owe_sign_out(false);
  }
  async #keep_last(last: Staff | null): Promise<void> {
    if (this.#last === last) return;
    this.#last = last;
    await this.#disk.set('worked_last', last ?? undefined);
  }
  async #owe_sign_out(owed: boolean): Promise<void> {
    if (this.#sign_out_owed === owed) return;
    this.#sign_out_owed = owed;
    await this.#disk.set('sign_out_owed', owed || undefined);
  }
}
