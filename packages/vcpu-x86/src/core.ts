// The CPU's architectural core, shared by all tiers and routines: state page, MMU, model, platform, and the bookkeeping that
// follows a change of mode (which interpreter, which TLB set, which traps).
import type { CpuModel } from './cpu-model.js';
import type { FaultRecord } from './exit.js';
import { type CodeWatch, Mmu } from './mmu/mmu.js';
import { PAGING_NONE } from './mmu/page-walk.js';
import { SET_EMPTY, SET_SUPERVISOR, SET_SUPERVISOR_SMAP, SET_USER, Tlb } from './mmu/tlb.js';
import type { CpuPlatform, DescriptorSource, SecondStage, TrapDelivery } from './platform.js';
import type { Mode } from './semantics/shape.js';
import {
  CPL,
  CR0,
  CR3,
  CR4,
  CS,
  DR0,
  DR7,
  DS,
  EFER,
  ES,
  FAULT_ADDRESS,
  FLAGS_OTHER,
  FPU_TRAP,
  INTERRUPT_LINE,
  MODE_KEY,
  NMI_BLOCKED,
  PENDING_INTERRUPT,
  PENDING_MODE,
  PENDING_STEP,
  PLAIN_EVENTS,
  SS,
  SUPERVISOR_GUARDED,
  SUPERVISOR_OPEN,
  SYSTEM_KEY,
  TLB_BASE,
  TLB_GUARDED,
  TLB_OPEN,
  USER_KEY,
  USER_TLB,
} from './state/layout.js';
import { MODE_CLASS_MASK, MODE_GENERATION, MODE_USER } from './state/mode-key.js';
import {
  CR0_AM,
  CR0_EM,
  CR0_MP,
  CR0_PE,
  CR0_TS,
  CR4_OSFXSR,
  EFER_LMA,
  FLAG_AC,
  FLAG_IF,
  FLAG_TF,
  FLAG_VM,
} from './state/register-bits.js';
import { ATTRIBUTE_BIG, ATTRIBUTE_LONG, isFlat } from './state/segments.js';
import type { VcpuState } from './state/vcpu-state.js';

export * from './state/mode-key.js';
export * from './state/register-bits.js';

const GENERATION_MASK = 0x3fffff;

const RECENT_FAULTS = 8;
const NO_FAULT = { vector: 0, errorCode: 0, rip: 0, address: 0 };

/** Records are used again: some guests fault a hundred thousand times. */
type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/**
 * Delivers an event to the CPU whose state page is at `state`: `errorCode` is -1 for none, `flags` go into the pushed image, and with
 * `bySoftware` ≠ 0 the gate's DPL counts. -1: the event is none of the ordinary ones, and nothing has changed.
 */
export type DeliverFast = (
  state: number,
  vector: number,
  errorCode: number,
  flags: number,
  bySoftware: number,
) => number;

export class Core {
  readonly state: VcpuState;
  readonly tlb: Tlb;
  readonly mmu: Mmu;
  readonly platform: CpuPlatform;
  readonly model: CpuModel;
  /** What becomes of events; whoever makes the core sets it. */
  traps!: TrapDelivery;
  /** Generated code for events of the ordinary kind; see semantics/event-fast.ts. */
  deliverFast: DeliverFast = () => -1;
  /** Where descriptors come from instead of the guest's linear memory. */
  descriptors: DescriptorSource | null = null;
  /** Generations of the jump cache: all its entries of an older one are void. The supervisor's, and CPL 3's. */
  private systemGeneration = 0;
  private userGeneration = 0;
  private codeBase = 0;
  /** CR0, CR4, EFER and CR3's halves that the page walk is set up for; at first none. */
  private readonly pagedBy: number[] = [-1, -1, -1, -1, -1];
  /**
   * A paravirtual kernel runs at CPL 3, as its programs do, with other page tables. Its translations of data and code are kept apart
   * from theirs, in the places of the supervisor's, so that neither goes when they take turns. {@link updateMode} after a change.
   */
  guestKernel = false;
  /** The level of INTR, as the interrupt controller drives it. */
  get interruptLine(): boolean {
    return this.state.get(INTERRUPT_LINE) !== 0;
  }
  set interruptLine(level: boolean) {
    this.state.set(INTERRUPT_LINE, level ? 1 : 0);
  }
  /** An NMI is being handled: others wait for IRET. */
  get nmiBlocked(): boolean {
    return this.state.get(NMI_BLOCKED) !== 0;
  }
  set nmiBlocked(blocked: boolean) {
    this.state.set(NMI_BLOCKED, blocked ? 1 : 0);
  }
  /** The event being delivered is a fault (restarts its instruction, pushes RF), not a trap. */
  isFault = true;
  /** The running instruction entered a handler (INT n) or masked TF (SYSCALL): no single-step trap follows it. */
  noStepTrap = false;
  /** Faults met lately, newest last; at most {@link RECENT_FAULTS}. For the message about a crash. */
  readonly recentFaults: Mutable<FaultRecord>[] = [];
  /** DR6 bits of the data breakpoints that the running instruction met. */
  dataBreakpoints = 0;
  /** The jump cache holds entries of a generation that comes again: it must be cleared. */
  onGenerationWrap: () => void = () => {};

  constructor(
    state: VcpuState,
    tlbBase: number,
    model: CpuModel,
    platform: CpuPlatform,
    stage: SecondStage,
    code: CodeWatch,
  ) {
    this.state = state;
    this.model = model;
    this.platform = platform;
    this.tlb = new Tlb(state.memory, tlbBase);
    this.mmu = new Mmu(state, this.tlb, stage, platform, code);
  }

  get cr0(): number {
    return this.state.get(CR0);
  }
  get cr4(): number {
    return this.state.get(CR4);
  }
  get efer(): number {
    return this.state.get(EFER);
  }
  get cpl(): number {
    return this.state.get(CPL);
  }
  /** CR0.PE set and EFLAGS.VM clear. */
  get protectedMode(): boolean {
    return (this.cr0 & CR0_PE) !== 0 && (this.state.get(FLAGS_OTHER) & FLAG_VM) === 0;
  }
  get virtual8086(): boolean {
    return (this.cr0 & CR0_PE) !== 0 && (this.state.get(FLAGS_OTHER) & FLAG_VM) !== 0;
  }
  /** IA-32e mode is active. */
  get longMode(): boolean {
    return (this.efer & EFER_LMA) !== 0;
  }
  /** 64-bit mode: IA-32e mode and CS.L. */
  get mode64(): boolean {
    return this.longMode && (this.state.segmentAttributes(CS) & ATTRIBUTE_LONG) !== 0;
  }

  /** The mode class of MODE_KEY as generated code is specialised on it. */
  static modeOf(key: number): Mode {
    const size = (n: number): 16 | 32 | 64 => (n === 0 ? 16 : n === 1 ? 32 : 64);
    return { bits: size(key & 3), stackBits: size((key >> 2) & 3), flat: (key & 16) !== 0 };
  }

  /** Translations of a paravirtual kernel, or of its programs, go; those of the other half stay. */
  flushHalf(kernel: boolean): void {
    this.tlb.flushSet(kernel ? SET_SUPERVISOR : SET_USER, !kernel);
    if (kernel) {
      this.mmu.dataSlots.clear();
      this.forgetSystemJumps();
    } else this.forgetUserJumps();
  }
  /**
   * A paravirtual kernel goes over to the tables of `root`, or flushes those that it has: translations of its programs' memory go. Its
   * own code and data stay where they were if the entries of the root that lead there are the same ones.
   */
  changeKernelRoot(root: number): void {
    const { dataSlots, codeSlots } = this.mmu;
    const isSame = dataSlots.areIn(root);
    this.tlb.flushSet(SET_SUPERVISOR, isSame);
    if (!isSame) dataSlots.clear();
    if (this.mmu.untoldSystemCode || !codeSlots.areIn(root)) this.forgetSystemJumps();
    this.flushHalf(false);
  }
  /** A paravirtual kernel maps the machine frame at `host` no more, where it could execute it, or may no longer do that. */
  forgetCodeFrame(host: number): void {
    this.tlb.forgetFrame(host);
    if (this.tlb.code.hasSystemCode(host)) this.forgetSystemJumps();
  }
  /** Every cached linear translation of code goes (entries are found again through the page tables). */
  forgetJumps(): void {
    this.forgetSystemJumps();
    this.forgetUserJumps();
  }
  private forgetSystemJumps(): void {
    this.mmu.systemCode.clear();
    this.tlb.code.forgetSystem();
    this.mmu.codeSlots.clear();
    this.mmu.localSystemCode = this.mmu.untoldSystemCode = false;
    this.systemGeneration = (this.systemGeneration + 1) & GENERATION_MASK;
    if (this.systemGeneration === 0) this.onGenerationWrap();
    const { state } = this;
    state.set(MODE_KEY, this.keyed(state.get(MODE_KEY) & (MODE_GENERATION - 1)));
  }
  private forgetUserJumps(): void {
    this.mmu.userCode.clear();
    this.tlb.code.forgetUser();
    this.userGeneration = (this.userGeneration + 1) & GENERATION_MASK;
    if (this.userGeneration === 0) this.onGenerationWrap();
    const { state } = this;
    state.set(MODE_KEY, this.keyed(state.get(MODE_KEY) & (MODE_GENERATION - 1)));
  }
  private keyed(mode: number): number {
    const { state } = this;
    state.set(SYSTEM_KEY, this.systemGeneration * MODE_GENERATION);
    state.set(USER_KEY, this.userGeneration * MODE_GENERATION);
    return mode | state.get((mode & MODE_USER) !== 0 ? USER_KEY : SYSTEM_KEY);
  }
  /** Forgets translations, of global pages too unless `keepGlobal`. */
  flushTlb(keepGlobal: boolean): void {
    this.tlb.flush(keepGlobal);
    if (keepGlobal && !this.mmu.localSystemCode) this.forgetUserJumps();
    else this.forgetJumps();
  }
  flushPage(linear: number): void {
    this.tlb.flushPage(linear);
    if (this.mmu.systemCode.covers(linear)) this.forgetJumps();
    else if (this.mmu.userCode.covers(linear)) this.forgetUserJumps();
  }

  /** What follows from the control registers alone: most changes of mode leave them as they were. */
  private updatePaging(cr0: number, cr4: number, efer: number, cr3: number, cr3High: number): void {
    const { pagedBy, mmu } = this;
    pagedBy[0] = cr0;
    pagedBy[1] = cr4;
    pagedBy[2] = efer;
    pagedBy[3] = cr3;
    pagedBy[4] = cr3High;
    mmu.walk.setControl(cr0, cr4, efer, cr3, cr3High);
    mmu.longMode = (efer & EFER_LMA) !== 0;
    const osfxsr = (cr4 & CR4_OSFXSR) !== 0;
    const em = (cr0 & CR0_EM) !== 0;
    const ts = (cr0 & CR0_TS) !== 0;
    this.state.set(
      FPU_TRAP,
      (em || ts ? 1 : 0) |
        (ts && (cr0 & CR0_MP) !== 0 ? 2 : 0) |
        (ts ? 4 : 0) |
        (em ? 8 : 0) |
        (em || !osfxsr ? 16 : 0),
    );
  }

  /**
   * Recomputes everything that follows from CR0, CR3, CR4, EFER, CPL, segments and EFLAGS.VM/AC. Call after any of them changed.
   * Does not flush the TLB (control-register writes do, by the SDM's rules, through {@link flushTlb}).
   */
  updateMode(): void {
    const { state, mmu } = this;
    const cr0 = this.cr0;
    const cr4 = this.cr4;
    const efer = this.efer;
    const flags = state.get(FLAGS_OTHER);
    const cpl = state.get(CPL);
    const long = (efer & EFER_LMA) !== 0;
    const cr3 = state.get(CR3);
    const cr3High = state.get(CR3 + 4);
    if (
      cr0 !== this.pagedBy[0] ||
      cr4 !== this.pagedBy[1] ||
      efer !== this.pagedBy[2] ||
      cr3 !== this.pagedBy[3] ||
      cr3High !== this.pagedBy[4]
    )
      this.updatePaging(cr0, cr4, efer, cr3, cr3High);
    mmu.alignmentCheck = cpl === 3 && (cr0 & CR0_AM) !== 0 && (flags & FLAG_AC) !== 0;
    const asUser = cpl === 3 && !this.guestKernel;
    mmu.userSet = this.guestKernel ? SET_SUPERVISOR : SET_USER;
    this.updateSets(cpl);
    state.set(PLAIN_EVENTS, this.hasPlainEvents ? 1 : 0);
    const cs = state.segmentAttributes(CS);
    const is64 = long && (cs & ATTRIBUTE_LONG) !== 0;
    const code = is64 ? 2 : (cs & ATTRIBUTE_BIG) !== 0 ? 1 : 0;
    const stack = is64 ? 2 : (state.segmentAttributes(SS) & ATTRIBUTE_BIG) !== 0 ? 1 : 0;
    const flat =
      is64 ||
      (isFlat(state, DS, true) &&
        isFlat(state, SS, true) &&
        isFlat(state, ES, true) &&
        isFlat(state, CS, false));
    const base = is64 ? 0 : state.segmentBase(CS);
    const old = state.get(MODE_KEY);
    const key = code | (stack << 2) | (flat ? 16 : 0) | (asUser ? MODE_USER : 0);
    state.set(MODE_KEY, this.keyed(key));
    if (((old ^ key) & MODE_CLASS_MASK) !== 0) state.addPending(PENDING_MODE);
    if ((flags & FLAG_TF) !== 0 || this.breakpointsEnabled) state.addPending(PENDING_STEP);
    // The jump cache is keyed by rIP: its entries are wrong under another code base.
    if (base !== this.codeBase) {
      this.codeBase = base;
      this.forgetJumps();
    }
  }

  /** The sets of the TLB that accesses look into: by level, SMAP, EFLAGS.AC, and whose tables are in use. */
  private updateSets(cpl: number): void {
    const { state, mmu, tlb } = this;
    const { walk } = mmu;
    const slow = mmu.alignmentCheck || mmu.watch !== null;
    const guarded = walk.smap && walk.paging !== PAGING_NONE ? SET_SUPERVISOR_SMAP : SET_SUPERVISOR;
    const open = cpl === 3 ? mmu.userSet : SET_SUPERVISOR;
    const whenOpen = tlb.setBase(slow ? SET_EMPTY : open);
    const whenGuarded = tlb.setBase(slow ? SET_EMPTY : cpl === 3 ? open : guarded);
    state.set(SUPERVISOR_OPEN, tlb.setBase(SET_SUPERVISOR));
    state.set(SUPERVISOR_GUARDED, tlb.setBase(guarded));
    state.set(USER_TLB, tlb.setBase(mmu.userSet));
    state.set(TLB_OPEN, whenOpen);
    state.set(TLB_GUARDED, whenGuarded);
    state.set(TLB_BASE, (state.get(FLAGS_OTHER) & FLAG_AC) !== 0 ? whenOpen : whenGuarded);
  }
  /**
   * The kernel of a 64-bit paravirtual guest, or its programs, go on with the tables of `root`, where the CPU has run with both before:
   * what {@link updateMode} would find, as nothing else changes.
   */
  switchHalf(root: number, asKernel: boolean): void {
    const { state, mmu, pagedBy } = this;
    state.set64(CR3, root);
    pagedBy[3] = state.get(CR3);
    pagedBy[4] = state.get(CR3 + 4);
    mmu.walk.root = root;
    this.guestKernel = asKernel;
    mmu.userSet = asKernel ? SET_SUPERVISOR : SET_USER;
    this.updateSets(3);
    const key = state.get(MODE_KEY) & MODE_CLASS_MASK;
    state.set(MODE_KEY, this.keyed(asKernel ? key : key | MODE_USER));
  }

  private get hasPlainEvents(): boolean {
    const isOwn = this.traps.usesTables && this.descriptors === null && !this.guestKernel;
    return isOwn && this.mmu.watch === null && !this.breakpointsEnabled;
  }

  /** Keeps a fault of the instruction at rIP, or of its delivery, for messages. */
  noteFault(vector: number, errorCode: number): void {
    const { recentFaults, state } = this;
    const isFull = recentFaults.length >= RECENT_FAULTS;
    const record = (isFull && recentFaults.shift()) || { ...NO_FAULT };
    record.vector = vector;
    record.errorCode = errorCode;
    record.rip = state.rip;
    record.address = state.getF64(FAULT_ADDRESS);
    recentFaults.push(record);
  }
  /** Makes the run loop look at INTR when it may be taken. Call after INTR rose or IF was set. */
  noticeInterrupt(): void {
    if (this.interruptLine && (this.state.get(FLAGS_OTHER) & FLAG_IF) !== 0)
      this.state.addPending(PENDING_INTERRUPT);
  }
  /** Linear address of an instruction pointer. */
  codeLinear(rip: number): number {
    return this.mmu.wrap(this.codeBase + rip);
  }
  /** DR6 bits of the enabled instruction breakpoints at a linear address. */
  instructionBreakpoint(linear: number): number {
    const { state } = this;
    const dr7 = state.get(DR7);
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      const enabled = (dr7 & (3 << (i * 2))) !== 0 && ((dr7 >>> (16 + i * 4)) & 3) === 0;
      if (enabled && state.get64(DR0 + i * 8) === linear) hits |= 1 << i;
    }
    return hits;
  }
  /** DR7 enables some breakpoint. */
  get breakpointsEnabled(): boolean {
    return (this.state.get(DR7) & 0xff) !== 0;
  }
}

/** A TypeScript routine that semantics call by name; i32 arguments, result ≥ 0, or a throw of CPU_FAULT. */
export type Routine = (core: Core, ...args: number[]) => number;
