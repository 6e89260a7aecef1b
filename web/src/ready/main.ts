import '../lib/base.css';
import { mount } from 'svelte';
import Ready from './Ready.svelte';
import { readiness } from './ready.svelte';

mount(Ready, { target: document.getElementById('app')! });
void readiness.start();
