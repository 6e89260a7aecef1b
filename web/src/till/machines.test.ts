import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Device, Safety, Session } from '../lib/api';
import { choose, Machines, others_of } from './machines';

const home = 'https://192.168.1.10:7443';
const spare = 'https://192.168.1.11:7443';
const safety = (epoch: number, more: Partial<Safety> = {}) => ({ origin: `a/store-07/${epoch}`, size: 1, cosigned_size: 1, epoch, signing: 'signing', ...more }) as Safety;

test('the newest epoch is spoken to; among equals the one spoken to now, then the page’s own', () => {
  const at = (where: string, epoch: number, more: Partial<Safety> = {}) => ({ at: where, safety: safety(epoch, more) });
  expect(choose('', [])).toBeNull();
  expect(choose('', [at('', 1), at(spare, 2)])?.at).toBe(spare);
  expect(choose(spare, [at('', 2), at(spare, 2)])?.at).toBe(spare);
  expect(choose('https://gone', [at(spare, 2), at('', 2)])?.at).toBe('');
  expect(choose('', [at('', 3, { signing: 'stopped' }), at(spare, 2)])?.at).toBe(spare);
});
test('of what a machine tells, only addresses of others under TLS are kept, and few', () => {
  expect(others_of([home, spare, spare, 'http://x', 'javascript:alert(1)', 7, 'https://a b'], home)).toEqual([spare]);
  expect(others_of('https://x', home)).toEqual([]);
  expect(others_of(Array.from({ length: 9 }, (_, i) => `https://h${i}`), home)).toHaveLength(4);
});

interface Asked { url: string; options: RequestInit }
let answers: Record<string, () => { status: number; body: unknown } | null>;
let asked: Asked[];
beforeEach(() => {
  asked = [];
  vi.stubGlobal('fetch', async (url: string, options: RequestInit) => {
    asked.push({ url, options });
    const at = Object.keys(answers).sort((a, b) => b.length - a.length).find((each) => url.startsWith(each));
    const answer = at === undefined ? null : answers[at]!();
    if (!answer) throw new TypeError('Failed to fetch');
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  });
});
afterEach(() => vi.unstubAllGlobals());
const node = (epoch: number) => () => ({ status: 200, body: safety(epoch) });
const waiting_spare = () => ({ status: 503, body: { code: 'spare/waiting' } });
const device: Device = { till: 3, name: 'Front', device_key: 'k' };
const session = { staff_id: 's', number: '1', role: 'manager', csrf: 'c', expires_at: '', session: 'token' } as Session;

test('a spare that waits is not spoken to; once it has been opened it is, and the cookie stays at home', async () => {
  answers = { '/v1': node(1), [spare]: waiting_spare };
  let now = 0;
  const machines = new Machines(() => now, home);
  expect(machines.learn([home, spare])).toBe(true);
  expect(machines.learn([home, spare])).toBe(false);
  expect((await machines.hear('a/store-07')).safety?.epoch).toBe(1);
  answers['/v1'] = () => null;
  now += 1000;
  expect(await machines.hear('a/store-07')).toMatchObject({ safety: null, moved: false });
  answers[spare] = node(2);
  expect(await machines.hear('a/store-07')).toMatchObject({ moved: true });
  expect(machines.current).toBe(spare);

  expect(machines.has_signed_in()).toBe(false);
  expect(machines.headers(device, session)).toEqual({ Authorization: 'Till 3.k' });
  machines.signed_in(session);
  expect(machines.headers(device, session)).toEqual({ Authorization: 'Till 3.k', 'X-Holdfast-Session': 'token' });
  expect(machines.headers(null, session)).toEqual({ 'X-Holdfast-Session': 'token' });
  await machines.call('/v1/writes', { method: 'POST', body: {} });
  expect(asked.at(-1)).toMatchObject({ url: `${spare}/v1/writes`, options: { credentials: 'omit' } });
});
test('another site’s machine at that address is silent, and so is one that answers nonsense', async () => {
  answers = { [spare]: () => ({ status: 200, body: { ...safety(9), origin: 'a/store-08/9' } }) };
  const machines = new Machines(() => 0, home);
  machines.learn([spare]);
  expect((await machines.hear('a/store-07')).safety).toBeNull();
  expect((await machines.hear(null)).safety).toBeNull();
  answers[spare] = () => ({ status: 200, body: {} });
  expect((await machines.hear('a/store-07')).safety).toBeNull();
});
test('an old machine that lives is left for the one that was opened, at the next look around', async () => {
  answers = { '/v1': node(1), [spare]: node(2) };
  let now = 0;
  const machines = new Machines(() => now, home);
  machines.learn([spare]);
  await machines.hear('a/store-07');
  expect(machines.current).toBe(spare);
  answers['/v1'] = node(3); // rebuilt at a ceremony
  now += 11_000;
  await machines.hear('a/store-07');
  expect(machines.current).toBe('');
});
test('what a promoted spare tells of itself alone forgets nothing, and a page without TLS learns nothing', () => {
  const machines = new Machines(() => 0, home);
  machines.learn([home, spare]);
  expect(machines.learn([])).toBe(false);
  expect(machines.learn([home])).toBe(false);
  expect(machines.others).toEqual([spare]);
  expect(new Machines(() => 0, 'http://127.0.0.1:7400').learn([spare])).toBe(false);
});
