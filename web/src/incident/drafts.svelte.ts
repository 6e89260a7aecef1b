// What is begun in a form and not sent yet, where more than a field is to be kept in step. No call to the node is made here.
import { into_of, type Into } from './choice';

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
