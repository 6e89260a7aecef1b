// The page's state against a node that is a few answers here; no browser.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IncidentPage } from './incident.svelte';

interface Asked {
  method: string;
  path: string;
  body: Record<string, unknown> | null;
}
let asked: Asked[];
/** By method and path, what is answered; null: the line is cut. Anything else is 404. */
let answers: Record<string, { status: number; body?: unknown } | null>;
/** Answers that wait for something. */
let held: Record<string, Promise<void>>;

const ok = (body: unknown) => ({ status: 200, body });
const session = {
  staff_id: 'aa', number: '1', role: 'manager', csrf: 'c1', expires_at: '2999-01-01T00:00:00Z', expires_in_s: 900,
};
const summary = (id: string) => ({ id, title: `title of ${id}`, state: 'open', ids: [id] });
const report = (id: string) => ({ id, title: `title of ${id}`, state: 'open', timeline: [], tasks: [], next: [] });
const see = (...ids: string[]) => {
  answers['GET /v1/incidents'] = ok({ incidents: ids.map(summary) });
  for (const id of ids) answers[`GET /v1/incidents/${id}`] = ok(report(id));
};

beforeEach(() => {
  asked = [];
  held = {};
  answers = {
    'GET /v1/situation': ok({ posture: 'open', sites: [], next: [], open_incidents: 0 }),
    'POST /v1/session': ok(session),
    'GET /v1/session': ok(session),
    'POST /v1/writes': ok({ replies: [{ ok: true }] }),
  };
  vi.stubGlobal('fetch', async (path: string, init: { method: string; body?: string }) => {
    asked.push({ method: init.method, path, body: init.body ? (JSON.parse(init.body) as Record<string, unknown>) : null });
    const answer = answers[`${init.method} ${path}`];
    await held[`${init.method} ${path}`];
    if (answer === null) throw new TypeError('cut');
    const { status, body } = answer ?? { status: 404, body: {} };
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
});
afterEach(() => vi.unstubAllGlobals());

async function signed_in(): Promise<IncidentPage> {
  const page = new IncidentPage();
  await page.sign_in('1', '7390284615');
  return page;
}

describe('the incident page', () => {
  it('stays with the incident that it shows when a newer one becomes visible', async () => {
    see('old');
    const page = await signed_in();
    expect(page.report?.id).toBe('old');
    see('newer', 'old');
    await page.poll();
    expect(page.report?.id).toBe('old');
    expect(page.all.map((each) => each.id)).toEqual(['newer', 'old']);
    await page.choose('newer');
    expect(page.report?.id).toBe('newer');
    await page.poll();
    expect(page.report?.id).toBe('newer');
  });
  describe('with one that was closed, and another opened since,', () => {
    const closed_and_open = () => {
      see('newer', 'old');
      answers['GET /v1/incidents'] = ok({ incidents: [summary('newer'), { ...summary('old'), state: 'closed' }] });
      answers['GET /v1/incidents/old'] = ok({ ...report('old'), state: 'closed' });
    };
    it('stays within one sign-in, and shows what is open to who signs in next', async () => {
      see('old');
      const page = await signed_in();
      closed_and_open();
      await page.poll();
      expect(page.report).toMatchObject({ id: 'old', state: 'closed' });
      answers['DELETE /v1/session'] = { status: 204 };
      await page.sign_out();
      expect(page.chosen).toBeNull();
      await page.sign_in('2', '7390284615');
      expect(page.report?.id).toBe('newer');
    });
    it('shows what is open after a sign-in that ran out, too, but stays where a form was begun', async () => {
      const gone = { status: 401, body: { code: 'auth/session' } };
      for (const [form_begun, shown] of [[false, 'newer'], [true, 'old']] as const) {
        see('old');
        answers['GET /v1/session'] = ok(session);
        const page = await signed_in();
        page.begun('task', form_begun);
        answers['GET /v1/session'] = answers['GET /v1/incidents'] = gone;
        await page.poll();
        closed_and_open();
        await page.sign_in('2', '7390284615');
        expect(page.report?.id).toBe(shown);
      }
    });
    it('stays with the one that its address names', async () => {
      closed_and_open();
      const page = new IncidentPage();
      await page.open('?incident=old');
      await page.poll();
      expect(page.report?.id).toBe('old');
      answers['DELETE /v1/session'] = { status: 204 };
      await page.sign_out();
      await page.sign_in('2', '7390284615');
      expect(page.report?.id).toBe('old');
    });
    it('takes no choice from a list that comes after the sign-out', async () => {
      see('old');
      const page = await signed_in();
      let release = () => {};
      held['GET /v1/incidents'] = new Promise((resolve) => (release = resolve));
      asked = [];
      const poll = page.poll();
      await vi.waitUntil(() => asked.some((each) => each.path === '/v1/incidents'));
      answers['DELETE /v1/session'] = { status: 204 };
      await page.sign_out();
      release();
      await poll;
      expect([page.chosen, page.all]).toEqual([null, []]);
    });
  });
  it('shows no late answer in the place of what was chosen meanwhile', async () => {
    see('old', 'newer');
    const page = await signed_in();
    let release = () => {};
    held['GET /v1/incidents/old'] = new Promise((resolve) => (release = resolve));
    asked = [];
    const poll = page.poll();
    await vi.waitUntil(() => asked.some((each) => each.path === '/v1/incidents/old'));
    await page.choose('newer');
    release();
    await poll;
    expect(page.report?.id).toBe('newer');
  });
  it('shows the incident that was opened here, and none that was refused', async () => {
    see('old');
    const page = await signed_in();
    answers['POST /v1/writes'] = ok({ replies: [{ ok: false, problem: { title: 'no', detail: '' } }] });
    expect(await page.write({ kind: 'open_incident', title: 'x' }, 'refused')).toBe('no');
    expect(page.chosen).toBe('old');
    answers['POST /v1/writes'] = ok({ replies: [{ ok: true }] });
    see('old', 'mine');
    expect(await page.write({ kind: 'open_incident', title: 'x' }, 'mine')).toBeNull();
    expect(page.report?.id).toBe('mine');
  });
  it('keeps what a form was begun for when the sign-in ends, and only that', async () => {
    see('old');
    const page = await signed_in();
    page.begun('task', true);
    const gone = { status: 401, body: { code: 'auth/session' } };
    Object.assign(answers, { 'GET /v1/session': gone, 'GET /v1/incidents': gone, 'POST /v1/writes': gone });
    await page.poll();
    await page.poll();
    expect(page.may_write).toBe(false);
    expect(page.report?.id).toBe('old');
    expect(page.all).toEqual([]);
    see('newer', 'old');
    await page.sign_in('2', '7390284615');
    expect(page.report?.id).toBe('old');
    answers['GET /v1/session'] = answers['GET /v1/incidents'] = gone;
    page.begun('task', false);
    await page.poll();
    await page.poll();
    expect(page.report).toBeNull();
  });
  it('writes nothing under the name of somebody who signed in elsewhere in this browser, until that person says so', async () => {
    see('old');
    const page = await signed_in();
    const other = { ...session, staff_id: 'bb', number: '2', csrf: 'c2' };
    const refused = { status: 403, body: { code: 'auth/csrf', title: 'Not your session' } };
    const writers = () => asked.filter((a) => a.path === '/v1/writes').map((a) => (a.body!.writes as { staff: string }[])[0]!.staff);
    page.begun('task', true);
    Object.assign(answers, { 'POST /v1/writes': refused, 'GET /v1/session': ok(other) });
    expect(await page.write({ kind: 'open_incident', title: 'x' })).toBe('Not your session');
    expect([page.another, page.may_write, page.session?.number]).toEqual([true, false, '2']);
    answers['POST /v1/writes'] = ok({ replies: [{ ok: true }] });
    expect(await page.write({ kind: 'open_incident', title: 'x' })).not.toBeNull();
    expect(writers()).toEqual(['aa']);
    await page.poll();
    expect([page.another, page.report?.id], 'what was begun is kept').toEqual([true, 'old']);
    await page.go_on();
    expect([page.another, page.may_write]).toEqual([false, true]);
    expect(await page.write({ kind: 'open_incident', title: 'x' })).toBeNull();
    expect(writers()).toEqual(['aa', 'bb']);
    // The same by each other way in which the page hears of it.
    for (const hear of [
      () => page.let_return('store-01'),
      () => page.set_posture('open', 'over', '7390284615', { posture: 'sealed', since: null, reason: '' }),
      () => ((page.session = { ...page.session!, expires_in_s: -1 }), page.poll()),
    ]) {
      answers['POST /v1/session'] = answers['GET /v1/session'] = ok(session);
      await page.sign_in('1', '7390284615');
      expect(page.may_write, 'by a sign-in on this page').toBe(true);
      Object.assign(answers, { 'POST /v1/links/store-01': refused, 'POST /v1/posture': refused, 'GET /v1/session': ok(other) });
      await hear();
      expect([page.another, page.may_write]).toEqual([true, false]);
    }
    // A new sign-in of the same person, elsewhere, is none of somebody else.
    await page.sign_in('1', '7390284615');
    Object.assign(answers, { 'POST /v1/writes': refused, 'GET /v1/session': ok({ ...session, csrf: 'c3' }) });
    await page.write({ kind: 'open_incident', title: 'z' });
    expect([page.may_write, page.session?.csrf]).toEqual([true, 'c3']);
  });
  it('takes who is signed in when it is opened for who is there', async () => {
    const page = new IncidentPage();
    await page.open('');
    expect([page.another, page.may_write]).toEqual([false, true]);
  });
  it('lets no older answer undo a sign-in', async () => {
    see('old');
    const page = await signed_in();
    answers['GET /v1/session'] = answers['POST /v1/writes'] = { status: 401, body: { title: 'Sign in' } };
    let release = () => {};
    held['GET /v1/session'] = new Promise((resolve) => (release = resolve));
    const write = page.write({ kind: 'open_incident', title: 'x' });
    await vi.waitUntil(() => asked.some((each) => each.path === '/v1/session' && each.method === 'GET'));
    await page.sign_in('1', '7390284615');
    release();
    await write;
    expect(page.may_write).toBe(true);
  });
  it('is signed out when the node says so, and not before', async () => {
    see('old');
    const page = await signed_in();
    answers['DELETE /v1/session'] = null;
    await page.sign_out();
    expect([page.signed_out, page.may_write, page.report?.id]).toEqual(['not_said', true, 'old']);
    answers['DELETE /v1/session'] = { status: 204 };
    await page.sign_out();
    expect([page.signed_out, page.may_write, page.report]).toEqual(['done', false, null]);
  });
  it('keeps no text for who comes next when the answer to a sign-out was lost', async () => {
    see('old');
    const gone = { status: 401, body: { code: 'auth/session' } };
    for (const [now, said] of [[gone, 'done'], [ok({ ...session, staff_id: 'bb', number: '2' }), 'another']] as const) {
      see('old');
      const page = await signed_in();
      page.begun('task', true);
      page.writing = { report: page.report!, corrects: null };
      answers['DELETE /v1/session'] = null;
      await page.sign_out();
      expect([page.signed_out, page.sign_outs, page.writing === null]).toEqual(['not_said', 0, false]);
      Object.assign(answers, { 'GET /v1/session': now, 'GET /v1/incidents': gone });
      await page.poll();
      expect([page.signed_out, page.may_write, page.report, page.sign_outs]).toEqual([said, false, null, 1]);
      expect(page.writing).toBeNull();
    }
  });
  it('takes the note away from who signs out', async () => {
    see('old');
    const page = await signed_in();
    page.writing = { report: page.report!, corrects: null };
    answers['DELETE /v1/session'] = { status: 204 };
    await page.sign_out();
    expect(page.writing).toBeNull();
  });
  it('writes once what was pressed again because nobody had answered, and what was changed anew', async () => {
    see('old');
    const page = await signed_in();
    const keys = () => asked.filter((a) => a.path === '/v1/writes').map((a) => (a.body!.writes as { key: string }[])[0]!.key);
    answers['POST /v1/writes'] = null;
    expect(await page.write({ kind: 'open_incident', title: 'x' })).toBe('');
    expect(await page.write({ kind: 'open_incident', title: 'x' })).toBe('');
    expect(new Set(keys()).size).toBe(1);
    answers['POST /v1/writes'] = ok({ replies: [{ ok: true }] });
    expect(await page.write({ kind: 'open_incident', title: 'y' })).toBeNull();
    expect(await page.write({ kind: 'open_incident', title: 'y' })).toBeNull();
    expect(new Set(keys()).size, 'what was answered is over').toBe(3);
  });
  it('sees at a write that the sign-in has ended', async () => {
    see('old');
    const page = await signed_in();
    answers['POST /v1/writes'] = answers['GET /v1/session'] = { status: 401, body: { title: 'Sign in' } };
    expect(await page.write({ kind: 'open_incident', title: 'x' })).toBe('Sign in');
    expect(page.may_write).toBe(false);
  });
});
