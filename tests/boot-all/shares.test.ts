// Shared folders under many random operations, compared with a folder of the host's: by the driver's side alone.
import { expect, it } from 'vitest';
import { clients, stress } from '../conformance/shares/stress.js';

const OPERATIONS = 100_000;

it.each(Object.keys(clients))(
  'a folder shared by %s has the same tree as one of the host after 100,000 operations',
  (protocol) => {
    const { expected, found } = stress(protocol, 2, OPERATIONS);
    expect(found).toEqual(expected);
    expect(expected.length).toBeGreaterThan(50);
  },
);
