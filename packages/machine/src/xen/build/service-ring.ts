// The rings a domain starts with: pages it shares with the services for xenstore and its console, its ports for them, and the grants
// by which a service in another domain can map them.
import {
  GNTTAB_RESERVED_CONSOLE,
  GNTTAB_RESERVED_XENSTORE,
  GTF_permit_access,
  grant_entry_v1,
} from '@proxeny/abi';
import { type Domain, HvError } from '@proxeny/hv-core';
import type { Mfn } from '@proxeny/memory';

export interface ServiceRing {
  /** The ring's guest frame, and the machine frame behind it. */
  readonly pfn: number;
  readonly mfn: Mfn;
  /** An unbound port of the domain's. */
  readonly port: number;
}

/** Which of a domain's two rings it is; also the grant by which its service may map it. grant_table.h */
const RING_GRANTS = {
  console: GNTTAB_RESERVED_CONSOLE,
  store: GNTTAB_RESERVED_XENSTORE,
} as const;

/**
 * A ring in `pfn`, with a new port that domain `remote` may bind to, and a grant by which it may map the page.
 * @throws HvError `bad-argument` if the domain's limits leave no port
 */
export function serviceRing(
  domain: Domain,
  which: keyof typeof RING_GRANTS,
  { pfn, mfn }: Pick<ServiceRing, 'pfn' | 'mfn'>,
  remote: number,
): ServiceRing {
  if (domain.events.findFree() === 0) {
    throw new HvError(
      'bad-argument',
      `domain ${domain.name} may have no port for xenstore or its console: raise its limit maxPort`,
    );
  }
  grant(domain, RING_GRANTS[which], domain.p2m ? pfn : mfn, remote);
  return { pfn, mfn, port: domain.events.allocUnbound(remote).port };
}

/** Fills entry `ref` of the new domain's table, of version 1; a domain without a grant table has none. */
function grant(domain: Domain, ref: number, frame: number, remote: number): void {
  const { entries } = domain.grants;
  if (ref >= entries.count || remote === domain.id) return;
  const { view } = domain.hypervisor.memory;
  const { fields } = grant_entry_v1.of(domain.word);
  const at = entries.addressOf(ref);
  fields.domid.set(view, at, remote);
  fields.frame.set(view, at, frame);
  fields.flags.set(view, at, GTF_permit_access);
}
