// Virtual interrupts: which belong to a vCPU and which to a domain. xen.h, "VIRTUAL INTERRUPTS".
import { NR_VIRQS, VIRQ_DEBUG, VIRQ_TIMER, VIRQ_XENOPROF, VIRQ_XENPMU } from '@proxeny/abi';

/** Bound once a domain, on vCPU 0 first; the others once a vCPU, where they stay. */
export function isGlobalVirq(virq: number): boolean {
  return (
    virq !== VIRQ_TIMER && virq !== VIRQ_DEBUG && virq !== VIRQ_XENOPROF && virq !== VIRQ_XENPMU
  );
}

/** The ports of one vCPU's virtual interrupts; 0: not bound. */
export function noVirqPorts(): Uint32Array {
  return new Uint32Array(NR_VIRQS);
}
