import '../lib/base.css';
import { mount } from 'svelte';
import Incident from './Incident.svelte';
import { page } from './incident.svelte';

mount(Incident, { target: document.getElementById('app')! });
void page.start();
