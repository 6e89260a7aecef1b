// The machines of the store as this till knows them, and which of them it speaks to: by device key, so that a change of
// address loses nothing. The page's own address is '' everywhere; the other's is its origin.
//
// Shape:  the newest epoch among those that answer as this very site; among equals the one spoken to now, then the page's
//         own. A spare that waits answers nobody's trade, so it is none of them until it has been opened.
//         At the other's address no cookie passes: who is signed in there is a token in a header, good only with this
//         till's device key, kept in memory alone.
// Errors: a machine that cannot be reached, is not trusted by this device or is another site's is silent.

import { call, csrf, is_cover, till_auth, type Answer, type CallOptions, type Device, type Safety, type Session } from '../lib/api';

export interface Heard {
  at: string; // '' or an origin
  safety: Safety;
}

const is_address = (text: unknown): text is string => typeof text === 'string' && /^https:\/\/[a-z0-9.\-:[\]]{1,253}$/.test(text);

/** The addresses to keep of what a machine told, without the page's own. */
export function others_of(told: unknown, home: string): string[] {
  return Array.isArray(told) ? [...new Set(told.filter(is_address).filter((each) => each !== home))].slice(0, 4) : [];
}

/** Which machine to speak to; null: none of them answers. */
export function choose(current: string, heard: readonly Heard[]): Heard | null {
  const rank = (h: Heard) => [h.safety.signing === 'stopped' ? 0 : 1, h.safety.epoch, h.at === current ? 2 : h.at === '' ? 1 : 0];
  let best: Heard | null = null;
  for (const h of heard) {
    if (!best) best = h;
    else {
      const [a, b] = [rank(h), rank(best)];
      const differs = a.findIndex((value, i) => value !== b[i]);
      if (differs >= 0 && a[differs]! > b[differs]!) best = h;
    }
  }
  return best;
}

const look_around_ms = 10_000;
const patience_ms = 2500;

export class Machines {
  /** Where the till speaks to now. */
  current = '';
  others: string[] = [];
  /** The page came before the other machine was known, so that its policy does not let it ask there. */
  page_is_old = false;
  #tokens = new Map<string, string>();
  #looked_at_ms = -Infinity;

  constructor(private now_ms: () => number, private home: string) {}

  learn(told: unknown): boolean {
    if (!this.home.startsWith('https://')) return false; // on the machine itself, without certificates
    const others = others_of(told, this.home);
    if (!Array.isArray(told) || told.length === 0 || others.join() === this.others.join()) return false;
    // A promoted spare names itself alone; the page's own address and the one spoken to stay known anyway.
    this.others = others.length > 0 ? others : this.others;
    return others.length > 0;
  }

  /** Asks how safe things are: the machine spoken to, and the others when it is silent or it is time to look around. */
  async hear(site: string | null): Promise<{ safety: Safety | null; asked_ms: number; moved: boolean }> {
    const asked_ms = this.now_ms();
    const ask = async (at: string): Promise<Heard | null> => {
      const answer = await call<Safety>(`${at}/v1/safety`, { timeout_ms: patience_ms });
      const is_ours = answer.kind === 'ok' && is_cover(answer.value) && (at === '' || (site !== null && answer.value.origin.startsWith(`${site}/`)));
      return is_ours ? { at, safety: answer.value } : null;
    };
    const all = [...new Set([this.current, '', ...this.others])];
    const first = await ask(this.current);
    const stands = first !== null && first.safety.signing !== 'stopped';
    if (stands && (all.length === 1 || asked_ms - this.#looked_at_ms < look_around_ms)) return { safety: first.safety, asked_ms, moved: false };
    this.#looked_at_ms = asked_ms;
    const heard = await Promise.all(all.filter((at) => at !== this.current).map(ask));
    const best = choose(this.current, [first, ...heard].filter((h) => h !== null));
    const moved = best !== null && best.at !== this.current;
    if (best) this.current = best.at;
    return { safety: best?.safety ?? null, asked_ms, moved };
  }

  call<T>(path: string, options: CallOptions = {}): Promise<Answer<T>> {
    return call<T>(this.current + path, options);
  }
  /** Who asks. A till that is not known there comes as nobody, to be enrolled. */
  headers(device: Device | null, session: Session | null): Record<string, string> {
    const who = device ? till_auth(device) : {};
    const token = this.#tokens.get(this.current);
    if (this.current === '') return { ...who, ...csrf(session) };
    return token ? { ...who, 'X-Holdfast-Session': token } : who;
  }
  has_signed_in(): boolean {
    return this.current === '' || this.#tokens.has(this.current);
  }
  signed_in(session: Session | null): void {
    if (this.current === '') return;
    if (session?.session) this.#tokens.set(this.current, session.session);
    else this.#tokens.delete(this.current);
  }
}
