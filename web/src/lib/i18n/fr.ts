// Toutes les phrases des pages en français : mêmes pages, mêmes clés et mêmes places que en.ts.
import { chain } from './fr/chain';
import { incident } from './fr/incident';
import { ready } from './fr/ready';
import { shared } from './fr/shared';
import { spare } from './fr/spare';
import { till } from './fr/till';
import type { Key, Text } from './index';

export const fr: Record<Key, Text> = { ...shared, ...till, ...chain, ...incident, ...spare, ...ready };
