// A device's place on a bus that the guest may move (a PCI BAR, the PIIX4 PM block): claims the range when it is free.

import type { MmioBus, MmioClaim, PortBus, PortClaim } from '../bus.js';
import type { MmioDevice, PortDevice } from '../device.js';

/** Returns a `mapped` callback that keeps `device` claimed at the given first port. A range another device holds stays theirs. */
export function movablePorts(
  bus: PortBus,
  claim: Omit<PortClaim, 'first' | 'device'>,
  device: PortDevice,
): (first: number | null) => void {
  let current: PortClaim | null = null;
  return (first) => {
    if (current !== null) bus.release(current);
    current =
      first !== null && bus.isFree(first, claim.count)
        ? bus.claim({ ...claim, first, device })
        : null;
  };
}

/**
 * Returns a `mapped` callback that keeps `device` claimed at the given address. A range another device holds stays theirs; RAM is
 * not on the bus and is not checked here: the machine asks the bus only for addresses that are not RAM.
 */
export function movableMemory(
  bus: MmioBus,
  claim: Omit<MmioClaim, 'base' | 'device'>,
  device: MmioDevice,
): (base: number | null) => void {
  let current: MmioClaim | null = null;
  return (base) => {
    if (current !== null) bus.release(current);
    current =
      base !== null && bus.isFree(base, claim.byteLength)
        ? bus.claim({ ...claim, base, device })
        : null;
  };
}
