// Conformance cases as rows: a name that says hypercall and condition, what the guest must get, and the guest. Every case also checks
// that no error changed anything, that nothing was thrown, and that destroying the domains returns every frame.
import { errno_names } from '@proxeny/abi';
import type { NativeCode, NativeGuest } from '@proxeny/pv-guest';
import { expect, it } from 'vitest';
import { type GuestOptions, NativeMachine } from './native-machine.js';

export type ConformanceCase = readonly [
  name: string,
  expected: unknown,
  kernel: (guest: NativeGuest) => NativeCode<unknown>,
  options?: GuestOptions & { readonly machine?: ConstructorParameters<typeof NativeMachine>[0] },
];

/** A domain that is always there and does nothing. */
export const BYSTANDER = 100;

/** For messages: -22 is easier to read as -EINVAL. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  return typeof value === 'number' && value < 0 ? `-${errno_names[-value] ?? -value}` : value;
}

export function hypercallContract(cases: readonly ConformanceCase[]): void {
  for (const [name, expected, kernel, options = {}] of cases) {
    it(name, () => {
      const { machine: machineOptions, ...guestOptions } = options;
      const machine = new NativeMachine(machineOptions);
      machine.hypervisor.createDomain({ id: BYSTANDER, kind: 'translated' });
      const value = machine.only(kernel, guestOptions);
      expect(readable(value)).toEqual(readable(expected));
      expect(machine.violations).toEqual([]);
      expect(machine.destroyAll()).toBeNull();
    });
  }
}
