// Which local APICs a message is for (SDM 3A §11.6.2, x2APIC §11.12.10), and how the ICR says it.
import type { ApicMessage, ApicReceiver } from './apic-bus.js';
import { DELIVER_INIT } from './apic-bus.js';
import { ICR_ASSERT, ICR_LEVEL, ICR_LOGICAL } from './lapic-registers.js';

const SHORTHAND_SELF = 1;
const SHORTHAND_ALL_BUT_SELF = 3;
const EVERYONE = 0xffffffff;

/** Whether a physical destination means the APIC `id`. */
export function matchesPhysical(destination: number, id: number): boolean {
  return destination === id || destination === 0xff || destination === EVERYONE;
}

/** Whether a logical destination means an APIC with these LDR and DFR (xAPIC; flat or cluster model). */
export function matchesLogical(destination: number, ldr: number, dfr: number): boolean {
  const own = ldr >>> 24;
  if (dfr >>> 28 === 0xf) return (destination & own & 0xff) !== 0;
  const cluster = (destination >>> 4) & 0xf;
  return (cluster === own >>> 4 || cluster === 0xf) && (destination & own & 0xf) !== 0;
}

/** The read-only LDR of an x2APIC: cluster in the high half, one bit in the low one. */
export function x2apicLdr(id: number): number {
  return (((id >>> 4) << 16) | (1 << (id & 15))) >>> 0;
}

/** Whether a logical destination means the x2APIC `id`. */
export function matchesX2apicLogical(destination: number, id: number): boolean {
  const ldr = x2apicLdr(id);
  return destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0;
}

/**
 * The message a write to the ICR sends from `self`: `self` when it goes to the sender only, null when nothing is to be sent.
 * IPIs are edges; the trigger bit means something only for INIT.
 */
export function messageOfIcr(
  icr: number,
  destination: number,
  self: ApicReceiver,
): ApicMessage | 'self' | null {
  const mode = (icr >>> 8) & 7;
  // INIT level de-assert only synchronized arbitration ids on ancient parts.
  if (mode === DELIVER_INIT && (icr & (ICR_LEVEL | ICR_ASSERT)) === ICR_LEVEL) return null;
  const shorthand = (icr >>> 18) & 3;
  if (shorthand === SHORTHAND_SELF) return 'self';
  const message: ApicMessage = {
    destination: shorthand === 0 ? destination : EVERYONE,
    logical: shorthand === 0 && (icr & ICR_LOGICAL) !== 0,
    mode,
    vector: icr & 0xff,
    levelTriggered: false,
  };
  return shorthand === SHORTHAND_ALL_BUT_SELF ? { ...message, except: self } : message;
}
