// Who is signed in, by the node's word alone: a request that nobody answered has ended no session, and its cookie lives on.
import { call, csrf, is_session, type Session } from './api';

/** Null: nobody is signed in. Undefined: the node did not say. */
export async function read_session(): Promise<Session | null | undefined> {
  const answer = await call<Session>('/v1/session');
  if (answer.kind === 'ok' && is_session(answer.value)) return answer.value;
  return answer.kind === 'problem' && answer.problem.status === 401 ? null : undefined;
}

/** While somebody works, the node is asked so often who is signed in: that is use of the sign-in. */
export const renew_every_ms = 60_000;
/** How long it lasts unused. Its seconds are whole, cut off: asked too early, it would be renewed. */
export const lasts_ms = (of: { expires_in_s: number } | null): number => ((of?.expires_in_s ?? 0) + 1) * 1000;
/** Called for each key and touch: somebody works. */
export function on_work(touched: () => void): void {
  for (const kind of ['keydown', 'pointerdown']) window.addEventListener(kind, touched, { capture: true, passive: true });
}
/**
 * A node ends a sign-in that nobody uses, and what a page asks each second is no use of it. So it is asked who is signed in
 * while somebody works, and when the time that it gave is over; by the page's clock, for a PC's own may be wrong.
 */
export class InUse {
  #said_ms = -Infinity;
  #touched_ms = -Infinity;
  constructor(private now_ms: () => number = () => performance.now()) {}

  listen(): void {
    on_work(() => this.touched());
  }
  touched(): void {
    this.#touched_ms = this.now_ms();
  }
  /** The node has been asked. */
  asked(): void {
    this.#said_ms = this.now_ms();
  }
  is_due(session: Session | null): boolean {
    if (!session) return false;
    const age_ms = this.now_ms() - this.#said_ms;
    return age_ms >= lasts_ms(session) || (this.#touched_ms > this.#said_ms && age_ms >= renew_every_ms);
  }
}

/** `not_said`: still signed in as far as anybody knows. `another`: this browser has a newer sign-in, made in another tab. */
export interface SignedOut {
  said: 'done' | 'not_said' | 'another';
  session: Session | null;
}
export async function sign_out(session: Session | null): Promise<SignedOut> {
  const answer = await call('/v1/session', { method: 'DELETE', headers: csrf(session) });
  // 204 has no body; a proxy that says "ok" to everything has one.
  if (answer.kind === 'ok' && answer.value === undefined) return { said: 'done', session: null };
  if (answer.kind === 'problem' && answer.problem.status === 401) return { said: 'done', session: null };
  if (answer.kind === 'problem' && answer.problem.code === 'auth/csrf') {
    const now = await read_session();
    if (now !== undefined) return { said: now ? 'another' : 'done', session: now };
  }
  return { said: 'not_said', session };
}
