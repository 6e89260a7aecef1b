// What the spare says of itself, asked each second; and the one thing that can be done: type the code.
// Shape: before the promotion /v1/spare answers; afterwards it is gone and /v1/safety answers, at the same address.
import { call, type Answer, type Safety, type SpareStatus } from '../lib/api';

class Spare {
  status = $state.raw<SpareStatus | null>(null);
  safety = $state.raw<Safety | null>(null);
  silent = $state(false);

  start(): void {
    void this.look();
    setInterval(() => void this.look(), 1000);
  }
  private async look(): Promise<void> {
    const status = await call<SpareStatus>('/v1/spare');
    if (status.kind === 'ok') {
      this.status = status.value;
      this.safety = null;
      this.silent = false;
      return;
    }
    const safety = await call<Safety>('/v1/safety');
    this.silent = safety.kind !== 'ok';
    if (safety.kind === 'ok') this.safety = safety.value;
  }
  promote(code: string): Promise<Answer<{ promoted: boolean; has_people: boolean }>> {
    return call('/v1/spare/promote', { method: 'POST', body: { code }, timeout_ms: 30_000 });
  }
}
export const spare = new Spare();
