import { expect, test } from 'vitest';
import type { Taken, WriteBody } from '../lib/api';
import { beyond_alone, new_series, numbered } from './alone';
import { keep, request_of, take_reply, type View } from './queue';

const view = {} as View;
const sale = (n: number) => keep({ key: String(n), staff: 's', at: `2026-11-26T01:00:0${n}Z`, kind: 'sale', lines: [], tenders: [] } as WriteBody, n, view);
const taken = (receipt: string): Taken => ({ key: '1', ok: true, duplicate: false, origin: 'a/b/1', index: 0, at: '', receipt, flags: [] });

test('the series is drawn: forty bits, as the journal writes its own', () => {
  const { series, next } = new_series(() => Uint8Array.from([0, 31, 32, 9, 10, 255, 17, 18]));
  expect(series).toBe('0Z09AZHJ');
  expect(next).toBe(1);
});
test('a sale gets one number, once; a refund gets none', () => {
  const from = { series: 'ABCDEFGH', next: 8 };
  const one = numbered(sale(1), 3, from);
  expect(one.kept.alone).toEqual({ receipt: '3-ABCDEFGH-8', at: one.kept.body.at });
  expect(one.series).toEqual({ series: 'ABCDEFGH', next: 9 });
  expect(numbered(one.kept, 3, one.series)).toEqual({ kept: one.kept, series: one.series });
  const refund = { ...sale(5), body: { ...sale(5).body, kind: 'refund' } as WriteBody };
  expect(numbered(refund, 3, from)).toEqual({ kept: refund, series: from });
});
test('it goes out with its number until it is answered, and with the answer from then on; the body never changes', () => {
  const { kept: k } = numbered(sale(1), 3, { series: 'ABCDEFGH', next: 1 });
  expect(request_of(k)).toEqual({ ...k.body, alone: { receipt: '3-ABCDEFGH-1', at: k.body.at } });
  const after = take_reply(k, taken('3-ABCDEFGH-1'), 'a/b/1', 0);
  expect(request_of(after)).toEqual({ ...k.body, prior: { origin: 'a/b/1', index: 0, receipt: '3-ABCDEFGH-1', at: '' } });
  expect(after.alone?.receipt).toBe('3-ABCDEFGH-1');
});
test('little cash: by the decimals of the currency, as the node has it', () => {
  expect(beyond_alone(50_000, 2)).toBe(false);
  expect(beyond_alone(50_001, 2)).toBe(true);
  expect(beyond_alone(50_000, 0)).toBe(false);
  expect(beyond_alone(50_001, 0)).toBe(true);
  expect(beyond_alone(200_000, 3)).toBe(false);
  expect(beyond_alone(200_001, 3)).toBe(true);
});
