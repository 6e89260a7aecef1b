import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PostureNow } from './api';
import { has_changed, seen_of, set_posture } from './posture';

const now = (posture: PostureNow['posture'], since: string | null): PostureNow => ({
  site: 'a', posture, recorded: true, since, seals: 1, alerts: [],
  last: { posture, cause: 'alert', staff: null, rule: 'r', reason: 'why' },
});
let sent: unknown;
function node(status: number, body: unknown) {
  vi.stubGlobal('fetch', async (_path: string, init: { body: string }) => {
    sent = JSON.parse(init.body);
    return new Response(JSON.stringify(body), { status });
  });
}
afterEach(() => vi.unstubAllGlobals());

describe('a change of posture', () => {
  it('says which posture was looked at, or nothing where it has no time yet', async () => {
    node(200, now('open', '2026-11-22T04:00:00Z'));
    await set_posture(null, 'open', 'a test', '7390284615', seen_of(now('sealed', '2026-11-22T03:00:00Z')));
    expect(sent).toEqual({ posture: 'open', reason: 'a test', pin: '7390284615', seen_since: '2026-11-22T03:00:00Z' });
    await set_posture(null, 'open', 'a test', '7390284615', seen_of(now('sealed', null)));
    expect(sent).toEqual({ posture: 'open', reason: 'a test', pin: '7390284615' });
  });
  it('to a seal looks at nothing', async () => {
    node(200, now('sealed', '2026-11-22T03:00:00Z'));
    await set_posture(null, 'sealed', '', '', null);
    expect(sent).toEqual({ posture: 'sealed' });
  });
  it('that came too late is told from every other refusal', async () => {
    node(409, { code: 'guard/changed_meanwhile' });
    expect(has_changed(await set_posture(null, 'open', 'x', '1', null))).toBe(true);
    node(409, { code: 'guard/links_cut' });
    expect(has_changed(await set_posture(null, 'open', 'x', '1', null))).toBe(false);
  });
});
