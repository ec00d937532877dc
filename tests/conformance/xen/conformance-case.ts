// Conformance cases as rows: a name that says hypercall and condition, what the guest must get, and the guest. Every case also checks
// that no error changed anything, that nothing was thrown, and that destroying the domains returns every frame.
import { errno_names } from '@proxeny/abi';
import { expect, it } from 'vitest';
import {
  type GuestOptions,
  type MachineOptions,
  NativeMachine,
  type TestKernel,
} from './native-machine.js';

export type ConformanceCase = readonly [
  name: string,
  expected: unknown,
  kernel: TestKernel,
  options?: GuestOptions & { readonly machine?: MachineOptions },
];

/** A domain that is always there and does nothing. */
export const BYSTANDER = 100;

/** For messages: -22 is easier to read as -EINVAL. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  return typeof value === 'number' && value < 0 ? `-${errno_names[-value] ?? -value}` : value;
}

/** Cases run one guest each; `common` are options of all of them. */
export function hypercallContract(
  cases: readonly ConformanceCase[],
  common: ConformanceCase[3] = {},
): void {
  for (const [name, expected, kernel, own = {}] of cases) {
    const options = { ...common, ...own };
    it(name, () => {
      const { machine: machineOptions, ...guestOptions } = options;
      const machine = new NativeMachine(machineOptions);
      const bystander = machine.hypervisor.createDomain({ id: BYSTANDER, kind: 'translated' });
      bystander.populate(0, 2);
      machine.strangerMfn = bystander.findOwnFrame(1);
      const value = machine.only(kernel, guestOptions);
      expect(readable(value)).toEqual(readable(expected));
      expect(machine.violations).toEqual([]);
      expect(machine.destroyAll()).toBeNull();
    });
  }
}
