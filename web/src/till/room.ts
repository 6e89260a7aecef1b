// How much this device's storage still holds, and since when nothing of this till is known to lie anywhere else. Pure.
//
// Units:  bytes as the browser estimates them (its quota is the device's, not ours alone: it may shrink).
// Bounds: room for at least 100,000 unconfirmed writes, a warning before it is full, and from one day
//         without cosignature the writes as a file.

import type { Safety } from '../lib/api';
import { request_of, type Kept } from './queue';

/** What one kept write may cost on disk. test/pages measures less, for baskets of five lines, in Chromium's IndexedDB. */
export const write_bytes = 4096;
export const room_wanted = 100_000;
export const left_warn = 10_000;
export const day_ms = 24 * 3600 * 1000;

export interface Estimate {
  usage: number;
  quota: number;
}
export interface Room {
  left: number; // writes that still fit
  state: 'good' | 'small' | 'nearly_full'; // small: there never was room for room_wanted
}

/** `unsafe`: writes that are in the storage already and may not be forgotten. */
export function room_of(estimate: Estimate | null, unsafe: number): Room | null {
  if (!estimate) return null;
  const left = Math.max(0, Math.floor((estimate.quota - estimate.usage) / write_bytes));
  if (left < left_warn) return { left, state: 'nearly_full' };
  return { left, state: left + unsafe < room_wanted ? 'small' : 'good' };
}

const is_unsafe = (k: Kept): boolean => k.state === 'waiting' || k.state === 'acknowledged';

/**
 * The time since which something of this till has no copy that it knows of; null: there is nothing. A node that answers
 * knows it for the whole store; what it said before it fell silent says nothing about now.
 */
export function uncovered_since(kept: readonly Kept[], safety: Safety | null, is_silent: boolean): string | null {
  let oldest = !is_silent && safety ? safety.no_copy_elsewhere_since : null;
  for (const k of kept) {
    if (is_unsafe(k) && (oldest === null || Date.parse(k.body.at) < Date.parse(oldest))) oldest = k.body.at;
  }
  return oldest;
}

export interface HandOut {
  format: 'holdfast till writes 1';
  chain: string;
  site: string;
  till: number;
  made_at: string;
  writes: unknown[];
}
/**
 * Every write that is not safe yet, oldest first, each as POST /v1/writes takes it, with the till and the reply it got. One
 * that was refused is among them until a person has dealt with it: who takes the file in is told of it, or has it now.
 */
export function hand_out(kept: readonly Kept[], of: Omit<HandOut, 'format' | 'writes'>): HandOut {
  const writes = kept.filter((k) => is_unsafe(k) || k.state === 'refused').sort((a, b) => a.seq - b.seq);
  return { format: 'holdfast till writes 1', ...of, writes: writes.map((k) => ({ ...request_of(k), till: of.till })) };
}
