import type { DomainConfiguration, InterfaceConfiguration } from '@proxeny/machine';
import { plainFrame } from '@proxeny/machine';
import { expect, it } from 'vitest';
import { DomainNetworks } from './domain-networks.js';

const domain = (...interfaces: InterfaceConfiguration[]) =>
  ({ interfaces }) as unknown as DomainConfiguration;

it('cards on one bridge reach each other, and those on another do not', () => {
  const networks = new DomainNetworks();
  const [one] = networks.cardsOf(domain({}));
  const [two, other] = networks.cardsOf(
    domain({ mac: '02:00:00:00:00:07' }, { bridge: 'lan', mtu: 1400 }),
  );
  let heard = 0;
  let elsewhere = 0;
  two?.network.listen(() => heard++);
  other?.network.listen(() => elsewhere++);
  one?.network.send(plainFrame(new Uint8Array(60).fill(0xff, 0, 6)));
  expect([heard, elsewhere]).toEqual([1, 0]);
  expect(one?.mac).toMatch(/^00:16:3e(:[0-9a-f]{2}){3}$/);
  expect(two).toMatchObject({ id: 0, mac: '02:00:00:00:00:07' });
  expect(other).toMatchObject({ id: 1, mtu: 1400 });
});
