// Instructions the oracle must never run: they enter the kernel or the hypervisor, or sleep.
// Everything else in user mode can at worst fault or hit the case's own memory; an instruction that
// does kill the harness is reported as outcome `killed`.

const LEGACY_PREFIXES: ReadonlySet<number> = new Set([
  ...[0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3],
]);

/**
 * Why the instruction at the start of `code` may not run on the host, or undefined if it may.
 * Looks at the first instruction only: a caller who passes a sequence vouches for the rest.
 */
export function forbiddenReason(code: Uint8Array, bits: 32 | 64): string | undefined {
  let at = 0;
  while (LEGACY_PREFIXES.has(code[at])) at++;
  while (bits === 64 && code[at] >= 0x40 && code[at] <= 0x4f) at++;
  const [opcode, second, third] = code.subarray(at, at + 3);
  if (opcode === 0xcd && second !== 3) {
    // Linux gates exist for 3, 4 and 80h; the others are #GP, which is what a test may want to see.
    return second === 0x80 ? 'INT 80h is a system call' : undefined;
  }
  if (opcode !== 0x0f) return undefined;
  if (second === 0x05) return 'SYSCALL is a system call';
  if (second === 0x34) return 'SYSENTER is a system call';
  if (second !== 0x01 || third === undefined) return undefined;
  if (third === 0xc1 || third === 0xd9) return 'VMCALL/VMMCALL calls the hypervisor';
  if (third === 0xc9 || third === 0xfb) return 'MWAIT/MWAITX sleeps';
  const register = (third >> 3) & 7;
  // Linux emulates SGDT, SIDT and SMSW when the CPU has UMIP: the result would be the kernel's.
  if (third < 0xc0 && register < 2) return 'SGDT/SIDT may be emulated by the kernel (UMIP)';
  if (register === 4) return 'SMSW may be emulated by the kernel (UMIP)';
  return undefined;
}
