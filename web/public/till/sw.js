// Keeps the till's page files, so that it opens while its node does not answer. Never touches /v1: what is true about
// trade is in the till's own database and in the node, never in a cache.
// After failure: a page is kept only once all the files that it names are kept, so what opens without a node is whole.
const cache_name = 'holdfast-till-page-1';

const always = ['/favicon.svg', '/till/manifest.webmanifest'];

const files_of = (html) => [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((found) => found[1]);

async function keep_page(response) {
  const cache = await caches.open(cache_name);
  const files = files_of(await response.clone().text());
  for (const file of files) if (!(await cache.match(file))) await cache.add(file);
  await cache.put('/till/', response);
  for (const request of await cache.keys()) {
    const path = new URL(request.url).pathname;
    if (path.startsWith('/assets/') && !files.includes(path)) await cache.delete(request);
  }
}

self.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const page = await fetch('/till/', { cache: 'no-store' });
      if (!page.ok) throw new Error(`HTTP ${page.status}`); // tried again when the page is opened the next time
      await keep_page(page);
      await (await caches.open(cache_name)).addAll(always);
      await self.skipWaiting();
    })(),
  );
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin) return;
  if (url.pathname.startsWith('/assets/') || always.includes(url.pathname)) {
    // Names of /assets carry a hash of their content: what is kept is right.
    event.respondWith(caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)));
  } else if (event.request.mode === 'navigate' && /^\/till\/(index\.html)?$/.test(url.pathname)) {
    event.respondWith(open_page(event));
  }
});

async function open_page(event) {
  try {
    const fresh = await fetch(event.request, { signal: AbortSignal.timeout(3000) });
    if (fresh.ok) {
      event.waitUntil(keep_page(fresh.clone()).catch(() => undefined));
      return fresh;
    }
    return (await caches.match('/till/')) ?? fresh;
  } catch (error) {
    const kept = await caches.match('/till/');
    if (kept) return kept;
    throw error;
  }
}
