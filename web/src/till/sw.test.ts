// The service worker against a cache and a node that are a few lines here; no browser.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const source = readFileSync(fileURLToPath(new URL('../../public/till/sw.js', import.meta.url)), 'utf8');

/** Whether it installs, and what is kept of the page then. */
async function install(page: Response): Promise<{ installed: boolean; kept: string | undefined }> {
  const kept = new Map<string, Response>();
  const cache = {
    match: async (path: string) => kept.get(path),
    add: async (path: string) => void kept.set(path, new Response('')),
    addAll: async () => undefined,
    put: async (path: string, response: Response) => void kept.set(path, response),
    keys: async () => [],
  };
  let done: Promise<unknown> = Promise.resolve();
  const on: Record<string, (event: { waitUntil(work: Promise<unknown>): void }) => void> = {};
  const self = { addEventListener: (name: string, then: (typeof on)[string]) => (on[name] = then), skipWaiting: async () => undefined };
  new Function('self', 'caches', 'fetch', source)(self, { open: async () => cache }, async () => page);
  on['install']!({ waitUntil: (work) => (done = work) });
  const installed = await done.then(() => true, () => false);
  return { installed, kept: await kept.get('/till/')?.text() };
}

it('keeps the page as it is installed, and no error in its place: it is tried again', async () => {
  expect(await install(new Response('<p>the till</p>'))).toEqual({ installed: true, kept: '<p>the till</p>' });
  expect(await install(new Response('busy', { status: 503 }))).toEqual({ installed: false, kept: undefined });
});
