// Which instructions the oracle refuses to run.
import { describe, expect, it } from 'vitest';
import { forbiddenReason } from './forbidden.js';

describe('forbidden instructions', () => {
  it('refuses what would enter the kernel or the hypervisor, behind prefixes too', () => {
    const refused = [
      [0x0f, 0x05],
      [0x66, 0x48, 0x0f, 0x05],
      [0xcd, 0x80],
      [0x0f, 0x34],
      [0x0f, 0x01, 0xd9],
    ];
    for (const code of refused) expect(forbiddenReason(Uint8Array.from(code), 64)).toBeDefined();
    expect(forbiddenReason(Uint8Array.of(0x0f, 0x0b), 64)).toBeUndefined();
  });
});
