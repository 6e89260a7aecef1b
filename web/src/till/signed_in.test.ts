// A person at the till, a node that ends sign-ins by its own clock, and a page that may end at any moment.

import { beforeEach, describe, expect, it } from 'vitest';
import { csrf, type Answer, type CallOptions, type Problem, type Session } from '../lib/api';
import { SignedIn } from './signed_in.svelte';

const second_ms = 1000;
const minute_ms = 60 * second_ms;
const hour_ms = 60 * minute_ms;
const problem = (status: number, code = 'x'): Answer<never> => {
  const told: Problem = { code, title: '', detail: '', status };
  return { kind: 'problem', problem: told, retry_after_s: null };
};
const no_answer = { kind: 'no_answer' } as const;

/** A node, and the browser's cookie for it; or the store's other machine, where a token stands for the cookie. */
class FakeNode {
  clock_ms = Date.parse('2026-11-22T14:00:00Z');
  cookie: string | null = null;
  token: string | null = null;
  elsewhere = false;
  sessions = new Map<string, { number: string; csrf: string; ends_ms: number }>();
  #made = 0;
  asked: string[] = [];
  /** Stands in front of each answer. */
  fault: (method: string) => Answer<never> | null = () => null;
  headers: Record<string, string> = {}; // of the last question
  #held: Promise<void> | null = null;
  /** The answer to the next question, and only that one, comes when the returned function is called. */
  hold_next(): () => void {
    let let_go!: () => void;
    this.#held = new Promise((resolve) => (let_go = resolve));
    return let_go;
  }

  has_signed_in = () => !this.elsewhere || this.token !== null;
  signed_in = (session: Session | null) => void (this.elsewhere && (this.token = session?.session ?? null));
  call = async <T>(_path: string, options: CallOptions = {}): Promise<Answer<T>> => {
    const method = options.method ?? 'GET';
    this.asked.push(method);
    this.headers = options.headers ?? {};
    const held = this.#held;
    this.#held = null;
    // Made when it is asked for, not when it arrives.
    const answer = this.fault(method) ?? (this.#answer(method, options) as Answer<T>);
    await held;
    return answer;
  };
  #answer(method: string, { body, headers }: CallOptions): Answer<unknown> {
    let id = this.elsewhere ? (headers?.['X-Holdfast-Session'] ?? null) : this.cookie;
    if (method === 'POST') {
      id = String(++this.#made);
      this.sessions.set(id, { number: (body as { staff: string }).staff, csrf: `csrf-${id}`, ends_ms: Infinity });
      if (!this.elsewhere) this.cookie = id;
    }
    const session = this.sessions.get(id ?? '');
    if (method === 'DELETE') {
      if (session && !this.elsewhere && headers?.['X-CSRF-Token'] !== session.csrf) return problem(403, 'auth/csrf');
      this.sessions.delete(id ?? '');
      return { kind: 'ok', value: undefined };
    }
    if (!session || session.ends_ms <= this.clock_ms) return problem(401, 'auth/session');
    session.ends_ms = this.clock_ms + hour_ms; // used
    const told: Session = {
      staff_id: session.number.padStart(32, 'f'), number: session.number, role: session.number === '1' ? 'manager' : 'cashier',
      csrf: session.csrf, expires_at: new Date(session.ends_ms).toISOString(), expires_in_s: hour_ms / second_ms,
      ...(this.elsewhere ? { session: id! } : {}),
    };
    return { kind: 'ok', value: told };
  }
}

class FakeDisk {
  kept = new Map<string, string>();
  async get<T>(key: string): Promise<T | undefined> {
    return this.kept.has(key) ? (JSON.parse(this.kept.get(key)!) as T) : undefined;
  }
  async set(key: string, value: unknown): Promise<void> {
    if (value === undefined) this.kept.delete(key);
    else this.kept.set(key, JSON.stringify(value));
  }
}

let node: FakeNode;
let disk: FakeDisk;
let ahead_ms: number; // of the till's clock
let silent: boolean;
let at_terminal: boolean;
let told: string[];
/** A page that starts, or starts again: what is kept is on the disk, and the cookie in the browser. */
async function page(): Promise<SignedIn> {
  const signed_in: SignedIn = new SignedIn({
    machines: node,
    headers: () =>
      node.elsewhere
        ? { Authorization: 'Till 3.k', ...(node.token ? { 'X-Holdfast-Session': node.token } : {}) }
        : csrf(signed_in.session),
    now_ms: () => node.clock_ms + ahead_ms,
    is_silent: () => silent,
    is_elsewhere: () => node.elsewhere,
    at_terminal: () => at_terminal,
    till_unknown: () => told.push('till_unknown'),
    known: () => told.push('known'),
  });
  await signed_in.load(disk);
  return signed_in;
}
/** What the till does at each beat, after that time. */
async function after(ms: number, signed_in: SignedIn): Promise<void> {
  node.clock_ms += ms;
  await signed_in.renew();
}
const a_moment = () => new Promise((resolve) => setTimeout(resolve));
beforeEach(() => {
  node = new FakeNode();
  disk = new FakeDisk();
  ahead_ms = 0;
  silent = at_terminal = false;
  told = [];
});
const asked_since = (n: number) => node.asked.slice(n);

describe('a person who is signed in', () => {
  it('stays so on a till whose clock is hours off, also over a reload, for as long as the node gave', async () => {
    for (const off_ms of [-2 * hour_ms, 2 * hour_ms]) {
      node = new FakeNode();
      disk = new FakeDisk();
      ahead_ms = off_ms;
      const before = await page();
      await before.sign_in('2', '1212');
      expect(before.staff?.number).toBe('2');
      await after(5 * second_ms, before);
      expect(node.asked).toEqual(['POST']);
      const again = await page();
      expect(again.staff, 'before anything is asked').toEqual(before.staff);
      await again.read();
      await after(hour_ms, again);
      expect(node.asked, 'seconds are cut off: asked in the last one, it would be renewed').toEqual(['POST', 'GET']);
      expect(again.staff?.number).toBe('2');
      await after(second_ms, again);
      expect(again.staff).toBeNull();
    }
  });
  it('is on disk without what only this page may have', async () => {
    await (await page()).sign_in('1', '4711');
    const { csrf: _, ...rest } = JSON.parse(disk.kept.get('session')!) as Session;
    expect(disk.kept.get('session')).toBe(JSON.stringify(rest));
    node.elsewhere = true;
    await (await page()).sign_in('1', '4711');
    expect(disk.kept.get('session')).not.toMatch(/csrf|"session"/);
  });
  it('is a manager by the role that the node says', async () => {
    const signed_in = await page();
    expect(signed_in.is_manager).toBe(false);
    await signed_in.sign_in('2', '1212');
    expect(signed_in.is_manager).toBe(false);
    await signed_in.sign_in('1', '4711');
    expect(signed_in.is_manager).toBe(true);
  });
  it('is renewed once a minute while somebody works, and not otherwise', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.asked = [];
    await after(minute_ms, signed_in);
    expect(node.asked, 'nobody has touched it since').toEqual([]);
    for (let asked = 1; asked <= 90; asked++) {
      signed_in.touched();
      await after(second_ms, signed_in);
      expect(node.asked).toHaveLength(asked);
      await after(29 * second_ms, signed_in);
      signed_in.touched();
      await after(29 * second_ms, signed_in);
      expect(node.asked).toHaveLength(asked);
      await after(second_ms, signed_in);
    }
    expect(signed_in.staff?.number).toBe('2');
    await after(second_ms, signed_in);
    const before = node.asked.length;
    await after(30 * minute_ms, signed_in);
    expect(node.asked).toHaveLength(before);
  });
  it('is forgotten when the node says so, for this page and the next, and nothing is owed for it', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.sessions.clear();
    await after(second_ms, signed_in);
    signed_in.touched();
    await after(minute_ms, signed_in);
    expect([signed_in.staff, signed_in.session]).toEqual([null, null]);
    expect((await page()).staff).toBeNull();
    expect([...disk.kept.keys()], 'who goes on should no machine answer').toEqual(['worked_last']);
    await after(hour_ms, signed_in);
    expect(disk.kept.size).toBe(0);
  });
  it('stays so at every other answer, and at none', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    const portal = { kind: 'ok', value: { portal: true } } as never;
    for (const answer of [no_answer, problem(403), problem(429), problem(500), problem(503), portal]) {
      node.fault = () => answer;
      await signed_in.read();
      expect(signed_in.staff?.number).toBe('2');
    }
    expect((await page()).staff?.number).toBe('2');
  });
  it('stays so while no machine answers, however long, and is asked for after that', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    silent = true;
    node.fault = () => problem(401); // whatever stands there in its place
    signed_in.touched();
    await after(10 * hour_ms, signed_in);
    expect(node.asked).toEqual(['POST']);
    const again = await page();
    await after(10 * hour_ms, again);
    expect(again.staff?.number).toBe('2');
    silent = false;
    node.fault = () => null;
    await after(second_ms, again);
    expect(again.staff).toBeNull();
  });
  it('stays so while a card terminal is asked, at home and at the store’s other machine', async () => {
    for (const elsewhere of [false, true]) {
      const signed_in = await page();
      await signed_in.sign_in('2', '1212');
      node.sessions.clear();
      node.elsewhere = elsewhere;
      at_terminal = true;
      await after(2 * hour_ms, signed_in);
      expect(signed_in.staff?.number).toBe('2');
      at_terminal = false;
      await after(second_ms, signed_in);
      expect(signed_in.staff).toBeNull();
    }
  });
  it('stays so also where the terminal was opened before the node has answered', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.sessions.clear();
    node.fault = () => {
      at_terminal = true;
      return null;
    };
    await after(2 * hour_ms, signed_in);
    expect(at_terminal).toBe(true);
    expect(signed_in.staff?.number).toBe('2');
    at_terminal = false;
    node.fault = () => null;
    await after(second_ms, signed_in);
    expect(signed_in.staff).toBeNull();
  });
  it('is told to what waited for a manager', async () => {
    const signed_in = await page();
    await signed_in.sign_in('1', '4711');
    await signed_in.read();
    expect(told).toEqual(['known', 'known']);
  });
  it('is nobody where something else than a node answers', async () => {
    node.fault = () => ({ kind: 'ok', value: { portal: true } }) as never;
    const signed_in = await page();
    expect(await signed_in.sign_in('1', '4711')).toEqual(no_answer);
    expect([signed_in.staff, disk.kept.size]).toEqual([null, 0]);
  });
});

describe('somebody else who signs in in another tab of the browser', () => {
  /** As another tab does it: the cookie is that person's from now on. */
  const in_another_tab = (staff: string) => node.call('/v1/session', { method: 'POST', body: { staff, pin: '0000' } });
  async function joined(): Promise<SignedIn> {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    await in_another_tab('1');
    await after(second_ms, signed_in);
    signed_in.touched();
    await after(minute_ms, signed_in);
    return signed_in;
  }
  it('does not become who works here, and is told', async () => {
    const signed_in = await joined();
    expect([signed_in.staff?.number, signed_in.is_manager, signed_in.session, signed_in.another?.number]).toEqual(['2', false, null, '1']);
    const again = await page();
    await again.read();
    expect([again.staff?.number, again.is_manager, again.another?.number]).toEqual(['2', false, '1']);
  });
  it('is asked for no more often than who works here was, and does not end that sign-in by leaving', async () => {
    const signed_in = await joined();
    const before = node.asked.length;
    await after(second_ms, signed_in);
    signed_in.touched();
    await after(30 * second_ms, signed_in);
    expect(asked_since(before)).toEqual([]);
    node.sessions.delete(node.cookie!);
    await after(30 * second_ms, signed_in);
    await after(second_ms, signed_in);
    expect([asked_since(before), signed_in.staff?.number, signed_in.another]).toEqual([['GET'], '2', null]);
    await after(hour_ms, signed_in);
    expect(signed_in.staff, 'nobody has touched the till for as long as his own sign-in lasted').toBeNull();
    expect(disk.kept.has('sign_out_owed')).toBe(false);
  });
  it('takes over by a word, and is signed out by nobody else', async () => {
    const signed_in = await joined();
    await signed_in.go_on_as_another();
    expect([signed_in.staff?.number, signed_in.is_manager, signed_in.another]).toEqual(['1', true, null]);
    const other = await joined();
    await other.sign_out();
    await other.read();
    expect([other.staff, other.another, node.sessions.has(node.cookie!)]).toEqual([null, null, true]);
    await other.sign_in('2', '1212');
    expect([other.staff?.number, other.session?.number]).toEqual(['2', '2']);
  });
  it('does not come in where nobody works, unless the page has just started', async () => {
    const signed_in = await page();
    await signed_in.read();
    await in_another_tab('1');
    await signed_in.read();
    expect([signed_in.staff, signed_in.another]).toEqual([null, null]);
    const fresh = await page();
    await fresh.read();
    expect(fresh.staff?.number).toBe('1');
  });
});

describe('a machine that starts anew and is silent again', () => {
  async function forgotten(unused_ms = minute_ms): Promise<SignedIn> {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    signed_in.touched();
    node.clock_ms += unused_ms;
    node.sessions.clear();
    await signed_in.read();
    expect(signed_in.staff, 'its word counts while it answers').toBeNull();
    return signed_in;
  }
  it('lets go on who worked, also after a reload, until a machine says who it knows', async () => {
    const signed_in = await forgotten();
    await signed_in.read(); // once more, with nobody here
    signed_in.go_on_alone();
    expect([signed_in.staff?.number, signed_in.session]).toEqual(['2', null]);
    const again = await page();
    expect(again.staff).toBeNull();
    again.go_on_alone();
    expect(again.staff?.number).toBe('2');
    silent = true;
    await after(10 * hour_ms, again);
    expect(again.staff?.number).toBe('2');
    again.touched();
    silent = false;
    await after(second_ms, again);
    expect(again.staff, 'he signs in again').toBeNull();
    again.go_on_alone();
    expect(again.staff?.number, 'and so each time').toBe('2');
  });
  it('at the store’s other machine too, where the cookie at home is still to be ended', async () => {
    node.elsewhere = true;
    const signed_in = await forgotten();
    signed_in.go_on_alone();
    expect([signed_in.staff?.number, disk.kept.get('sign_out_owed')]).toEqual(['2', 'true']);
  });
  it('brings back nobody who signed out, whose time was up, or in whose place somebody has signed in', async () => {
    const out = await forgotten();
    out.go_on_alone();
    await out.sign_out();
    out.go_on_alone();
    expect(out.staff).toBeNull();
    const idle = await forgotten(hour_ms + second_ms);
    idle.go_on_alone();
    expect(idle.staff).toBeNull();
    const late = await forgotten();
    late.touched(); // somebody at the sign-in form
    await after(hour_ms, late);
    late.go_on_alone();
    expect(late.staff).toBeNull();
    const other = await forgotten();
    await other.sign_in('3', '1313');
    await other.sign_out();
    for (const each of [other, await page()]) {
      each.go_on_alone();
      expect(each.staff).toBeNull();
    }
  });
});

describe('a sign-out', () => {
  it('that was answered is done, and nothing is owed', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    await signed_in.sign_out();
    expect([signed_in.staff, node.sessions.size, disk.kept.size]).toEqual([null, 0, 0]);
    await after(second_ms, signed_in);
    expect(node.asked).toEqual(['POST', 'DELETE']);
  });
  it('is kept before it is asked for: a page that ends in between starts with nobody, and says it first', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.fault = () => no_answer;
    node.hold_next(); // for ever: this page ends
    void signed_in.sign_out();
    await a_moment();
    expect(node.asked.at(-1)).toBe('DELETE');
    node.fault = () => null;
    const again = await page();
    expect(again.staff).toBeNull();
    await again.read();
    expect(asked_since(2)).toEqual(['GET', 'DELETE']);
    expect([again.staff, told.length, node.sessions.size, disk.kept.size]).toEqual([null, 1, 0, 0]);
  });
  it('that nobody answered is owed over reloads until the node has it, and nobody is signed in meanwhile', async () => {
    let signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.fault = (method) => (method === 'DELETE' ? no_answer : null);
    await signed_in.sign_out();
    for (let reload = 0; reload < 3; reload++) {
      signed_in = await page();
      await signed_in.read();
      await after(second_ms, signed_in);
      expect([signed_in.staff, signed_in.session]).toEqual([null, null]);
    }
    expect([asked_since(2).length, node.sessions.size, told]).toEqual([3 * 4, 1, ['known']]);
    node.fault = () => null;
    const before = node.asked.length;
    await after(second_ms, signed_in);
    await after(second_ms, signed_in);
    expect(asked_since(before)).toEqual(['GET', 'DELETE']);
    expect([node.sessions.size, disk.kept.size]).toEqual([0, 0]);
  });
  it('is not owed any more once the node knows nobody by that cookie: only its answer was lost', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.fault = (method) => (method === 'DELETE' ? no_answer : null);
    await signed_in.sign_out();
    node.sessions.clear();
    await after(second_ms, signed_in);
    await after(second_ms, signed_in);
    expect([asked_since(2), disk.kept.size]).toEqual([['GET'], 0]);
  });
  it('is not owed any more once somebody has signed in, whose cookie took its place', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.fault = (method) => (method === 'DELETE' ? no_answer : null);
    await signed_in.sign_out();
    node.fault = () => null;
    await signed_in.sign_in('3', '1313');
    const again = await page();
    expect(again.staff?.number).toBe('3');
    await again.read();
    expect([again.staff?.number, node.asked.at(-1)]).toEqual(['3', 'GET']);
  });
});

describe('an answer that comes late', () => {
  it('does not undo a newer sign-in', async () => {
    const signed_in = await page();
    const let_go = node.hold_next();
    const read = signed_in.read(); // nobody, says the node
    await a_moment();
    const newer = signed_in.sign_in('3', '1313');
    await a_moment();
    let_go();
    await Promise.all([read, newer]);
    expect(signed_in.staff?.number).toBe('3');
    expect((await page()).staff?.number).toBe('3');
  });
  it('brings back nobody who has signed out', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    const let_go = node.hold_next();
    const read = signed_in.read();
    await a_moment();
    const out = signed_in.sign_out();
    await a_moment();
    let_go();
    await Promise.all([read, out]);
    expect([signed_in.staff, disk.kept.size]).toEqual([null, 0]);
  });
  it('is waited for also when it failed', async () => {
    const signed_in = await page();
    node.call = () => Promise.reject(new Error('broken'));
    await expect(signed_in.read()).rejects.toThrow('broken');
    node.call = new FakeNode().call;
    expect((await signed_in.sign_in('3', '1313')).kind).toBe('ok');
  });
});

describe('at the store’s other machine', () => {
  it('who works here goes on; it is asked once somebody has signed in there', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.elsewhere = true;
    signed_in.moved();
    await signed_in.read();
    await after(minute_ms, signed_in);
    expect([signed_in.staff?.number, signed_in.session, node.asked]).toEqual(['2', null, ['POST']]);
    await signed_in.sign_in('1', '4711');
    expect([signed_in.staff?.number, node.token]).toEqual(['1', '2']);
    node.elsewhere = false; // and back, where the cookie is still of who worked here before
    signed_in.moved();
    await after(second_ms, signed_in);
    expect([signed_in.staff?.number, signed_in.another?.number, node.asked.at(-1)]).toEqual(['1', '2', 'GET']);
  });
  it('a sign-in that it never gave ends an hour after the last touch, but not while alone', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.elsewhere = true;
    signed_in.moved();
    await after(50 * minute_ms, signed_in);
    signed_in.touched();
    await after(hour_ms, signed_in);
    expect(signed_in.staff?.number).toBe('2');
    silent = true;
    await after(hour_ms, signed_in);
    expect(signed_in.staff?.number).toBe('2');
    silent = false;
    await signed_in.renew();
    expect([signed_in.staff, node.asked]).toEqual([null, ['POST']]);
    expect(disk.kept.get('sign_out_owed'), 'the cookie at home may still be good').toBe('true');
  });
  it('a sign-out is owed at home, where the cookie may still be good, and not said to another', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.elsewhere = true;
    signed_in.moved();
    await signed_in.sign_in('1', '4711');
    await signed_in.sign_out();
    expect(node.token).toBeNull();
    await signed_in.sign_in('1', '4711');
    const before = node.asked.length;
    await after(second_ms, signed_in);
    expect([asked_since(before), signed_in.staff?.number]).toEqual([[], '1']);
    await signed_in.read();
    expect([asked_since(before), signed_in.staff?.number]).toEqual([['GET'], '1']);
    node.elsewhere = false;
    signed_in.moved();
    await after(second_ms, signed_in);
    expect(asked_since(before)).toEqual(['GET', 'GET', 'DELETE']);
    expect([signed_in.staff, node.sessions.has('1')]).toEqual([null, false]);
  });
  it('its word ends a sign-in there; the cookie at home may still be good', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    node.elsewhere = true;
    signed_in.moved();
    await signed_in.sign_in('1', '4711');
    node.sessions.delete(node.token!);
    await signed_in.read();
    expect([signed_in.staff, disk.kept.get('sign_out_owed')]).toEqual([null, 'true']);
  });
  it('a person signs in together with the till, at home without', async () => {
    const signed_in = await page();
    await signed_in.sign_in('2', '1212');
    expect(node.headers).toEqual({});
    node.elsewhere = true;
    await signed_in.sign_in('2', '1212');
    expect(node.headers).toEqual({ Authorization: 'Till 3.k' });
  });
  it('a till that it does not know is told so, and a manager signs in without it', async () => {
    node.elsewhere = true;
    node.fault = () => (told.length ? null : problem(401, 'auth/till'));
    const signed_in = await page();
    expect((await signed_in.sign_in('1', '4711')).kind).toBe('ok');
    expect([told, node.asked]).toEqual([['till_unknown', 'known'], ['POST', 'POST']]);
  });
  it('a new till ends the sign-in there, and none at home', async () => {
    const signed_in = await page();
    await signed_in.sign_in('1', '4711');
    await signed_in.till_is_new();
    expect(signed_in.staff?.number).toBe('1');
    node.elsewhere = true;
    await signed_in.sign_in('1', '4711');
    await signed_in.till_is_new();
    expect([signed_in.staff, node.token, disk.kept.get('sign_out_owed')]).toEqual([null, null, 'true']);
  });
});
