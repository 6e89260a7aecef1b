// The page's state against a node that is a few answers here; no browser.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ChainPage } from './chain.svelte';

const session = { staff_id: 'aa', number: '1', role: 'manager', csrf: 'c1', expires_at: '2999-01-01T00:00:00Z', expires_in_s: 900 };
const other = { ...session, staff_id: 'bb', number: '2', csrf: 'c2' };
const refused = { status: 403, body: { code: 'auth/csrf', title: 'Not your session' } };
let answers: Record<string, { status: number; body: unknown }>;
let written: number;

beforeEach(() => {
  written = 0;
  answers = { 'POST /v1/session': { status: 200, body: session }, 'GET /v1/session': { status: 200, body: other } };
  vi.stubGlobal('fetch', async (path: string, init: { method: string }) => {
    if (path === '/v1/writes') written++;
    const { status, body } = answers[`${init.method} ${path}`] ?? { status: 404, body: {} };
    return new Response(JSON.stringify(body), { status });
  });
});
afterEach(() => vi.unstubAllGlobals());

it('does nothing in the name of somebody who signed in elsewhere in this browser, until that person says so', async () => {
  for (const hear of [
    (page: ChainPage) => page.link('store-01', 'cut'),
    (page: ChainPage) => page.set_posture('open', 'over', '7390284615', null),
    (page: ChainPage) => page.write({ kind: 'close_listed', id: 'cc', note: 'done' }),
  ]) {
    const page = new ChainPage();
    await page.sign_in('1', '7390284615');
    expect([page.another, page.may_cut]).toEqual([false, true]);
    Object.assign(answers, { 'POST /v1/links/store-01': refused, 'POST /v1/posture': refused, 'POST /v1/writes': refused });
    await hear(page);
    expect([page.session?.number, page.another, page.may_cut]).toEqual(['2', true, false]);
    const before = written;
    expect(await page.write({ kind: 'close_listed', id: 'cc', note: 'done' })).not.toBeNull();
    expect(written).toBe(before);
    page.go_on();
    expect([page.another, page.may_cut]).toEqual([false, true]);
  }
});
it('tells nothing of another where the same person has signed in anew, or where it finds out who is there', async () => {
  const page = new ChainPage();
  await page.sign_in('1', '7390284615');
  Object.assign(answers, { 'POST /v1/links/store-01': refused, 'GET /v1/session': { status: 200, body: { ...session, csrf: 'c3' } } });
  await page.link('store-01', 'cut');
  expect([page.session?.csrf, page.another, page.may_cut]).toEqual(['c3', false, true]);
  const opened = new ChainPage(); // its first look got no answer; this is the first word of who is signed in
  await opened.link('store-01', 'cut');
  expect([opened.session?.number, opened.another]).toEqual(['1', false]);
});
