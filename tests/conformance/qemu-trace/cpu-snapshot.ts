// The registers of a CPU at an instruction boundary, by name, as far as the source knows them:
// QEMU's gdb port, its log, or our own machine. Names are the 64-bit ones in every mode.

const GENERAL = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const;

/** Registers as unsigned values; absent: unknown to the source, so never compared. */
export type CpuSnapshot = Partial<Record<RegisterName, bigint>>;

/** `rip` is the offset in CS, as the register holds it; `*_base` are segment bases. */
export type RegisterName =
  | ('rax' | 'rcx' | 'rdx' | 'rbx' | 'rsp' | 'rbp' | 'rsi' | 'rdi')
  | ('r8' | 'r9' | 'r10' | 'r11' | 'r12' | 'r13' | 'r14' | 'r15')
  | ('rip' | 'rflags' | 'es' | 'cs' | 'ss' | 'ds' | 'fs' | 'gs' | 'ldt' | 'tr')
  | ('es_base' | 'cs_base' | 'ss_base' | 'ds_base' | 'fs_base' | 'gs_base' | 'k_gs_base')
  | ('gdt_base' | 'gdt_limit' | 'idt_base' | 'idt_limit')
  | ('cr0' | 'cr2' | 'cr3' | 'cr4' | 'cr8' | 'efer');

/** Every name, in the order differences are printed. */
export const REGISTER_NAMES: readonly RegisterName[] = [
  ...['rip', 'rflags', ...GENERAL, 'cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldt', 'tr'],
  ...['cs_base', 'ss_base', 'ds_base', 'es_base', 'fs_base', 'gs_base', 'k_gs_base'],
  ...['gdt_base', 'gdt_limit', 'idt_base', 'idt_limit', 'cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer'],
] as RegisterName[];

const known: ReadonlySet<string> = new Set(REGISTER_NAMES);

/** Our name of a register that QEMU calls `name` (`EAX`, `rip`, `eflags`, …), if it has one. */
export function registerName(name: string): RegisterName | undefined {
  const lower = name.toLowerCase();
  const wide = /^(e[a-ds][xpi]|eip|eflags|efl|rfl)$/.test(lower) ? `r${lower.slice(1)}` : lower;
  const canonical = wide === 'rfl' ? 'rflags' : wide;
  return known.has(canonical) ? (canonical as RegisterName) : undefined;
}

/** Linear address of the next instruction; without a known base: real mode's, else a flat CS. */
export function linearRip(snapshot: CpuSnapshot): bigint {
  const { rip = 0n, cs = 0n, cs_base, cr0 = 1n, rflags = 0n, efer = 0n } = snapshot;
  const realOrV86 = (cr0 & 1n) === 0n || (rflags & 0x2_0000n) !== 0n;
  const longActive = (efer & 0x400n) !== 0n;
  const linear = rip + (cs_base ?? (realOrV86 ? cs << 4n : 0n));
  return longActive ? linear : linear & 0xffff_ffffn;
}

/** One register that differs. */
export interface RegisterDifference {
  readonly register: RegisterName;
  readonly reference: bigint;
  readonly subject: bigint;
}

/**
 * Registers known to both sides that differ.
 * @param ignoredFlags RFLAGS bits that do not count
 */
export function compareSnapshots(
  reference: CpuSnapshot,
  subject: CpuSnapshot,
  ignored: ReadonlySet<RegisterName>,
  ignoredFlags: number,
): RegisterDifference[] {
  const found: RegisterDifference[] = [];
  const flagsMask = ~BigInt(ignoredFlags >>> 0);
  for (const register of REGISTER_NAMES) {
    let r = reference[register];
    let s = subject[register];
    if (r === undefined || s === undefined || ignored.has(register)) continue;
    if (register === 'rflags') {
      r &= flagsMask;
      s &= flagsMask;
    }
    if (r !== s) found.push({ register, reference: r, subject: s });
  }
  return found;
}
