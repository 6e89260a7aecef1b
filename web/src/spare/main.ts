import '../lib/base.css';
import { mount } from 'svelte';
import Spare from './Spare.svelte';
import { spare } from './spare.svelte';

mount(Spare, { target: document.getElementById('app')! });
spare.start();
