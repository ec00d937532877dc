// Interrupts by instruction, returns from them, fast system calls and HLT (SDM vol. 2 INT n, IRET, SYSCALL, SYSENTER, HLT).
import { GP, UD } from '../fault.js';
import { flag } from '../ir/flags.js';
import { CR0, INTERRUPT_SHADOW, PENDING, PENDING_HALT } from '../state/layout.js';
import type { Semantics } from './operands.js';
import { supervisorOnly } from './privilege.js';

export const int: Semantics = (b, x) => b.transfer('softwareInterrupt', b.andc(x.read(0), 0xff));
export const int3: Semantics = (b) => b.transfer('breakpointTrap');
export const int1: Semantics = (b) => b.transfer('debugTrap');
export const into: Semantics = (b, x) =>
  b.if(
    flag(b, 'of'),
    () => b.transfer('overflowTrap'),
    () => b.jump(x.next()),
  );
export const iret: Semantics = (b, x) => b.transfer('returnFromInterrupt', b.i32(x.operandBits));

/** #GP(0) in real mode; virtual-8086 mode may use SYSENTER. */
export const sysenter: Semantics = (b) => {
  b.raiseIf(b.eqz(b.andc(b.get(CR0, 32), 1)), GP, 0);
  b.transfer('systemEnter');
};
export const sysexit: Semantics = (b, x) => {
  b.raiseIf(b.eqz(b.andc(b.get(CR0, 32), 1)), GP, 0);
  b.transfer('systemExit', b.i32(x.operandBits));
};
export const syscall: Semantics = (b) => b.transfer('systemCall');
export const sysret: Semantics = (b, x) => b.transfer('systemReturn', b.i32(x.operandBits));

/** The interrupt shadow of an STI before it is over with this instruction. */
export const hlt: Semantics = (b, x) => {
  supervisorOnly(b);
  b.set(INTERRUPT_SHADOW, 32, b.i32(0));
  b.set(PENDING, 32, b.orc(b.get(PENDING, 32), PENDING_HALT));
  b.jump(x.next());
};

/** An undefined opcode, unless a hypervisor below takes it. */
const hypervisorCall: Semantics = (b) => b.transfer('hypervisorCall');
const undefinedInstruction: Semantics = (b) => b.raise(UD);

export const interruptSemantics = {
  INT: int,
  INT3: int3,
  INT1: int1,
  INTO: into,
  IRET: iret,
  SYSENTER: sysenter,
  SYSEXIT: sysexit,
  SYSCALL: syscall,
  SYSRET: sysret,
  HLT: hlt,
  UD0: undefinedInstruction,
  UD1: undefinedInstruction,
  UD2: undefinedInstruction,
  RSM: undefinedInstruction,
  VMCALL: hypervisorCall,
  VMMCALL: hypervisorCall,
} as const satisfies Record<string, Semantics>;
