import { expect, it } from 'vitest';
import { Fragments } from './fragments.js';
import { UserNetworkStatistics } from './statistics.js';

it('overlapping fragments of a packet keep no more than a packet holds', () => {
  const statistics = new UserNetworkStatistics();
  const fragments = new Fragments(statistics);
  const packet = { source: 1, target: 2, protocol: 17, identification: 3, hasMoreFragments: true };
  for (let i = 0; i < 40; i++) {
    const payload = new Uint8Array(60_000);
    const whole = fragments.add(
      { ...packet, fragmentOffset: i * 8, header: new Uint8Array(20), payload },
      0,
    );
    expect(whole).toBe(null);
  }
  expect(statistics.fragmentsLost).toBe(20);
});
