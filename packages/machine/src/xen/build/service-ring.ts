// The rings a domain starts with: pages it shares with the services for xenstore and its console, and its ports for them.
import { type Domain, HvError } from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';

export interface ServiceRing {
  /** The ring's guest frame, and the machine frame behind it. */
  readonly pfn: number;
  readonly mfn: Mfn;
  /** An unbound port of the domain's. */
  readonly port: number;
}

/**
 * A ring in `pfn`, with a new port that domain `remote` may bind to.
 * @throws HvError `bad-argument` if the domain's limits leave no port
 */
export function serviceRing(domain: Domain, pfn: number, mfn: Mfn, remote: number): ServiceRing {
  if (domain.events.findFree() === 0) {
    throw new HvError(
      'bad-argument',
      `domain ${domain.name} may have no port for xenstore or its console: raise its limit maxPort`,
    );
  }
  return { pfn, mfn, port: domain.events.allocUnbound(remote).port };
}
