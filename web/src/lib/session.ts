// Who is signed in, by the node's word alone: a request that nobody answered has ended no session, and its cookie lives on.
import { call, csrf, is_session, type Session } from './api';

/** Null: nobody is signed in. Undefined: the node did not say. */
export async function read_session(): Promise<Session | null | undefined> {
  const answer = await call<Session>('/v1/session');
  if (answer.kind === 'ok' && is_session(answer.value)) return answer.value;
  return answer.kind === 'problem' && answer.problem.status === 401 ? null : undefined;
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
