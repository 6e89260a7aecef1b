import { describe, expect, it } from 'vitest';
import { left, pick } from './refund';

const line = (more = {}) => ({ line: 4, quantity: '3', unit_price: '1.00', refunded: '0', ...more });

describe('what comes back of a line', () => {
  it('is counted from what came back before, so that the parts add up to the line', () => {
    const amounts = ['0', '1', '2'].map((refunded) => pick(line({ unit_price: '0.335', refunded }), '1', 2));
    expect(amounts).toEqual([34, 33, 34].map((amount) => ({ line: 4, quantity: '1', amount })));
  });
  it('is nothing where nothing is typed, and wrong where it is more than is left or no number', () => {
    for (const typed of ['', ' ', '0']) expect(pick(line(), typed, 2), typed).toBe('nothing');
    for (const typed of ['3.001', 'x', '-1']) expect(pick(line(), typed, 2), typed).toBe('wrong');
    expect(pick(line({ refunded: '2.5' }), '1', 2)).toBe('wrong');
  });
  it('is never taken for nothing, or for everything, where the line cannot be read', () => {
    for (const bad of [{ unit_price: '-1' }, { refunded: '?' }, { quantity: '9999999999' }]) {
      expect(left(line(bad)), JSON.stringify(bad)).toBeNull();
      expect(pick(line(bad), '1', 2), JSON.stringify(bad)).toBe('wrong');
    }
    expect(left(line({ unit_price: '1200000.00' }))).toBe(3000n);
  });
});
