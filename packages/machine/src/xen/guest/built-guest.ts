// BuiltGuest: a domain in its first state, of either kind: with page tables of machine frames, or translated and started as PVH.
import { type Domain, initialiseVcpu } from '@proxeny/hv-core';
import { buildPv, type PvRequest } from '../build/build-pv.js';
import { buildPvh } from '../build/build-pvh.js';
import type { ServiceRing } from '../build/service-ring.js';
import type { XenGuestType } from '../build/xen-image.js';
import type { PvhCpu } from '../cpu/pvh-cpu.js';
import type { XenMachine } from './xen-machine.js';

export interface BuiltGuest {
  readonly domain: Domain;
  readonly type: XenGuestType;
  readonly store: ServiceRing;
  readonly console: ServiceRing;
  /** Frame of a ring as the guest knows it: of a page-table guest the machine's. */
  frameOf(ring: ServiceRing): number;
}

/**
 * Builds a domain, paused, its first vCPU ready to run.
 * @throws what the builders throw; no domain is left then
 */
export function buildGuest(
  machine: XenMachine,
  type: XenGuestType,
  request: PvRequest,
): BuiltGuest {
  const { hypervisor, createPvCpu, createPvhCpu } = machine;
  if (type === 'pvh') {
    const domain = { ...request.domain, createCpu: createPvhCpu };
    const built = buildPvh(hypervisor, { ...request, domain });
    (built.domain.vcpus[0].cpu as PvhCpu).start(built.start);
    built.domain.start();
    const { store, console } = built;
    return { domain: built.domain, type, store, console, frameOf: ({ pfn }) => pfn };
  }
  const own = { ...request.domain, createCpu: createPvCpu };
  const { domain, start, store, console } = buildPv(hypervisor, { ...request, domain: own });
  const status = initialiseVcpu(domain.vcpus[0], start.context);
  if (status !== 0)
    throw new Error(`the first vCPU cannot start (${status}): a mistake of the builder`);
  return { domain, type, store, console, frameOf: ({ mfn }) => mfn };
}
