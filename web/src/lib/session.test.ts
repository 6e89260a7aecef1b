import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Session } from './api';
import { InUse, read_session, sign_out } from './session';

const session = (number: string): Session => ({
  staff_id: number.repeat(32), number, role: 'manager', csrf: `c${number}`, expires_at: '2999-01-01T00:00:00Z', expires_in_s: 900,
});
type Given = { status: number; body?: unknown } | null;
/** What DELETE and GET are answered; null: the line is cut. */
function node(remove: Given, read: Given = null) {
  vi.stubGlobal('fetch', async (_path: string, init: { method: string }) => {
    const given = init.method === 'DELETE' ? remove : read;
    if (given === null) throw new TypeError('cut');
    return new Response(given.status === 204 ? null : JSON.stringify(given.body ?? {}), { status: given.status });
  });
}
afterEach(() => vi.unstubAllGlobals());
const mine = session('1');
const csrf = { status: 403, body: { code: 'auth/csrf' } };

describe('a sign-out', () => {
  it('is done when the node says so', async () => {
    for (const given of [{ status: 204 }, { status: 401 }]) {
      node(given);
      expect(await sign_out(mine)).toEqual({ said: 'done', session: null });
    }
  });
  it('is not done when nobody answered, something else did, or the node could not', async () => {
    for (const given of [null, { status: 200, body: {} }, { status: 503 }, { status: 403, body: { code: 'auth/role' } }]) {
      node(given);
      expect(await sign_out(mine)).toEqual({ said: 'not_said', session: mine });
    }
  });
  it('of a sign-in that is not this browser’s any more tells whose it is now', async () => {
    node(csrf, { status: 200, body: session('2') });
    expect(await sign_out(mine)).toEqual({ said: 'another', session: session('2') });
    node(csrf, { status: 401 });
    expect(await sign_out(mine)).toEqual({ said: 'done', session: null });
    node(csrf, null);
    expect(await sign_out(mine)).toEqual({ said: 'not_said', session: mine });
  });
});

describe('who is signed in', () => {
  it('is known from the node, or not at all', async () => {
    node(null, { status: 200, body: mine });
    expect(await read_session()).toEqual(mine);
    node(null, { status: 401 });
    expect(await read_session()).toBeNull();
    for (const given of [null, { status: 503 }, { status: 200, body: { portal: true } }]) {
      node(null, given);
      expect(await read_session()).toBeUndefined();
    }
  });
});

describe('a sign-in in use', () => {
  let now = 0;
  const minute = 60_000;
  const page = () => {
    const in_use = new InUse(() => now);
    in_use.asked();
    return in_use;
  };
  it('is asked after once a minute while somebody works, and not for a page that stands open', () => {
    const in_use = page();
    now += 10 * minute;
    expect(in_use.is_due(mine)).toBe(false);
    in_use.touched();
    expect(in_use.is_due(mine)).toBe(true);
    in_use.asked();
    now += minute / 2;
    in_use.touched();
    expect(in_use.is_due(mine)).toBe(false);
    now += minute / 2;
    expect(in_use.is_due(mine)).toBe(true);
    expect(in_use.is_due(null)).toBe(false);
  });
  it('is asked after when the time that the node gave is over, whatever the clock of the PC says', () => {
    const in_use = page();
    now += 900_000;
    expect(in_use.is_due({ ...mine, expires_at: '2000-01-01T00:00:00Z' }), 'asked in its last second, it would be renewed').toBe(false);
    now += 1000;
    expect(in_use.is_due(mine)).toBe(true);
  });
});
