import '../lib/base.css';
import { mount } from 'svelte';
import Till from './Till.svelte';
import { till } from './till.svelte';

mount(Till, { target: document.getElementById('app')! });
void till.start();

// The page itself must open while the node does not answer; in development the files change too often for that.
if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('/till/sw.js').catch(() => undefined);
