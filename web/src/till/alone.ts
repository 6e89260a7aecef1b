// With no machine of the store answering, the till still rings for cash: under a series of its own, drawn at random at
// each start of the page and kept in memory alone, so that no number is ever printed twice, not even by a device whose
// storage was lost, set back or copied. The journal keeps the number where it is free (protocol 8.4); until a machine has
// the sale, it exists only in this till.

import type { Kept } from './queue';

/** As the journal writes its own: 40 bits in Crockford's base 32. */
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export interface Series {
  series: string;
  next: number;
}
/** Minor units that one sale may take in while nobody answers; what a spare may while it is provisional. By the currency's
 *  decimals, which are all that is known of what its unit is worth: as in src/core/till/cash.h. */
export const alone_cash_max = (decimals: number): number => (decimals === 0 ? 50_000 : decimals >= 3 ? 200 : 500) * 10 ** decimals;

export const new_series = (random: (bytes: number) => Uint8Array): Series => ({
  series: Array.from(random(8), (b) => digits[b & 31]).join(''),
  next: 1,
});

/** A sale that was never sent yet, with a number of this till's own; everything else as it is. */
export function numbered(kept: Kept, till: number, from: Series): { kept: Kept; series: Series } {
  if (kept.body.kind !== 'sale' || kept.alone) return { kept, series: from };
  return { kept: { ...kept, alone: { receipt: `${till}-${from.series}-${from.next}`, at: kept.body.at } }, series: { ...from, next: from.next + 1 } };
}

export const beyond_alone = (total: number, decimals: number): boolean => total > alone_cash_max(decimals);
