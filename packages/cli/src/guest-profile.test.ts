import type { GuestSample } from '@proxeny/machine';
import { describe, expect, it } from 'vitest';
import { collapsedStacks, speedscope } from './guest-profile.js';
import { SymbolTable } from './symbol-table.js';

const symbols = new SymbolTable([{ address: -0x7f000000, name: 'start_kernel' }]);
const samples: GuestSample[] = [
  { address: -0x7f000000 + 8, isUser: false, tier: 'hot', ms: 2 },
  { address: 0x8048123, isUser: true, tier: 'cold', ms: 1 },
  { address: -0x7f000000 + 16, isUser: false, tier: 'hot', ms: 3.5 },
  { address: -0x1001, isUser: false, tier: 'cold', ms: 0.25 },
];

describe('a profile', () => {
  it('is collapsed into a line for each stack, in microseconds, most first', () => {
    expect(collapsedStacks(samples, symbols)).toBe(
      'kernel;start_kernel;hot 5500\n' +
        'user;user page 0x8048000;cold 1000\n' +
        'kernel;kernel page 0xffffffffffffe000;cold 250\n',
    );
  });

  it('is what speedscope reads: samples of frames, with weights that sum up', () => {
    const { shared, profiles, $schema } = JSON.parse(speedscope(samples, symbols));
    expect($schema).toBe('https://www.speedscope.app/file-format-schema.json');
    const [profile] = profiles;
    expect(profile).toMatchObject({ type: 'sampled', unit: 'milliseconds', endValue: 6.75 });
    const names = profile.samples.map((stack: number[]) => stack.map((f) => shared.frames[f].name));
    expect(names[0]).toEqual(['kernel', 'start_kernel', 'hot']);
    expect(names[2]).toEqual(names[0]);
    expect(profile.weights).toEqual([2, 1, 3.5, 0.25]);
  });
});
