// Shared folders under random operations, as fsstress does them, compared with a folder of the host's (stress.ts). Twenty times as many:
// boot-all/shares.test.ts.
import { expect, it } from 'vitest';
import { clients, stress } from './stress.js';

const OPERATIONS = 5_000;

it.each(Object.keys(clients))(
  'a folder shared by %s has the same tree as one of the host after the same operations',
  (protocol) => {
    const { done, expected, found } = stress(protocol, 1, OPERATIONS);
    expect(found).toEqual(expected);
    expect(expected.length).toBeGreaterThan(50);
    // That every kind of operation was done, and not refused.
    for (const [what, count] of Object.entries(done))
      expect([what, count > OPERATIONS / 1000]).toEqual([what, true]);
    expect(Object.keys(done).length).toBe(16);
  },
);
