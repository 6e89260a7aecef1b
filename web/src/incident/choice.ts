// Which incident is shown, and which one a form writes to. Pure.
import type { Hex } from '../lib/api';
import type { Summary } from './types';

/** The one that a person chose, else the one that is shown already: what becomes visible later takes nobody's place. */
export function shown_of(all: readonly Summary[], chosen: Hex | null, shown: Hex | null): Summary | undefined {
  const of = (id: Hex | null) => all.find((each) => id !== null && each.ids.includes(id));
  return of(chosen) ?? of(shown) ?? all.find((each) => each.state === 'open') ?? all[0];
}

/** What a closed incident that is shown must not hide: the first that is open. */
export function open_behind(all: readonly Summary[], shown: Pick<Summary, 'id' | 'state'>): Summary | undefined {
  return shown.state === 'closed' ? all.find((each) => each.state === 'open' && !each.ids.includes(shown.id)) : undefined;
}

/** Where a form writes: fixed when it is opened, whatever is shown when it is sent. */
export interface Into {
  id: Hex;
  title: string;
}
export const into_of = ({ id, title }: Into): Into => ({ id, title });
