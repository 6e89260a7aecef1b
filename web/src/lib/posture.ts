// A posture is changed from what a person looked at. A seal that came while the dialog was open is not undone unseen.
// Errors: the node refuses with guard/changed_meanwhile what was decided by an older posture than its own.
import { call, csrf, type Answer, type Posture, type PostureNow, type Session, type Time } from './api';

export interface Seen {
  posture: Posture;
  since: Time | null;
  reason: string;
}
export const seen_of = (now: PostureNow): Seen => ({ posture: now.posture, since: now.since, reason: now.last?.reason ?? '' });

/**
 * `seen`: what was shown when the person began; null for a seal, which needs no look at what is there. A first posture that is
 * not durable yet has no time, and none is sent: the node takes a time or nothing.
 */
export function set_posture(session: Session | null, posture: Posture, reason: string, pin: string, seen: Seen | null): Promise<Answer<PostureNow>> {
  const body = { posture, ...(reason ? { reason } : {}), ...(pin ? { pin } : {}), ...(seen?.since ? { seen_since: seen.since } : {}) };
  return call<PostureNow>('/v1/posture', { method: 'POST', headers: csrf(session), body });
}
export const has_changed = (answer: Answer<unknown>): boolean =>
  answer.kind === 'problem' && answer.problem.code === 'guard/changed_meanwhile';
