// Five pages and an index, built so that the CSP default-src 'self' holds: no inline script or style, no data: URL.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const page = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const node = process.env.HF_NODE_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: page('index.html'), till: page('till/index.html'), chain: page('chain/index.html'),
        incident: page('incident/index.html'), spare: page('spare/index.html'), ready: page('ready/index.html') },
    },
  },
  server: { proxy: { '/v1': node, '/mock': node } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
