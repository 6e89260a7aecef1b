import { describe, expect, it } from 'vitest';
import { line_amount, parse_amount, parse_price, parse_quantity, show_price, show_quantity, vat_inside } from './decimal';

describe('decimals', () => {
  it('take both decimal marks and nothing else', () => {
    expect(parse_price('2.55')).toBe(2_550_000n);
    expect(parse_price('2,55')).toBe(2_550_000n);
    for (const bad of ['', '-1', '1e3', '1.2.3', '1 000', '0x10', '٣', '1.', '.5', 'NaN', '1.1234567']) {
      expect(parse_price(bad), bad).toBeNull();
    }
  });
  it('never round what is typed: too many decimals are refused', () => {
    expect(parse_quantity('0.250')).toBe(250n);
    expect(parse_quantity('0.2501')).toBeNull();
    expect(parse_amount('12.505', 2)).toBeNull();
    expect(parse_amount('12,5', 2)).toBe(1250);
    expect(parse_amount('500', 0)).toBe(500);
  });
  it('refuse what is beyond the range', () => {
    expect(parse_quantity('1000000000')).toBe(10n ** 12n);
    expect(parse_quantity('1000000000.001')).toBeNull();
    expect(parse_price('1200000')).toBe(1_200_000_000_000n);
    expect(parse_price('1000000000.000000')).toBe(10n ** 15n);
    expect(parse_price('1000000000.000001')).toBeNull();
    expect(parse_price('99999999999999999999')).toBeNull();
  });
  it('take no barcode for money', () => {
    expect(parse_amount('999999999.99', 2)).toBe(99_999_999_999);
    for (const decimals of [0, 2, 3]) expect(parse_amount('501234567890', decimals)).toBeNull();
  });
  it('count up to what the node counts to, and beyond that nothing rather than a wrong sum', () => {
    expect(line_amount(10n ** 15n, 10_000_000n, 2)).toBe(10 ** 15);
    expect(line_amount(10n ** 15n, 10_000_001n, 2)).toBeNull();
    expect(line_amount(10n ** 15n, 10n ** 12n, 3)).toBeNull();
  });
  it('show what they parsed', () => {
    for (const text of ['2.55', '0.00', '0.000001', '12.00', '2.049']) expect(show_price(parse_price(text)!)).toBe(text);
    for (const text of ['1', '0.25', '12.5', '1000']) expect(show_quantity(parse_quantity(text)!)).toBe(text);
  });
  it('round a line half up', () => {
    expect(line_amount(2_049_000n, 1000n, 2)).toBe(205);
    expect(line_amount(1_005_000n, 1000n, 2)).toBe(101); // 1.005
    expect(line_amount(1_004_999n, 1000n, 2)).toBe(100);
    expect(line_amount(1_000n, 1000n, 2)).toBe(0); // 0.001
    expect(line_amount(1_500_000n, 1000n, 0)).toBe(2);
  });
  it('find the VAT inside a gross amount, half up', () => {
    expect(vat_inside(120, '20')).toBe(20);
    expect(vat_inside(205, '5')).toBe(10);
    expect(vat_inside(1000, '5.5')).toBe(52);
    expect(vat_inside(999, '0')).toBe(0);
    expect(vat_inside(300, '200')).toBe(200);
  });
});
