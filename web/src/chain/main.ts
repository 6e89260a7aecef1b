import '../lib/base.css';
import { mount } from 'svelte';
import Chain from './Chain.svelte';
import { chain } from './chain.svelte';

mount(Chain, { target: document.getElementById('app')! });
void chain.start();
