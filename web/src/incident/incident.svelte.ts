// The incident as this node knows it, asked for every few seconds; writes go the way of all writes, under one key each, so
// that a second try is the same write.
import { call, csrf, random_hex, type About, type Answer, type Chain, type Hex, type Posture, type PostureNow, type Session } from '../lib/api';
import { set_posture, type Seen } from '../lib/posture';
import { InUse, read_session, sign_out, type SignedOut } from '../lib/session';
import { shown_of } from './choice';
import type { IncidentWrite, Person, Rejoin, Report, Situation, Summary } from './types';

const poll_ms = 3000;

type Form = 'task' | 'closing' | 'rejoin';

export class IncidentPage {
  about = $state.raw<About | null>(null);
  situation = $state.raw<Situation | null>(null);
  chain = $state.raw<Chain | null>(null);
  session = $state.raw<Session | null>(null);
  all = $state.raw<Summary[]>([]);
  report = $state.raw<Report | null>(null);
  people = $state.raw<Person[]>([]);
  rejoin = $state.raw<Rejoin | null>(null);
  /** With its time, for whoever changes it; read while there is a return to make. */
  posture = $state.raw<PostureNow | null>(null);
  chosen = $state<string | null>(null);
  /** By the page's address: that one is chosen for whoever comes. */
  #named: string | null = null;
  /** Nothing was read since somebody signed in. */
  #anew = false;
  signing_in = $state(false);
  /** What the last sign-out came to. */
  signed_out = $state<SignedOut['said'] | null>(null);
  /** The note that is written, with the incident as it was when that began. */
  writing = $state.raw<{ report: Report; corrects: Hex | null } | null>(null);
  /** Moves when somebody signs out: no form keeps a text for who comes next. */
  sign_outs = $state(0);
  silent_since = $state<string | null>(null);
  /** Who is at this page: who signed in here, was signed in when it was opened, or said so. */
  #mine = $state<Hex | null>(null);
  /** Somebody else signed in, in another tab of this browser: what was begun here would go out under that name. */
  another = $derived(this.session !== null && this.session.staff_id !== this.#mine);
  may_write = $derived(this.session !== null && !this.another && this.session.role !== 'cashier');
  /** Forms in which somebody has begun to write. */
  #begun = new Set<Form>();

  /** What nobody has answered: it may have been written. */
  #unanswered: { key: string; said: unknown } | null = null;

  constructor(private in_use = new InUse()) {}

  async start(): Promise<void> {
    this.in_use.listen();
    await this.open(location.search);
    for (;;) {
      await this.poll();
      await new Promise((resolve) => setTimeout(resolve, poll_ms));
    }
  }

  async open(search: string): Promise<void> {
    this.chosen = this.#named = new URLSearchParams(search).get('incident');
    await this.#session();
    this.#mine = this.session?.staff_id ?? null;
  }
  async #session(): Promise<void> {
    const before = this.session;
    this.in_use.asked();
    const session = await read_session();
    // Who signed in meanwhile is not undone by an answer that is older.
    if (session !== undefined && this.session === before) this.#take(session);
  }
  /** A sign-out that nobody confirmed is one when that sign-in is found to be over. */
  #take(session: Session | null): void {
    const left = this.signed_out === 'not_said' && session?.staff_id !== this.session?.staff_id;
    this.session = session;
    if (!left) return;
    this.signed_out = session ? 'another' : 'done';
    this.#forget();
  }
  /** Nothing that somebody wrote or chose is there for who comes next. */
  #forget(): void {
    this.report = this.rejoin = this.writing = null;
    this.all = [];
    this.chosen = this.#named;
    this.sign_outs++;
  }
  /** A refusal may be the first word of it that the sign-in is over, or somebody else's. */
  async #look_again(answer: Answer<unknown>): Promise<void> {
    if (answer.kind === 'problem' && (answer.problem.status === 401 || answer.problem.code === 'auth/csrf')) await this.#session();
  }
  async poll(): Promise<void> {
    const [situation, chain] = await Promise.all([call<Situation>('/v1/situation'), call<Chain>('/v1/chain')]);
    if (situation.kind !== 'ok') {
      this.silent_since ??= new Date().toISOString();
      return;
    }
    this.silent_since = null;
    this.situation = situation.value;
    if (chain.kind === 'ok') this.chain = chain.value;
    if (!this.about) {
      const about = await call<About>('/v1/about');
      if (about.kind === 'ok') this.about = about.value;
    }
    if (this.in_use.is_due(this.session)) await this.#session();
    if (this.may_write) await this.#read();
    else {
      this.all = [];
      // A sign-in ends by a restart of the node too. What belongs to a form that somebody writes in stays until then.
      if (!this.#report_is_held()) this.report = null;
      if (!this.#begun.has('rejoin')) this.rejoin = null;
    }
  }
  /** Told by each form; while one has begun, its part of the page is not taken away, and shows nothing else. */
  begun(form: Form, has: boolean): void {
    if (has) this.#begun.add(form);
    else this.#begun.delete(form);
  }
  #report_is_held(): boolean {
    return this.#begun.has('task') || this.#begun.has('closing');
  }
  async #read(): Promise<void> {
    const posture = this.situation?.posture;
    if (posture === 'sealed' || posture === 'rejoining' || this.#begun.has('rejoin')) {
      const [rejoin, now] = await Promise.all([call<Rejoin>('/v1/rejoin'), call<PostureNow>('/v1/posture')]);
      if (rejoin.kind === 'ok') this.rejoin = rejoin.value;
      if (now.kind === 'ok') this.posture = now.value;
    } else this.rejoin = null;
    const list = await call<{ incidents: Summary[] }>('/v1/incidents');
    if (list.kind === 'problem' && list.problem.status === 401) return this.#session();
    // Who signed out while this was under way has chosen nothing.
    if (list.kind !== 'ok' || !this.may_write) return;
    this.all = list.value.incidents;
    if (this.#anew && !this.#report_is_held()) this.#leave_closed();
    this.#anew = false;
    const id = shown_of(this.all, this.chosen, this.report?.id ?? null)?.id;
    if (id === undefined) {
      this.report = null;
      return;
    }
    const chosen = (this.chosen ??= id);
    const answer = await call<Report>(`/v1/incidents/${id}`);
    // Another one may have been chosen while this was under way, or nobody is signed in any more.
    if (answer.kind === 'ok' && this.chosen === chosen && this.may_write) this.report = answer.value;
    if (this.people.length === 0) {
      const people = await call<{ staff: Person[] }>('/v1/staff');
      if (people.kind === 'ok') this.people = people.value.staff;
    }
  }
  /** One stays with an incident that is closed while one is signed in; who signs in next sees what is open. */
  #leave_closed(): void {
    if (this.all.find((each) => each.ids.includes(this.chosen ?? ''))?.state !== 'closed') return;
    this.chosen = this.#named;
    this.report = null;
  }
  async choose(id: string): Promise<void> {
    this.chosen = id;
    await this.#read();
  }
  /** "manager 1" for one of this site's people, the beginning of the id for another's. */
  number_of(id: string): string {
    return this.people.find((p) => p.staff_id === id)?.number ?? id.slice(0, 8);
  }

  async sign_in(staff: string, pin: string): Promise<Answer<Session>> {
    const answer = await call<Session>('/v1/session', { method: 'POST', body: { staff, pin } });
    if (answer.kind === 'ok') {
      this.in_use.asked();
      this.#take(answer.value);
      this.#mine = answer.value.staff_id;
      this.#anew = true;
      this.signed_out = null;
      await this.poll();
    }
    return answer;
  }
  /** Said by whom the other sign-in is: it is the one of this page too. */
  async go_on(): Promise<void> {
    this.#mine = this.session?.staff_id ?? null;
    this.#anew = true;
    this.signed_out = null;
    await this.poll();
  }
  async sign_out(): Promise<void> {
    const { said, session } = await sign_out(this.session);
    this.signed_out = said;
    if (said === 'not_said') return;
    this.session = session;
    this.#forget();
  }
  async set_posture(to: Posture, reason: string, pin: string, seen: Seen): Promise<Answer<PostureNow>> {
    const answer = await set_posture(this.session, to, reason, pin, seen);
    await this.#look_again(answer);
    await this.poll();
    return answer;
  }
  async let_return(link: string): Promise<Answer<unknown>> {
    const answer = await call(`/v1/links/${encodeURIComponent(link)}`, { method: 'POST', headers: csrf(this.session), body: { state: 'open' } });
    await this.#look_again(answer);
    await this.poll();
    return answer;
  }
  /** Null: done; else a sentence. Empty: the node did not answer; the same again goes under the same key. */
  async write(fields: IncidentWrite, new_key = random_hex(16)): Promise<string | null> {
    const session = this.session;
    if (!session || !this.may_write) return '';
    const said = { staff: session.staff_id, ...fields };
    const again = this.#unanswered !== null && JSON.stringify(this.#unanswered.said) === JSON.stringify(said);
    const key = again ? this.#unanswered!.key : new_key;
    const body = { key, ...said };
    this.#unanswered = null;
    for (let i = 0; i < 2; i++) {
      const answer = await call<{ replies: ({ ok: true } | { ok: false; problem: { title: string; detail: string } })[] }>(
        '/v1/writes', { method: 'POST', headers: csrf(session), body: { writes: [body] } },
      );
      if (answer.kind === 'problem') {
        await this.#look_again(answer);
        return answer.problem.detail || answer.problem.title;
      }
      if (answer.kind === 'no_answer') continue;
      const reply = answer.value.replies[0];
      if (!reply) continue;
      if (fields.kind === 'open_incident' && reply.ok) this.chosen = key;
      await this.#read();
      return reply.ok ? null : reply.problem.detail || reply.problem.title;
    }
    this.#unanswered = { key, said };
    return '';
  }
}

export const page = new IncidentPage();
