// The network cards of configured domains: those that name the same bridge are plugged into one switch, and reach each other.
import { randomBytes } from 'node:crypto';
import type { DomainConfiguration } from '@proxeny/machine';
import { type ConfigError, NetworkSwitch } from '@proxeny/machine/pc';
import type { GuestNetwork } from '@proxeny/machine/xen';

/** What xl takes when a configuration names none. */
const DEFAULT_BRIDGE = 'xenbr0';

type Fail = (path: readonly (string | number)[], what: string) => ConfigError;

/** Refuses what a configuration may say of an interface and we do not have. */
export function checkInterfaces({ interfaces }: DomainConfiguration, fail: Fail): void {
  for (const [i, { rate, ip, name }] of interfaces.entries()) {
    const place = ['vif', i];
    if (rate) throw fail(place, 'a limit of its rate is not kept; leave rate out');
    if (ip !== undefined) throw fail(place, 'nobody gives it an address; leave ip out');
    if (name !== undefined) throw fail(place, 'the host shows no interface; leave vifname out');
  }
}

/** The switches of one machine. */
export class DomainNetworks {
  readonly #switches: Map<string, NetworkSwitch> = new Map();

  /** A domain's cards, plugged in; addresses that are not given are made up. */
  cardsOf({ interfaces }: DomainConfiguration): GuestNetwork[] {
    return interfaces.map(({ mac = randomMac(), mtu, bridge = DEFAULT_BRIDGE }, id) => ({
      id,
      mac,
      ...(mtu === undefined ? {} : { mtu }),
      network: this.#switch(bridge).addPort(),
    }));
  }

  #switch(bridge: string): NetworkSwitch {
    const found = this.#switches.get(bridge) ?? new NetworkSwitch();
    this.#switches.set(bridge, found);
    return found;
  }
}

/** An address with the prefix that belongs to Xen's guests. */
function randomMac(): string {
  const own = [...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `00:16:3e:${own.join(':')}`;
}
