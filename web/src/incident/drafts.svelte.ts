// What is begun in a form and not sent yet, where more than a field is to be kept in step. No call to the node is made here.
import type { Posture } from '../lib/api';
import type { Seen } from '../lib/posture';
import { into_of, type Into } from './choice';
import type { RejoinCheck, RejoinLink } from './types';

/** The closing of an incident: its words belong to that one, and go when the form goes. */
export class ClosingDraft {
  into = $state.raw<Into | null>(null);
  text = $state('');
  begin(incident: Into): void {
    this.into = into_of(incident);
    this.text = '';
  }
  leave(): void {
    this.into = null;
    this.text = '';
  }
}

/** May come back by one press; there is nothing left to check. */
export const may_return = (link: RejoinLink, posture: Posture | undefined): boolean =>
  link.state === 'cut' && posture === 'rejoining' && link.missing.length === 0;

/** The return from a seal: one form for the posture, one for a check of one link. */
export class ReturnDraft {
  link = $state<string | null>(null);
  check = $state<RejoinCheck>('clean_point');
  text = $state('');
  not_needed = $state(false);
  /** What the change was begun for; the button says the same until it is sent, whatever the posture is by then. */
  seen = $state.raw<Seen | null>(null);
  reason = $state('');
  pin = $state('');
  /** What the last press came to: of a link, or null: of the posture. It is shown in that form. */
  told = $state.raw<{ of: string | null; text: string } | null>(null);
  begun = $derived(this.reason !== '' || (this.link !== null && this.text !== ''));

  /** The form of a link is opened. */
  choose(link: RejoinLink): void {
    this.#leave();
    this.link = link.site;
    this.check = link.missing[0] ?? 'clean_point';
  }
  #leave(): void {
    this.link = null;
    this.text = '';
    this.not_needed = false;
  }
  typed(now: Seen | null): void {
    this.seen = this.reason === '' && this.pin === '' ? null : (this.seen ?? now);
  }
  /** Told of what is shown: a text whose form is gone would keep the panel for good; and no PIN outlives its sign-in. */
  look(links: readonly RejoinLink[], posture: Posture | undefined, may_write: boolean): void {
    const link = links.find((each) => each.site === this.link);
    if (this.link !== null && (link?.state !== 'cut' || may_return(link, posture))) this.#leave();
    if (!may_write) {
      this.pin = '';
      if (this.reason === '') this.seen = null;
    }
  }
}
