import { describe, expect, it } from 'vitest';
import { open_behind, shown_of } from './choice';
import type { Summary } from './types';

const one = (id: string, more: Partial<Summary> = {}): Summary => ({
  id, title: id, state: 'open', opened_at: null, opened_at_site: null, closed_at: null, records: 1, ids: [id], ...more,
});

describe('the incident that is shown', () => {
  it('is the first open one until something is shown', () => {
    expect(shown_of([one('a', { state: 'closed' }), one('b')], null, null)?.id).toBe('b');
    expect(shown_of([one('a', { state: 'closed' })], null, null)?.id).toBe('a');
    expect(shown_of([], null, null)).toBeUndefined();
  });
  it('stays when a newer one becomes visible, and when it is closed', () => {
    expect(shown_of([one('newer'), one('a')], null, 'a')?.id).toBe('a');
    expect(shown_of([one('newer'), one('a', { state: 'closed' })], 'a', 'a')?.id).toBe('a');
  });
  it('is the one that a person chose, by whatever name it has since it was joined', () => {
    expect(shown_of([one('a'), one('b', { ids: ['b', 'c'] })], 'c', 'a')?.id).toBe('b');
  });
  it('stays while the chosen one is not seen here yet', () => {
    expect(shown_of([one('newer'), one('a')], 'elsewhere', 'a')?.id).toBe('a');
  });
});

describe('behind a closed incident that is shown', () => {
  const closed = one('a', { state: 'closed' });
  it('the first open one is told', () => {
    expect(open_behind([closed, one('b'), one('c')], closed)?.id).toBe('b');
  });
  it('nothing is told where all are closed, or the one that is shown is open', () => {
    expect(open_behind([closed, one('b', { state: 'closed' })], closed)).toBeUndefined();
    expect(open_behind([one('a'), one('b')], one('a'))).toBeUndefined();
  });
});
