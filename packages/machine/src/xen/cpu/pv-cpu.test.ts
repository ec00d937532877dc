// The CPU of a paravirtual guest: what it does itself, and what it faults on for the microkernel to find out.
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { expect, it } from 'vitest';
import { MIB, xenKernel } from '../build/testing/xen-kernel.js';
import { openXenImage } from '../build/xen-image.js';
import { XenGuest } from '../guest/xen-guest.js';

const BASE = -0x8000_0000;

/** A guest that does what the text says, and then nothing. */
function guestOf(text: string): XenGuest {
  const origin = BASE + MIB;
  const { bytes } = assemble(`${text}\nlast: jmp last`, { bits: 64, origin });
  const segments = [{ vaddr: origin, paddr: MIB, bytes, memorySize: 0x3000 }];
  return new XenGuest({
    image: openXenImage(xenKernel({ bits: 64, segments }), 'a kernel that uses ports'),
    memoryBytes: 8 * MIB,
    model: cpuModel('max') as CpuModel,
  });
}
const PORTS = `
mov eax, 0x11223344
in al, 0x42
mov ebx, eax
mov dx, 0xcf8
mov eax, 0x80001234
out dx, eax
xor eax, eax
in eax, dx
mov ebp, eax`;

it('does IN and OUT that the guest allows itself without a fault', () => {
  const guest = guestOf(PORTS);
  const { x86 } = guest.cpu;
  const pv = guest.domain.vcpus[0]?.pv;
  if (!pv) throw new Error('no paravirtual CPU');
  pv.ioLevel = 1;
  guest.machine.hypervisor.step();
  expect(x86.state.gpr32(3)).toBe(0x112233ff);
  expect(x86.state.gpr32(5)).toBe(0x80001234);
  expect(x86.counters.faults).toBe(0);
});

it('faults on IN where the guest does not', () => {
  const guest = guestOf(PORTS);
  guest.machine.hypervisor.step();
  // It has no handler: Xen ends such a domain.
  expect(guest.cpu.x86.counters.faults).toBeGreaterThan(0);
  expect(guest.cpu.x86.state.gpr32(3)).not.toBe(0x112233ff);
});
