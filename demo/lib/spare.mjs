// A store's spare, as its manager uses it (protocol 10): what it says of itself, and the code from the envelope.
import { waitUntil } from './http.mjs';

export const spareStatus = (spare) => spare.client.get('/v1/spare');
export const promote = (spare, code, more = {}) => spare.client.call('POST', '/v1/spare/promote', { code, ...more });

// The spare has every entry that its store's machine has acknowledged, and its people.
export const holdsEverything = (spare) => waitUntil(`${spare.name} to hold everything`, async () => {
  const [{ size }, { copy, ready }] = await Promise.all([spare.of.safety(), spareStatus(spare)]);
  return ready && copy.size >= size;
}, { seconds: 60 });
