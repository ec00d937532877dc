import { describe, expect, it } from 'vitest';
import { CommandError } from './command-error.js';
import { parseAddress, parseCount, parseDuration, parseSize } from './quantity.js';

function refusal(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).exitCode).toBe(2);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('a size', () => {
  it('is a number and a unit, powers of 1024', () => {
    const sizes = ['256M', '1g', '1.5G', '4096K', '512MiB', '64 MB'].map((t) => parseSize(t, 'x'));
    expect(sizes.map((size) => size / 1048576)).toEqual([256, 1024, 1536, 4, 512, 64]);
  });

  it('without a unit is refused with what to write instead', () => {
    expect(refusal(() => parseSize('256', '--memory'))).toBe(
      "--memory '256' has no unit; write 256M or 256K",
    );
  });

  it('that is garbled is refused', () => {
    expect(refusal(() => parseSize('lots', '--memory'))).toContain("'lots' is not a size");
    expect(refusal(() => parseSize('', '--memory'))).toContain("'' is not a size");
    expect(refusal(() => parseSize('12Q', '--memory'))).toContain("unknown unit 'Q'");
    expect(refusal(() => parseSize('0.0001K', '--memory'))).toContain('no whole number of bytes');
    expect(refusal(() => parseSize(`${'9'.repeat(30)}G`, '--memory'))).toContain('no whole number');
  });
});

describe('a duration', () => {
  it('is a number and a unit, seconds by default', () => {
    const durations = ['500ms', '60s', '2m', '1h', '5', '0.5s'].map((t) => parseDuration(t, 'x'));
    expect(durations).toEqual([500, 60_000, 120_000, 3_600_000, 5000, 500]);
  });

  it('that is garbled, nothing or too long is refused', () => {
    expect(refusal(() => parseDuration('soon', '--timeout'))).toContain("'soon' is not a duration");
    expect(refusal(() => parseDuration('-5s', '--timeout'))).toContain('is not a duration');
    expect(refusal(() => parseDuration('0s', '--timeout'))).toContain('must be more than 0');
    expect(refusal(() => parseDuration('1000h', '--timeout'))).toContain('longer than 24 days');
  });
});

describe('numbers', () => {
  it('are decimal or hexadecimal', () => {
    expect(parseCount('100', 'x')).toBe(100);
    expect(parseCount('0x10', 'x')).toBe(16);
    expect(parseAddress('0xffffffff81000000', 'x')).toBe(0xffffffff81000000n);
  });

  it('that are garbled or too wide are refused', () => {
    expect(refusal(() => parseCount('ten', '--count'))).toBe("--count 'ten' is not a number");
    expect(refusal(() => parseCount('1e3', '--count'))).toContain('is not a number');
    expect(refusal(() => parseAddress('7c00h', '--origin'))).toContain('is not an address');
    expect(refusal(() => parseAddress(`0x1${'0'.repeat(16)}`, '--origin'))).toContain('64 bits');
  });
});
