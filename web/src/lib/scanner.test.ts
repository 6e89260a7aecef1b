import { describe, expect, it } from 'vitest';
import { ScanDetector } from './scanner';

function feed(detector: ScanDetector, text: string, gap_ms: number, start_ms = 0): (string | null)[] {
  return [...text, 'Enter'].map((key, i) => detector.key(key, start_ms + i * gap_ms));
}

describe('the scanner', () => {
  it('is told from a person by its pace', () => {
    expect(feed(new ScanDetector(), '5000000041004', 5).at(-1)).toBe('5000000041004');
    expect(feed(new ScanDetector(), '5000000041004', 120).at(-1)).toBeNull();
  });
  it('does not take a person’s last words for the start of a code', () => {
    const detector = new ScanDetector();
    feed(detector, 'bunt', 150).slice(0, -1);
    expect(feed(detector, '50000000', 4, 5000).at(-1)).toBe('50000000');
  });
  it('gives no code for a short burst or for Enter alone', () => {
    expect(feed(new ScanDetector(), '123', 3).at(-1)).toBeNull();
    expect(new ScanDetector().key('Enter', 5)).toBeNull();
  });
  it('gives no code when Enter comes late', () => {
    const detector = new ScanDetector();
    for (const [i, key] of [...'5000000041004'].entries()) detector.key(key, i * 4);
    expect(detector.key('Enter', 900)).toBeNull();
  });
  it('reads capitals that come with Shift', () => {
    const detector = new ScanDetector();
    const keys = ['3', '-', 'Shift', 'K', 'Shift', 'Q', '2', 'M', '-', '1'];
    keys.forEach((key, i) => detector.key(key, i * 4));
    expect(detector.key('Enter', keys.length * 4)).toBe('3-KQ2M-1');
  });
  it('keeps no endless burst', () => {
    const detector = new ScanDetector();
    for (let i = 0; i < 10_000; i++) detector.key('1', i);
    expect(detector.typed).toBeLessThanOrEqual(80);
  });
});
