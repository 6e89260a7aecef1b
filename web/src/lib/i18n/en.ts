// Every sentence of the pages in English, by page. In each, keys are grouped by where they are seen; places are {name}.
import { chain } from './en/chain';
import { incident } from './en/incident';
import { ready } from './en/ready';
import { shared } from './en/shared';
import { spare } from './en/spare';
import { till } from './en/till';
import type { Text } from './index';

export const en = { ...shared, ...till, ...chain, ...incident, ...spare, ...ready } satisfies Record<string, Text>;
