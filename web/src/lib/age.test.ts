import { describe, expect, it } from 'vitest';
import { age_phrase, is_stale } from './age';

const at = (day: number, hours: number, minutes = 0): Date => new Date(2026, 10, day, hours, minutes);
const phrase = (then: Date, now: Date) => age_phrase(then.toISOString(), now);

describe('the age of what the old system said', () => {
  it('is "last night" for the export of the night that has been', () => {
    expect(phrase(at(25, 2, 10), at(25, 9))).toEqual({ key: 'age.last_night', values: { time: '02:10' } });
    expect(phrase(at(24, 22, 5), at(25, 9))).toEqual({ key: 'age.last_night', values: { time: '22:05' } });
    expect(phrase(at(25, 2, 10), at(25, 23, 50)).key).toBe('age.last_night');
  });
  it('is told in hours or days otherwise, and in minutes when it is fresh', () => {
    expect(phrase(at(24, 14), at(25, 9))).toEqual({ key: 'age.hours', values: { n: 19 } });
    expect(phrase(at(25, 2, 10), at(26, 9))).toEqual({ key: 'age.hours', values: { n: 30 } });
    expect(phrase(at(22, 2), at(25, 9))).toEqual({ key: 'age.days', values: { n: 3 } });
    expect(phrase(at(25, 8, 50), at(25, 9))).toEqual({ key: 'age.minutes', values: { n: 10 } });
    expect(phrase(at(25, 1), at(25, 3)).key).toBe('age.hours');
  });
  it('is not yet known where nobody knows it, and now where it lies in the future', () => {
    expect(age_phrase(null, at(25, 9)).key).toBe('not_yet_known');
    expect(age_phrase('soon', at(25, 9)).key).toBe('not_yet_known');
    expect(phrase(at(26, 9), at(25, 9))).toEqual({ key: 'age.minutes', values: { n: 0 } });
  });
  it('is stale when a night was missed', () => {
    expect(is_stale(at(25, 2).toISOString(), at(26, 3))).toBe(false);
    expect(is_stale(at(25, 2).toISOString(), at(26, 5))).toBe(true);
    expect(is_stale(null, at(26, 5))).toBe(true);
  });
});
