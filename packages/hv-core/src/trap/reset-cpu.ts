// What a vCPU's CPU begins with beside its registers: control and debug registers, x87 and SSE, segment bases.
import type { PvState } from './pv-state.js';
import { CpuRegister, type TrapCpu } from './trap-cpu.js';

const DR6_RESET = 0xffff_0ff0;
const DR7_RESET = 0x400;

/** Sets them all: CR0.TS and CR4 as `pv` has them. */
export function resetCpu(cpu: TrapCpu, pv: PvState): void {
  cpu.setTaskSwitched(pv.isTaskSwitched);
  cpu.setControl4(pv.cr4);
  cpu.loadFloatingPoint(null);
  for (let number = CpuRegister.dr0; number <= CpuRegister.dr3; number++) cpu.write(number, 0, 0);
  cpu.write(CpuRegister.dr6, DR6_RESET, 0);
  cpu.write(CpuRegister.dr7, DR7_RESET, 0);
  cpu.write(CpuRegister.fsBase, 0, 0);
  cpu.write(CpuRegister.gsBase, 0, 0);
}
