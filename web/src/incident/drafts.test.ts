// What the forms keep, and what they let go; and where each of them says what it says, drawn without a browser.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Component } from 'svelte';
import { render } from 'svelte/server';
import { ClosingDraft, may_return, ReturnDraft } from './drafts.svelte';
import type { IncidentPage } from './incident.svelte';
import type { RejoinLink, Report, Summary } from './types';

const link = (site: string, more: Partial<RejoinLink> = {}): RejoinLink => ({ site, state: 'cut', checks: [], missing: ['keys', 'agreed'], ...more });
const sealed = { posture: 'sealed', since: '2026-11-22T03:00:00Z', reason: '' } as const;

describe('the words of a closing', () => {
  it('go with their form, and into no other incident', () => {
    const draft = new ClosingDraft();
    draft.begin({ id: 'a', title: 'A' });
    draft.text = 'the till was found';
    draft.leave();
    expect([draft.into, draft.text]).toEqual([null, '']);
    draft.text = 'late';
    draft.begin({ id: 'b', title: 'B' });
    expect([draft.into, draft.text]).toEqual([{ id: 'b', title: 'B' }, '']);
  });
});

describe('a return that is begun', () => {
  const begun = (): ReturnDraft => {
    const draft = new ReturnDraft();
    draft.choose(link('store-01'));
    draft.text = 'keys are new';
    return draft;
  };
  it('keeps its text while its form is there, the sign-in or not', () => {
    const draft = begun();
    for (const may_write of [true, false, true]) draft.look([link('store-01')], 'sealed', may_write);
    expect([draft.begun, draft.link, draft.check, draft.text]).toEqual([true, 'store-01', 'keys', 'keys are new']);
  });
  it('is over when its form goes: by the link’s return, by its last check, by its end', () => {
    for (const links of [[link('store-01', { state: 'up' })], [link('store-01', { missing: [] })], [link('store-02')]]) {
      const draft = begun();
      draft.look(links, 'rejoining', true);
      expect([draft.begun, draft.link, draft.text]).toEqual([false, null, '']);
    }
    const draft = begun();
    draft.look([link('store-01', { missing: [] })], 'sealed', true);
    expect(draft.begun, 'while sealed no link returns, and the form stays').toBe(true);
  });
  it('takes no text and no tick from one link to another', () => {
    const draft = begun();
    draft.not_needed = true;
    draft.choose(link('store-02'));
    expect([draft.link, draft.text, draft.not_needed, draft.begun]).toEqual(['store-02', '', false, false]);
  });
  it('has no PIN when the sign-in is over, and keeps its reason with what it was begun for', () => {
    const draft = new ReturnDraft();
    draft.pin = '7390284615';
    draft.typed(sealed);
    draft.look([], 'sealed', true);
    expect(draft.pin).toBe('7390284615');
    draft.look([], 'sealed', false);
    expect([draft.pin, draft.seen]).toEqual(['', null]);
    draft.reason = 'the machine was cleaned';
    draft.pin = '7390284615';
    draft.typed(sealed);
    draft.look([], 'sealed', false);
    expect([draft.pin, draft.reason, draft.seen]).toEqual(['', 'the machine was cleaned', sealed]);
  });
  it('may return by one press only when all is checked, and the site is rejoining', () => {
    expect(may_return(link('a', { missing: [] }), 'rejoining')).toBe(true);
    expect(may_return(link('a', { missing: [] }), 'sealed')).toBe(false);
    expect(may_return(link('a'), 'rejoining')).toBe(false);
    expect(may_return(link('a', { state: 'up', missing: [] }), 'rejoining')).toBe(false);
  });
});

describe('drawn,', () => {
  let draw: { Rejoin: Component<{ links: RejoinLink[]; draft: ReturnDraft }>; Glance: Component; Ended: Component; Signs: Component };
  let page: IncidentPage;
  let who: { staff_id: string; number: string };
  let answers: Record<string, unknown>;
  beforeAll(async () => {
    vi.stubGlobal('document', { documentElement: {} });
    vi.stubGlobal('navigator', { languages: ['en'] });
    vi.stubGlobal('fetch', async (path: string) => {
      const session = { ...who, role: 'manager', csrf: 'c', expires_at: '2000-01-01T00:00:00Z', expires_in_s: -1 };
      const body = path === '/v1/session' ? session : answers[path];
      return new Response(JSON.stringify(body ?? {}), { status: body ? 200 : 404 });
    });
    const [rejoin, glance, ended, signs, state] = await Promise.all([
      import('./Rejoin.svelte'), import('./Glance.svelte'), import('./Ended.svelte'), import('./Signs.svelte'), import('./incident.svelte'),
    ]);
    draw = { Rejoin: rejoin.default as typeof draw.Rejoin, Glance: glance.default, Ended: ended.default, Signs: signs.default };
    page = state.page;
  });
  afterAll(() => vi.unstubAllGlobals());
  const both = (): ReturnDraft => {
    const draft = new ReturnDraft();
    draft.seen = sealed;
    draft.choose(link('store-01'));
    return draft;
  };
  /** In the form of the posture, in that of the link, outside of both. */
  const where = (draft: ReturnDraft, what: string) => {
    const html = render(draw.Rejoin, { props: { links: [link('store-01'), link('store-02')], draft } }).body;
    const form = /<form[^]*?<\/form>/g;
    return [...(html.match(form) ?? []), html.replace(form, '')].map((part) => part.includes(what));
  };
  it('the end of a sign-in is told in the form that was begun, and there is no field for a PIN', () => {
    const [reason, text] = [both(), both()];
    reason.reason = 'cleaned';
    text.text = 'keys are new';
    expect(where(both(), 'data-testid="ended"')).toEqual([false, false, false]);
    expect(where(reason, 'data-testid="ended"')).toEqual([true, false, false]);
    expect(where(text, 'data-testid="ended"')).toEqual([false, true, false]);
    expect(where(reason, 'rejoin-pin')).toEqual([false, false, false]);
  });
  it('what a press came to is told in its form, or beside its link', () => {
    const draft = both();
    draft.told = { of: null, text: 'The posture has changed' };
    expect(where(draft, 'The posture has changed')).toEqual([true, false, false]);
    draft.told = { of: 'store-01', text: 'No second person' };
    expect(where(draft, 'No second person')).toEqual([false, true, false]);
    draft.told = { of: 'store-02', text: 'Not yet' };
    expect(where(draft, 'Not yet')).toEqual([false, false, true]);
    draft.seen = null;
    draft.told = { of: null, text: 'The posture has changed' };
    expect(where(draft, 'The posture has changed'), 'its form is gone').toEqual([false, true]);
  });
  it('who signs stands beside the button, and whose the sign-in is when it is somebody else’s', async () => {
    who = { staff_id: 'aa', number: '1' };
    await page.open('');
    expect(render(draw.Signs).body).toContain('Signed: Manager 1');
    expect(where(both(), 'Signed: Manager 1')).toEqual([true, true, false]);
    expect(where(both(), 'rejoin-pin')).toEqual([true, false, false]);
    who = { staff_id: 'bb', number: '2' };
    answers = { '/v1/situation': { posture: 'open', sites: [], next: [], open_incidents: 0 } };
    await page.poll(); // the sign-in is looked at again, as it is over by the clock
    expect(render(draw.Signs).body).not.toContain('Signed');
    expect(render(draw.Ended).body).toMatch(/Manager 2 has signed in meanwhile[^]*I am Manager 2: go on/);
    await page.go_on();
    expect(render(draw.Signs).body).toContain('Signed: Manager 2');
    expect(render(draw.Ended).body).not.toContain('ended');
  });
  it('a closed incident says that another is open, and shows it by one press', () => {
    page.report = { id: 'old', title: 'Old', state: 'closed', other_titles: [], opened: null, closed: null } as unknown as Report;
    const one = (id: string, state: 'open' | 'closed'): Summary =>
      ({ id, title: `title of ${id}`, state, opened_at: null, opened_at_site: null, closed_at: null, records: 1, ids: [id] });
    page.all = [one('newer', 'open'), one('old', 'closed')];
    expect(render(draw.Glance).body).toMatch(/role="alert" data-testid="behind"[^]*Show the open one: title of newer/);
    page.all = [one('old', 'closed')];
    expect(render(draw.Glance).body).not.toContain('behind');
  });
});
