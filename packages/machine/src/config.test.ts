import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  checkCardCount,
  checkMemoryBytes,
  checkMmioCards,
  MEMORY_MAX_BYTES,
  MEMORY_MIN_BYTES,
} from './config.js';

const MIB = 1024 * 1024;

function problem(memoryBytes: number): string {
  try {
    checkMemoryBytes(memoryBytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).property).toBe('memoryBytes');
    return (error as Error).message;
  }
  return '';
}

describe('the size of RAM', () => {
  it('may be anything between the limits in whole MiB', () => {
    for (const size of [MEMORY_MIN_BYTES, 64 * MIB, 2049 * MIB, MEMORY_MAX_BYTES])
      expect(problem(size)).toBe('');
  });

  it('leaves room in 4 GiB of WebAssembly memory for everything else', () => {
    expect(MEMORY_MAX_BYTES).toBeLessThanOrEqual(4096 * MIB - 64 * MIB);
  });

  it('is refused below and above the limits, which the message tells', () => {
    expect(problem(2 * MIB)).toBe('memory of 2M is too small; a PC takes 4M to 4032M');
    expect(problem(8192 * MIB)).toBe('memory of 8192M is too large; a PC takes 4M to 4032M');
    expect(problem(0)).toContain('0M is too small');
    expect(problem(-MIB)).toContain('-1M is too small');
  });

  it('is refused when it is no whole number of MiB, or no number', () => {
    expect(problem(64 * MIB + 1024)).toContain('65537K is no whole number of MiB');
    expect(problem(Number.NaN)).toContain('NaN bytes is no memory size');
    expect(problem(64.5)).toContain('64.5 bytes is no memory size');
  });
});

it('a PC has slots for 30 devices', () => {
  checkCardCount(30);
  expect(() => checkCardCount(31)).toThrow(ConfigError);
  expect(() => checkCardCount(31)).toThrow(/31 virtio devices .* a PC has 30/);
});

it('a PC with an APIC has pins for 8 devices in memory', () => {
  checkMmioCards(0, false);
  checkMmioCards(8, true);
  expect(() => checkMmioCards(9, true)).toThrow(/takes 8 virtio devices in memory, not 9/);
  expect(() => checkMmioCards(1, false)).toThrow(/need an APIC/);
});
