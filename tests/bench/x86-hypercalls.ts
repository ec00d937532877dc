// Hypercalls and trapped instructions of x86 code: paravirtual guests from our assembler, on the whole machine, in a loop. They yield now
// and then, which ends a slice.
import { __HYPERVISOR_sched_op, __HYPERVISOR_xen_version, SCHEDOP_yield } from '@proxeny/abi';
import { openXenImage, XenGuest } from '@proxeny/machine';
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { MIB, xenKernel } from '../../packages/machine/src/xen/build/testing/xen-kernel.js';
import { GPR } from '../../packages/vcpu-x86/src/state/layout.js';
import type { Measurement } from './measurement.js';

/** Turns of the loop between two slices. */
const TURNS = 1000;

/** How guests of a word size call, and two registers that neither calls nor their arguments touch; the second one's number. */
const conventions = {
  64: { base: -0x8000_0000, args: ['edi', 'esi'], trap: 'syscall', free: ['ebp', 'ebx'], last: 3 },
  32: { base: 0xc000_0000, args: ['ebx', 'ecx'], trap: 'int 0x82', free: ['ebp', 'edi'], last: 7 },
} as const;

function hypercallText(bits: 32 | 64, number: number, operation: number): string {
  const { args, trap } = conventions[bits];
  return `mov ${args[0]}, ${operation}\nxor ${args[1]}, ${args[1]}\nmov eax, ${number}\n${trap}`;
}

/** A guest that does what `turn` says again and again. */
function loop(bits: 32 | 64, name: string, unit: string, turn: string): Measurement {
  const { base, free, last } = conventions[bits];
  const text = `
again:
mov ${free[0]}, ${TURNS}
next:
${turn}
dec ${free[0]}
jnz next
inc ${free[1]}
${hypercallText(bits, __HYPERVISOR_sched_op, SCHEDOP_yield)}
jmp again`;
  const origin = base + MIB;
  const { bytes } = assemble(text, { bits, origin });
  const segments = [{ vaddr: origin, paddr: MIB, bytes, memorySize: 0x3000 }];
  const guest = new XenGuest({
    image: openXenImage(xenKernel({ bits, segments }), 'a kernel that calls'),
    memoryBytes: 8 * MIB,
    model: cpuModel('max') as CpuModel,
  });
  const { hypervisor } = guest.machine;
  const { state } = guest.cpu.x86;
  const rounds = (): number => state.get(GPR + last * 8);
  const run = (): void => {
    for (const before = rounds(); rounds() === before; ) {
      hypervisor.step();
      if (guest.ended) throw new Error(`the guest has ended: ${guest.ended.message}`);
    }
  };
  return { name, unit, count: TURNS, call: run };
}

function nullCalls(bits: 32 | 64): Measurement {
  const turn = hypercallText(bits, __HYPERVISOR_xen_version, 0);
  return loop(bits, `null hypercall of ${bits}-bit x86 code`, 'call', turn);
}

export const x86Hypercalls: readonly (() => Measurement)[] = [
  () => nullCalls(64),
  () => nullCalls(32),
  () => loop(64, 'privileged instruction of a PV kernel', 'instruction', 'mov rax, cr4'),
];
