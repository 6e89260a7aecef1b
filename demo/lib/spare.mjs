// A store's spare, as its manager uses it (protocol 10): what it says of itself, and the code from the envelope.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from './http.mjs';

export const spareStatus = (spare) => spare.client.get('/v1/spare');
export const promote = (spare, code, more = {}) => spare.client.call('POST', '/v1/spare/promote', { code, ...more });

// The spare has every entry that its store's machine has acknowledged, and its people.
export const holdsEverything = (spare) => waitUntil(`${spare.name} to hold everything`, async () => {
  const [{ size }, { copy, ready }] = await Promise.all([spare.of.safety(), spareStatus(spare)]);
  return ready && copy.size >= size;
}, { seconds: 60 });

// Does what changes the store's people or tills, once, and waits until its spare, which is ready, has that too: the store's
// machine looks four times a second whether there is something new for it, and has answered before.
export async function untilOnSpare(spare, change) {
  const box = () => readFileSync(join(spare.dir, 'spare.credentials'));
  const before = box();
  const result = await change();
  await waitUntil(`${spare.name} to hold what was changed`, () => !box().equals(before), { seconds: 30 });
  return result;
}
