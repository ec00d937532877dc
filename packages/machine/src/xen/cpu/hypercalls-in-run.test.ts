// Hypercalls of x86 code are done without leaving run(): what they cost is its budget's, and what they change is seen at once.
import {
  __HYPERVISOR_callback_op,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_iret,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_xen_version,
  CALLBACKOP_register,
  EVTCHNOP_bind_ipi,
  EVTCHNOP_send,
  FLAT_RING3_CS64,
  FLAT_RING3_SS64,
  SCHEDOP_yield,
} from '@proxeny/abi';
import { GuestExit } from '@proxeny/hv-core';
import { type CpuModel, cpuModel } from '@proxeny/vcpu-x86';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { describe, expect, it } from 'vitest';
import { MIB, xenImage } from '../build/testing/xen-kernel.js';
import { XenGuest } from '../guest/xen-guest.js';

const CODE = -0x8000_0000 + MIB;
/** What a call costs at least, in instructions. */
const CALL_COST = 100;

/** A 64-bit guest of assembled code; its memory behind the code's page can be written. */
function guestOf(text: string): XenGuest {
  const { bytes } = assemble(text, { bits: 64, origin: CODE });
  const segments = [{ vaddr: CODE, paddr: MIB, bytes, memorySize: 0x3000 }];
  const model = cpuModel('max') as CpuModel;
  return new XenGuest({ image: xenImage({ segments }), memoryBytes: 4 * MIB, model });
}
const call = (number: number, first: number, second = '0'): string =>
  `mov edi, ${first}\nmov rsi, ${second}\nmov eax, ${number}\nsyscall\n`;
const rbx = ({ cpu }: XenGuest): number => cpu.x86.state.gpr32(3);

describe('hypercalls of x86 code', () => {
  it('cost their slice what they cost', () => {
    const guest = guestOf(`again:\ninc ebx\n${call(__HYPERVISOR_xen_version, 0)}jmp again`);
    expect(guest.cpu.run(100 * CALL_COST)).toBe(GuestExit.budget);
    expect(rbx(guest)).toBeGreaterThan(90);
    expect(rbx(guest)).toBeLessThanOrEqual(100);
    expect(guest.cpu.executed).toBeGreaterThanOrEqual(100 * CALL_COST);
    expect(guest.cpu.executed).toBeLessThan(102 * CALL_COST);
  });

  it('end the slice of a guest that yields', () => {
    const guest = guestOf(
      `again:\ninc ebx\n${call(__HYPERVISOR_sched_op, SCHEDOP_yield)}jmp again`,
    );
    expect(guest.cpu.run(1_000_000)).toBe(GuestExit.budget);
    expect(rbx(guest)).toBe(1);
    expect(guest.cpu.executed).toBeLessThan(2 * CALL_COST);
  });

  it('crash their domain, and nothing else, where we are wrong', () => {
    const guest = guestOf(`again:\n${call(__HYPERVISOR_xen_version, 0)}jmp again`);
    const { hypervisor } = guest.machine;
    const mistake = new Error('a mistake of ours');
    hypervisor.observer = {
      enter: () => {
        throw mistake;
      },
      leave: () => {},
    };
    hypervisor.step();
    expect(guest.domain.crashCause).toBe(mistake);
    expect(hypervisor.step().vcpu).toBeNull();
  });

  it('make events that the guest gets before its next instruction', () => {
    const guest = guestOf(`
mov rax, handler
mov [${CODE + 0x1008}], rax
${call(__HYPERVISOR_callback_op, CALLBACKOP_register, `${CODE + 0x1000}`)}
${call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, `${CODE + 0x1010}`)}
mov eax, [${CODE + 0x1014}]
mov [${CODE + 0x1018}], eax
mov rbp, rsp
push ${FLAT_RING3_SS64}
push rbp
push 0x202
push ${FLAT_RING3_CS64 & ~3}
mov rax, unmasked
push rax
push 0
push 0
push 0
push 0
mov eax, ${__HYPERVISOR_iret}
syscall
unmasked:
${call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, `${CODE + 0x1018}`)}
mov ebx, 1
handler:
inc ebx
forever: jmp forever`);
    expect(guest.cpu.run(10_000)).toBe(GuestExit.budget);
    expect(guest.domain.crashMessage).toBeNull();
    // Of the handler alone: after the call's next instruction it would be 2.
    expect(rbx(guest)).toBe(1);
  });
});
