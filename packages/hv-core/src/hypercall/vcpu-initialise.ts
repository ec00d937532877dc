// VCPUOP_initialise: all of a page-table guest's vCPU at once, from a vcpu_guest_context. Once only: later ones are -EEXIST. vcpu.h,
// arch-x86/xen.h. A translated guest's vCPUs start through their local APIC.
import {
  VGCF_failsafe_disables_events,
  VGCF_i387_valid,
  VGCF_in_kernel,
  VGCF_online,
  VGCF_syscall_disables_events,
  XEN_EEXIST,
  XEN_EFAULT,
  XEN_EINVAL,
  XEN_ENOSYS,
} from '@proxeny/abi';
import { type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { PageType } from '../frame/frame-table.js';
import { isGuestAddress } from '../frame/page-walk.js';
import { isCanonical } from '../trap/canonical.js';
import { controlsOf } from '../trap/cpuid-policy.js';
import { checkDebug, setDebug } from '../trap/debug-register.js';
import { FLAG_IF, FLAG_IOPL } from '../trap/entry-frame.js';
import { PvState } from '../trap/pv-state.js';
import type { PvTraps } from '../trap/pv-traps.js';
import { resetCpu } from '../trap/reset-cpu.js';
import { DESCRIPTORS_PER_FRAME, FIRST_RESERVED_ENTRY } from '../trap/segment-descriptor.js';
import { fixSelector } from '../trap/selector.js';
import { CpuRegister, type TrapCpu } from '../trap/trap-cpu.js';
import { VECTORS } from '../trap/trap-table.js';
import type { Vcpu } from '../vcpu.js';
import { replaceGdt } from './descriptor-table.js';
import type { HypercallFrame } from './frame.js';
import { GuestContext } from './guest-context.js';
import type { Decoded } from './hypercall.js';
import { isAssist } from './vm-assist.js';

const MAX_LDT_ENTRIES = 8192;
const CR0_TS = 8;
const GENERAL_REGISTERS = 16;
/** Members of a 64-bit context that must be addresses. */
const addresses = [
  'user_regs.rip',
  'user_regs.rsp',
  'kernel_sp',
  'fs_base',
  'gs_base_kernel',
  'gs_base_user',
  'event_callback_eip',
  'syscall_callback_eip',
  'failsafe_callback_eip',
];

/** 0, or -EINVAL for what no guest may have. */
function checkContext(context: GuestContext): number {
  const { word } = context;
  if (word === 64) {
    for (const name of addresses) {
      if (!isCanonical(context.halves(name)[1])) return -XEN_EINVAL;
    }
    for (let vector = 0; vector < VECTORS; vector++) {
      if (!isCanonical(context.trap(vector).high)) return -XEN_EINVAL;
    }
  }
  const ldtEntries = context.low('ldt_ents');
  const ldt = context.address('ldt_base');
  if (ldt % PAGE_SIZE !== 0 || ldtEntries > MAX_LDT_ENTRIES) return -XEN_EINVAL;
  if (ldtEntries !== 0 && !isGuestAddress(ldt, word)) return -XEN_EINVAL;
  if (context.low('gdt_ents') > FIRST_RESERVED_ENTRY) return -XEN_EINVAL;
  const isUser = word === 64 && (context.low('flags') & VGCF_in_kernel) === 0;
  return isUser && context.root(1) === 0 ? -XEN_EINVAL : 0;
}

/** Takes page tables and GDT; 0, an errno or RESTART: then nothing is held. */
function takeFrames(vcpu: Vcpu, context: GuestContext): number {
  const { types } = vcpu.domain.hypervisor;
  const count = Math.ceil(context.low('gdt_ents') / DESCRIPTORS_PER_FRAME);
  const gdt = Array.from({ length: count }, (_, i) => {
    const [low, high] = context.element('gdt_frames', i);
    return high * 2 ** 32 + low;
  });
  const userRoot = context.word === 64 ? context.root(1) : 0;
  if (userRoot !== 0) {
    const status = types.getPageAndType(userRoot, vcpu.domain.id, PageType.l4);
    if (status !== 0) return status;
  }
  let status = replaceGdt(vcpu, gdt, context.low('gdt_ents'));
  if (status === 0) status = vcpu.setRoot(context.root(3) as Mfn);
  if (status === 0) {
    vcpu.setUserRoot(userRoot === 0 ? -1 : (userRoot as Mfn));
    return 0;
  }
  vcpu.pv?.dropGdt(types);
  if (userRoot !== 0) types.putPageAndType(userRoot);
  return status;
}

function setTables(pv: PvState, context: GuestContext): void {
  const { word } = context;
  for (let vector = 0; vector < VECTORS; vector++) {
    const { flags, selector, low, high } = context.trap(vector);
    pv.traps.set(vector, flags, fixSelector(selector, word), low, high);
  }
  const flags = context.low('flags');
  const selector = (name: string): number =>
    word === 32 ? fixSelector(context.low(`${name}_callback_cs`) & 0xffff, word) : 0;
  pv.event.set(selector('event'), ...context.halves('event_callback_eip'), true);
  pv.failsafe.set(
    selector('failsafe'),
    ...context.halves('failsafe_callback_eip'),
    (flags & VGCF_failsafe_disables_events) !== 0,
  );
  if (word === 64) {
    const masks = (flags & VGCF_syscall_disables_events) !== 0;
    pv.syscall.set(0, ...context.halves('syscall_callback_eip'), masks);
  }
  pv.kernelSs = fixSelector(context.low('kernel_ss') & 0xffff, word);
  [pv.kernelSpLow, pv.kernelSpHigh] = context.halves('kernel_sp');
}

function setControls(traps: PvTraps, cpu: TrapCpu, context: GuestContext): void {
  const { pv } = traps;
  pv.isTaskSwitched = (context.element('ctrlreg', 0)[0] & CR0_TS) !== 0;
  [pv.cr2Low, pv.cr2High] = context.element('ctrlreg', 2);
  pv.cr4 = PvState.control4(context.element('ctrlreg', 4)[0], controlsOf(traps, cpu));
  pv.ioLevel = (context.pointer('flags')[0] & FLAG_IOPL) >>> 12;
  resetCpu(cpu, pv);
  for (const number of [0, 1, 2, 3, 6, 7]) {
    const [low, high] = context.element('debugreg', number);
    // A value that cannot be is left out.
    if (checkDebug(traps, number, low, high) === 0) setDebug(traps, cpu, number, low, high);
  }
}

function setRegisters(vcpu: Vcpu, traps: PvTraps, cpu: TrapCpu, context: GuestContext): void {
  const { word } = context;
  for (let register = 0; register < GENERAL_REGISTERS; register++) {
    cpu.write(register, ...context.register(register));
  }
  cpu.write(CpuRegister.ip, ...context.pointer('ip'));
  const flags = (context.pointer('flags')[0] & ~FLAG_IOPL) | FLAG_IF;
  cpu.write(CpuRegister.flags, flags >>> 0, 0);
  if ((context.low('flags') & VGCF_i387_valid) !== 0) cpu.loadFloatingPoint(context.floatingPoint);
  const selector = (name: string): number => context.low(`user_regs.${name}`) & 0xffff;
  traps.returnTo(cpu, fixSelector(selector('cs'), word), fixSelector(selector('ss'), word));
  traps.loadSegments(cpu, selector('ds'), selector('es'), selector('fs'), selector('gs'));
  if (word === 64) setBases(vcpu, cpu, context);
}

/** Bases of FS and of both GS: they win over what the selectors' descriptors say. */
function setBases(vcpu: Vcpu, cpu: TrapCpu, context: GuestContext): void {
  const kernel = context.halves('gs_base_kernel');
  const user = context.halves('gs_base_user');
  const { pv } = vcpu;
  if (!pv) return;
  cpu.write(CpuRegister.fsBase, ...context.halves('fs_base'));
  cpu.write(CpuRegister.gsBase, ...(pv.isKernelMode ? kernel : user));
  [pv.inactiveGsLow, pv.inactiveGsHigh] = pv.isKernelMode ? user : kernel;
}

/** Gives the vCPU the state in `context`, which was checked: 0, or what is wrong with its frames (then nothing changed). */
function applyContext(vcpu: Vcpu, traps: PvTraps, cpu: TrapCpu, context: GuestContext): number {
  const { pv } = traps;
  const flags = context.low('flags');
  const status = takeFrames(vcpu, context);
  if (status !== 0) return status;
  pv.isKernelMode = context.word === 32 || (flags & VGCF_in_kernel) !== 0;
  vcpu.ldtEntries = context.low('ldt_ents');
  vcpu.ldtAddress = vcpu.ldtEntries === 0 ? 0 : context.address('ldt_base');
  vcpu.loadPageTables();
  setTables(pv, context);
  setControls(traps, cpu, context);
  setRegisters(vcpu, traps, cpu, context);
  vcpu.isInitialised = true;
  if ((flags & VGCF_online) !== 0) {
    vcpu.isUp = true;
    vcpu.updateTime();
    vcpu.refresh();
  }
  return 0;
}

/**
 * Gives a vCPU its first state, for whoever builds a domain; of the first vCPU also the assists that are switched on.
 * @param bytes a vcpu_guest_context of the domain's word size.
 * @returns 0, or the errno that VCPUOP_initialise would return.
 */
export function initialiseVcpu(vcpu: Vcpu, bytes: Uint8Array): number {
  const { traps, trapCpu: cpu, domain } = vcpu;
  if (!traps || !cpu) return -XEN_ENOSYS;
  const context = new GuestContext(domain.word);
  if (bytes.length !== context.bytes.length || vcpu.isInitialised) return -XEN_EINVAL;
  context.bytes.set(bytes);
  const assists = context.low('vm_assist');
  const mayHave = (type: number): boolean =>
    (assists & (1 << type)) === 0 || isAssist(domain, type);
  const status = Array.from({ length: 32 }, (_, i) => i).every(mayHave)
    ? checkContext(context)
    : -XEN_EINVAL;
  if (status !== 0) return status;
  domain.hypervisor.types.workLeft = Number.POSITIVE_INFINITY;
  const result = applyContext(vcpu, traps, cpu, context);
  for (let type = 0; result === 0 && vcpu.id === 0 && type < 32; type++) {
    if ((assists & (1 << type)) !== 0) domain.assists.add(type);
  }
  return result;
}

/** Argument 2 points to the context; `vcpu` is there. */
export function decodeInitialise(call: HypercallFrame, vcpu: Vcpu): Decoded {
  const { traps, trapCpu: cpu } = vcpu;
  if (vcpu.info === call.hypervisor.dummyVcpuInfo) return -XEN_EINVAL;
  if (!traps || !cpu) return -XEN_ENOSYS;
  const context = new GuestContext(call.word);
  if (!call.vcpu.access.copyFrom(call.pointer(2), context.bytes)) return -XEN_EFAULT;
  if (vcpu.isInitialised) return -XEN_EEXIST;
  const status = checkContext(context);
  return status === 0 ? () => applyContext(vcpu, traps, cpu, context) : status;
}
