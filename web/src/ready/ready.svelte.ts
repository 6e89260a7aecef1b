// What this site could do now, asked for every five seconds. While nobody answers, nothing is known: the last answer is
// not shown as if it still held.
import { call, type Ready } from '../lib/api';

const poll_ms = 5000;

class Readiness {
  ready = $state.raw<Ready | null>(null);
  silent_since = $state<string | null>(null);

  async start(): Promise<void> {
    for (;;) {
      const answer = await call<Ready>('/v1/ready', { timeout_ms: 4000 });
      if (answer.kind === 'ok') {
        this.ready = answer.value;
        this.silent_since = null;
      } else this.silent_since ??= new Date().toISOString();
      await new Promise((resolve) => setTimeout(resolve, poll_ms));
    }
  }
}
export const readiness = new Readiness();
