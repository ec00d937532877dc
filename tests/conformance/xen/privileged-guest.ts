// What cases about privileged instructions share: a guest with handlers for the exceptions they may become.
import { __HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl } from '@proxeny/abi';
import { CpuRegister } from '@proxeny/hv-core';
import { expect } from 'vitest';
import { HANDLER, RECORD, TrapMachine } from './trap-machine.js';

export const GP_HANDLER: bigint = BigInt(HANDLER + 13 * 16);
export const UD_HANDLER: bigint = BigInt(HANDLER + 6 * 16);

/** A guest with handlers of #DB, #UD, #GP and #PF, events masked. */
export function privilegedGuest(word: 32 | 64 = 64): TrapMachine {
  const m = new TrapMachine({ word });
  for (const vector of [1, 6, 13, 14]) m.setTrap(vector);
  m.isMasked = true;
  return m;
}

/** Executes an instruction that raises #GP(0); whether it was emulated: rIP is behind it. */
export function runPrivileged(m: TrapMachine, ...bytes: readonly number[]): boolean {
  const before = m.cpu.get(CpuRegister.ip);
  m.code(...bytes);
  m.exception(13, 0);
  return m.cpu.get(CpuRegister.ip) === before + BigInt(bytes.length);
}

/** Sets the guest's IOPL. */
export function allowPorts(m: TrapMachine, level = 1): void {
  m.write32(RECORD, level);
  expect(m.call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, RECORD)).toBe(0);
}
