// The hypercall page: 128 stubs of 32 bytes, the one of hypercall n at n × 32. What a guest calls instead of the instruction, which
// depends on its kind. arch-x86/xen.h, xen-x86_32.h, xen-x86_64.h, "Hypercall interface".
import { __HYPERVISOR_iret } from '@proxeny/abi';
import { PAGE_SIZE } from '@proxeny/memory';

/** How a guest enters the hypervisor: a 64-bit or PAE page-table guest, or a translated one of an Intel or AMD CPU. */
export type HypercallEntry = 'syscall' | 'int82' | 'vmcall' | 'vmmcall';

const STUB_BYTES = 32;
const BREAKPOINT = 0xcc;

/** Instructions before and after MOV EAX, number; the stub of iret, which is jumped to, in place of both. */
interface Template {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly iretBefore: readonly number[];
  readonly iretAfter: readonly number[];
}

const templates: Readonly<Record<Exclude<HypercallEntry, 'vmcall' | 'vmmcall'>, Template>> = {
  syscall: {
    before: [0x51, 0x41, 0x53], // push rcx; push r11
    after: [0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3], // syscall; pop r11; pop rcx; ret
    iretBefore: [0x51, 0x41, 0x53, 0x50], // push rcx; push r11; push rax
    iretAfter: [0x0f, 0x05], // syscall
  },
  int82: {
    before: [],
    after: [0xcd, 0x82, 0xc3], // int 0x82; ret
    iretBefore: [0x50], // push eax
    iretAfter: [0xcd, 0x82], // int 0x82
  },
};

/** The bytes of the page. */
export function hypercallPage(entry: HypercallEntry): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE).fill(BREAKPOINT);
  for (let number = 0; number < PAGE_SIZE / STUB_BYTES; number++) {
    page.set(stub(entry, number), number * STUB_BYTES);
  }
  return page;
}

function stub(entry: HypercallEntry, number: number): number[] {
  const move = [0xb8, number, 0, 0, 0]; // mov eax, number
  if (entry === 'vmcall' || entry === 'vmmcall') {
    if (number === __HYPERVISOR_iret) return [0x0f, 0x0b]; // ud2: no hypercall of such a guest
    return [...move, 0x0f, 0x01, entry === 'vmcall' ? 0xc1 : 0xd9, 0xc3]; // vmcall; ret
  }
  const { before, after, iretBefore, iretAfter } = templates[entry];
  if (number === __HYPERVISOR_iret) return [...iretBefore, ...move, ...iretAfter];
  return [...before, ...move, ...after];
}
