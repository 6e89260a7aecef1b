// The chain as this node knows it, asked for every second. Works with whatever of the chain still answers.

import {
  call, csrf, random_hex,
  type About, type Answer, type Chain, type DemoState, type Held, type Hex, type Listed, type Posture, type PostureNow, type Safety, type Session, type WriteFields,
} from '../lib/api';
import { set_posture, type Seen } from '../lib/posture';
import { InUse, read_session, sign_out, type SignedOut } from '../lib/session';

const poll_ms = 1000;

export class ChainPage {
  about = $state.raw<About | null>(null);
  chain = $state.raw<Chain | null>(null);
  safety = $state.raw<Safety | null>(null);
  posture = $state.raw<PostureNow | null>(null);
  silent_since = $state<string | null>(null);
  session = $state.raw<Session | null>(null);
  /** What the last sign-out came to. */
  signed_out = $state<SignedOut['said'] | null>(null);
  listed = $state.raw<Listed[]>([]);
  held = $state.raw<Held[]>([]);
  demo = $state.raw<DemoState | null>(null);
  /** Who is at this page: who signed in here, was signed in when it was opened, or said so. Undefined: not yet known. */
  #mine = $state<Hex | null | undefined>(undefined);
  /** Somebody else signed in, in another tab of this browser: what is done here would be done in that name. */
  another = $derived(this.session !== null && this.#mine !== undefined && this.session.staff_id !== this.#mine);
  may_cut = $derived(this.session !== null && !this.another && this.session.role !== 'cashier');

  constructor(private in_use = new InUse()) {}

  async start(): Promise<void> {
    this.in_use.listen();
    await this.#about();
    await this.#session();
    for (;;) {
      await Promise.all([this.#poll(), this.#poll_demo()]);
      await new Promise((resolve) => setTimeout(resolve, poll_ms));
    }
  }

  async #about(): Promise<void> {
    const answer = await call<About>('/v1/about', { timeout_ms: 2500 });
    if (answer.kind === 'ok') this.about = answer.value;
  }
  async #session(): Promise<void> {
    const before = this.session;
    this.in_use.asked();
    const session = await read_session();
    // Who signed in meanwhile is not undone by an answer that is older.
    if (session !== undefined && this.session === before) this.#take(session);
  }
  #take(session: Session | null): void {
    if (this.#mine === undefined) this.#mine = session?.staff_id ?? null;
    this.session = session;
  }
  /** A refusal may be the first word of it that the sign-in is over, or somebody else's. */
  async #look_again(answer: Answer<unknown>): Promise<void> {
    if (answer.kind === 'problem' && (answer.problem.status === 401 || answer.problem.code === 'auth/csrf')) await this.#session();
  }
  /** Whoever is signed in by now says that it is he who is here. */
  go_on(): void {
    this.#mine = this.session?.staff_id ?? null;
  }
  async #poll(): Promise<void> {
    const [chain, safety] = await Promise.all([
      call<Chain>('/v1/chain', { timeout_ms: 5000 }),
      call<Safety>('/v1/safety', { timeout_ms: 5000 }),
      this.read_posture(),
    ]);
    if (chain.kind !== 'ok') {
      this.silent_since ??= new Date().toISOString();
      return;
    }
    const was_silent = this.silent_since !== null;
    this.silent_since = null;
    this.chain = chain.value;
    if (safety.kind === 'ok') this.safety = safety.value;
    if (was_silent || !this.about) {
      await this.#about();
      await this.#session();
    }
    if (this.in_use.is_due(this.session)) await this.#session();
    if (this.may_cut) await this.read_lists();
    else {
      this.listed = [];
      this.held = [];
    }
  }
  async read_posture(): Promise<void> {
    const posture = await call<PostureNow>('/v1/posture', { timeout_ms: 5000 });
    if (posture.kind === 'ok') this.posture = posture.value;
  }
  async read_lists(): Promise<void> {
    const [listed, held] = await Promise.all([
      call<{ listed: Listed[] }>('/v1/listed'),
      call<{ held: Held[] }>('/v1/held'),
    ]);
    if (listed.kind === 'ok') this.listed = listed.value.listed;
    if (held.kind === 'ok') this.held = held.value.held;
    await this.#look_again(listed);
  }

  async sign_in(staff: string, pin: string): Promise<Answer<Session>> {
    const answer = await call<Session>('/v1/session', { method: 'POST', body: { staff, pin } });
    if (answer.kind === 'ok') {
      this.in_use.asked();
      this.session = answer.value;
      this.#mine = answer.value.staff_id;
      this.signed_out = null;
    }
    return answer;
  }
  async sign_out(): Promise<void> {
    const { said, session } = await sign_out(this.session);
    this.signed_out = said;
    this.session = session;
    this.#mine = session?.staff_id ?? null; // who that is, is said beside it
  }
  /** Works on this site alone and needs nobody else (design promise 4). */
  async link(site: string, state: 'cut' | 'open'): Promise<Answer<unknown>> {
    const answer = await call(`/v1/links/${encodeURIComponent(site)}`, { method: 'POST', headers: csrf(this.session), body: { state } });
    await this.#look_again(answer);
    return answer;
  }
  /** At once and here alone. Whoever is signed in may seal; opening takes a manager's PIN. */
  async set_posture(posture: Posture, reason: string, pin: string, seen: Seen | null): Promise<Answer<PostureNow>> {
    const answer = await set_posture(this.session, posture, reason, pin, seen);
    if (answer.kind === 'ok') this.posture = answer.value;
    await this.#look_again(answer);
    return answer;
  }
  /** A person's write without a till; null: done, else a sentence. One key, so that a second try is the same write. */
  async write(fields: WriteFields, key = random_hex(16)): Promise<string | null> {
    if (!this.session || this.another) return '';
    const body = { key, staff: this.session.staff_id, at: new Date().toISOString(), ...fields };
    for (let i = 0; i < 2; i++) {
      const answer = await call<{ replies: ({ ok: true } | { ok: false; problem: { title: string; detail: string } })[] }>(
        '/v1/writes', { method: 'POST', headers: csrf(this.session), body: { writes: [body] } },
      );
      await this.#look_again(answer);
      if (answer.kind === 'problem') return answer.problem.detail || answer.problem.title;
      if (answer.kind === 'no_answer') continue;
      const reply = answer.value.replies[0];
      if (!reply) continue;
      await this.read_lists();
      return reply.ok ? null : reply.problem.detail || reply.problem.title;
    }
    return '';
  }

  // ---- the demo's control server; only there when the node says so

  #control(path: string): string {
    return `${(this.about?.demo?.control ?? '').replace(/\/$/, '')}/${path}`;
  }
  async #poll_demo(): Promise<void> {
    if (!this.about?.demo) return;
    const answer = await call<DemoState>(this.#control('state'), { timeout_ms: 2500 });
    if (answer.kind === 'ok') this.demo = answer.value;
  }
  async demo_do(action: 'destroy' | 'cut' | 'heal' | 'rebuild', site: string): Promise<Answer<unknown>> {
    const answer = await call<unknown>(this.#control(`${action}/${encodeURIComponent(site)}`), {
      method: 'POST', timeout_ms: 120_000,
    });
    await this.#poll_demo();
    return answer;
  }
}

export const chain = new ChainPage();
