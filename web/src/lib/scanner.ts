// A scanner is a keyboard that types fast and ends with Enter. This tells its bursts from a person's typing, wherever
// the focus is. Pure: keys and their times in, a code out; the page does the rest (scanner_listen below).
// Units: milliseconds of KeyboardEvent.timeStamp.

export const gap_ms_max = 50;
export const code_length_min = 5; // the shortest stock codes that shops print
export const code_length_max = 80;

export class ScanDetector {
  #text = '';
  #last_ms = -Infinity;

  /** Gives the scanned code when `key` is the Enter that ends a burst, else null. */
  key(key: string, at_ms: number): string | null {
    const fast = at_ms - this.#last_ms <= gap_ms_max;
    this.#last_ms = at_ms;
    if (key === 'Enter') {
      const code = this.#text;
      this.#text = '';
      return fast && code.length >= code_length_min ? code : null;
    }
    if (key.length !== 1) {
      if (key !== 'Shift') this.#text = ''; // scanners press Shift for capitals
      return null;
    }
    this.#text = fast && this.#text.length < code_length_max ? this.#text + key : key;
    return null;
  }

  /** How many characters the burst so far has typed into the field that has the focus. */
  get typed(): number {
    return this.#text.length;
  }
}

/** Listens to the whole window; what a burst typed into a field is taken out of it again. Gives back the stop. */
export function scanner_listen(on_code: (code: string) => void): () => void {
  const detector = new ScanDetector();
  let field: HTMLInputElement | HTMLTextAreaElement | null = null;
  let before = '';
  const on_key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const code = detector.key(event.key, event.timeStamp);
    if (code !== null) {
      event.preventDefault();
      event.stopPropagation();
      if (field) {
        field.value = before;
        field.dispatchEvent(new Event('input', { bubbles: true }));
      }
      field = null;
      on_code(code);
    } else if (detector.typed === 1) {
      const target = event.target;
      field = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement ? target : null;
      before = field?.value ?? '';
    }
  };
  window.addEventListener('keydown', on_key, { capture: true });
  return () => window.removeEventListener('keydown', on_key, { capture: true });
}
