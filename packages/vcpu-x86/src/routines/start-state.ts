// The state that an image wants to be entered with, put into a reset CPU: registers, segments, tables, control registers.
import type { Core } from '../core.js';
import * as L from '../state/layout.js';
import { setSegment } from '../state/segments.js';

/** A segment register as the CPU caches it; `limit` in bytes. */
export interface StartSegment {
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
}
/** A descriptor-table register. */
export interface StartTable {
  readonly base: number;
  readonly limit: number;
}
/** CPU state at the first instruction of an image, as plain data. Interrupts are off. */
export interface StartState {
  /** `long64` also needs `cr3`: the root of page tables that map the entry. */
  readonly mode: 'real' | 'protected32' | 'long64';
  /** Offset within CS. */
  readonly rip: number;
  /** Registers with a value other than 0. */
  readonly registers: Readonly<
    Partial<Record<'rax' | 'rbx' | 'rcx' | 'rdx' | 'rsi' | 'rdi' | 'rbp' | 'rsp', number>>
  >;
  readonly cs: StartSegment;
  /** DS, ES, SS, FS and GS alike. */
  readonly data: StartSegment;
  readonly gdt?: StartTable;
  readonly idt?: StartTable;
  readonly cr3?: number;
  /** Privilege level; 0 if absent. Above it the image's segments get that DPL. */
  readonly level?: number;
}

const registerNumbers = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;
const DATA = 0x9300;
const CODE = 0x9b00;
const BIG = 0x400000;
const LONG = 0x200000;
const GRANULAR = 0x800000;
const PE = 1;
const PG = -0x80000000;
const PAE = 0x20;
const LONG_MODE = 0x500;

/** Puts a reset CPU into the state that an image wants to be entered with. */
export function startAt(core: Core, entry: StartState): void {
  const { state } = core;
  const real = entry.mode === 'real';
  const granular = (limit: number): number => (limit > 0xfffff ? GRANULAR : 0);
  const level = entry.level ?? 0;
  const dataAttributes = DATA | (level << 13) | (real ? 0 : BIG) | granular(entry.data.limit);
  for (const s of [L.ES, L.SS, L.DS, L.FS, L.GS]) {
    setSegment(state, s, entry.data.selector, entry.data.base, entry.data.limit, dataAttributes);
  }
  const codeAttributes = real
    ? DATA
    : CODE | (level << 13) | (entry.mode === 'long64' ? LONG : BIG) | granular(entry.cs.limit);
  setSegment(state, L.CS, entry.cs.selector, entry.cs.base, entry.cs.limit, codeAttributes);
  for (const [name, number] of Object.entries(registerNumbers)) {
    const value = entry.registers[name as keyof typeof registerNumbers];
    if (value !== undefined) state.setGpr64(number, value);
  }
  state.rip = entry.rip;
  state.rflags = 2;
  state.set64(L.GDTR_BASE, entry.gdt?.base ?? 0);
  state.set(L.GDTR_LIMIT, entry.gdt?.limit ?? 0);
  state.set64(L.IDTR_BASE, entry.idt?.base ?? 0);
  state.set(L.IDTR_LIMIT, entry.idt?.limit ?? (real ? 0x3ff : 0));
  if (!real) state.set(L.CR0, state.get(L.CR0) | PE);
  if (entry.mode === 'long64') {
    state.set64(L.CR3, entry.cr3 ?? 0);
    state.set(L.CR4, state.get(L.CR4) | PAE);
    state.set(L.EFER, state.get(L.EFER) | LONG_MODE);
    state.set(L.CR0, state.get(L.CR0) | PG);
  }
  state.set(L.CPL, level);
  core.updateMode();
  core.flushTlb(false);
}
