// Memory as the CPU sees it: linear addresses through the page walk and the second stage to frames or devices; the slow path
// behind every inline TLB probe, and the accesses of routines. Values wider than 32 bits pass through SCRATCH.
// @hot
import type { Gfn, Gpa } from '@proxeny/memory';
import { CPU_FAULT } from '../fault.js';
import type { CpuPlatform, SecondStage, StoreEmulation } from '../platform.js';
import { CPL, FLAGS_OTHER, SCRATCH } from '../state/layout.js';
import { FLAG_AC } from '../state/register-bits.js';
import type { VcpuState } from '../state/vcpu-state.js';
import { PageMarks } from './page-marks.js';
import {
  ACCESS_EXECUTE,
  ACCESS_READ,
  ACCESS_WRITE,
  PAGING_LONG,
  PAGING_NONE,
  PageWalk,
  pageOffset,
} from './page-walk.js';
import { RootSlots } from './root-slots.js';
import { SET_SUPERVISOR, SET_SUPERVISOR_SMAP, SET_USER, type Tlb } from './tlb.js';

const TWO32 = 4294967296;
const CANONICAL_LIMIT = 2 ** 47;
const SS_SLOT = 2 * 32;
/** {@link Mmu.translate}'s answer for a page that no frame backs. */
const DEVICE = -1;
const FAULT = -2;

/** Who must know when a frame that holds translated code is written. */
export interface CodeWatch {
  /** Does the machine frame hold translated code? */
  holdsCode(mfn: number): boolean;
  /** Bytes [from, from + length) of machine memory were or are about to be written. */
  written(from: number, length: number): void;
}

export class Mmu {
  readonly state: VcpuState;
  readonly tlb: Tlb;
  readonly walk: PageWalk;
  private readonly stage: SecondStage;
  private readonly platform: CpuPlatform;
  private readonly code: CodeWatch;
  /** A20 gate: ANDed to every physical address. */
  private a20Open = true;
  /** EFLAGS.AC, CR0.AM and CPL 3: accesses must be aligned. */
  alignmentCheck = false;
  /** Called on every data access of the slow path while DR7 watches data (the TLB set in use is then the empty one). */
  watch: ((linear: number, size: number, write: boolean) => void) | null = null;
  /** Takes stores to read-only pages, if somebody does. */
  stores: StoreEmulation | null = null;
  /** The TLB set of CPL 3. A kernel that runs there too has page tables and a set of its own: {@link Core.guestKernel}. */
  userSet: number = SET_USER;
  /** Guest-physical address behind the last {@link translate}. */
  private physical = 0;

  constructor(
    state: VcpuState,
    tlb: Tlb,
    stage: SecondStage,
    platform: CpuPlatform,
    code: CodeWatch,
  ) {
    this.state = state;
    this.tlb = tlb;
    this.stage = stage;
    this.platform = platform;
    this.code = code;
    this.walk = new PageWalk(this);
  }

  get a20(): boolean {
    return this.a20Open;
  }
  /** Opens or closes the A20 gate; cached translations go. */
  set a20(open: boolean) {
    this.a20Open = open;
    this.tlb.flush(false);
  }

  private gate(physical: number): number {
    if (this.a20Open || (Math.floor(physical / 0x100000) & 1) === 0) return physical;
    return physical - 0x100000;
  }
  /** Machine address of a guest-physical one, or -1 for devices. */
  private hostOf(physical: number, write: boolean): number {
    const at = this.gate(physical);
    const gfn = Math.floor(at / 4096);
    const mfn = this.stage.mfnOf(gfn as Gfn, write);
    return mfn < 0 ? -1 : mfn * 4096 + (at - gfn * 4096);
  }

  // Physical accesses (page tables; also whoever needs guest-physical words)
  readPhysical32(at: number): number {
    const host = this.hostOf(at, false);
    return host < 0 ? -1 : this.state.i32[host >>> 2];
  }
  physicalHigh = 0;
  readPhysical64(at: number): number {
    const host = this.hostOf(at, false);
    this.physicalHigh = host < 0 ? -1 : this.state.i32[(host >>> 2) + 1];
    return host < 0 ? -1 : this.state.i32[host >>> 2];
  }
  writePhysical32(at: number, value: number): void {
    const host = this.hostOf(at, true);
    if (host < 0) return;
    this.state.i32[host >>> 2] = value;
    if (this.code.holdsCode(host >>> 12)) this.code.written(host, 4);
  }

  private canonical(linear: number): boolean {
    return (
      this.walk.paging !== PAGING_LONG || (linear >= -CANONICAL_LIMIT && linear < CANONICAL_LIMIT)
    );
  }

  /** The supervisor's data accesses may not touch user pages (SDM vol. 3A §4.6): STAC and CLAC change it without a routine. */
  get smapActive(): boolean {
    const { walk } = this;
    return (
      walk.smap && walk.paging !== PAGING_NONE && (this.state.get(FLAGS_OTHER) & FLAG_AC) === 0
    );
  }
  /** Host address of one byte's page-contained access to data, DEVICE (`physical` holds) or FAULT (recorded). Fills the TLB. */
  private translate(linear: number, access: number, user: boolean): number {
    const { walk, state, tlb } = this;
    const offset = pageOffset(linear);
    const page = linear - offset;
    walk.smapActive = this.smapActive;
    const set = user ? this.userSet : walk.smapActive ? SET_SUPERVISOR_SMAP : SET_SUPERVISOR;
    const known = tlb.recall(set, page, access === ACCESS_WRITE);
    if (known >= 0) return known + offset;
    if (!walk.walk(linear, access, user)) {
      state.pageFault(walk.error, linear);
      return FAULT;
    }
    const physical = walk.page + offset;
    this.physical = this.gate(physical);
    const host = this.hostOf(walk.page, access === ACCESS_WRITE);
    if (host < 0) return DEVICE;
    let writeHost = walk.writable && walk.dirty ? host : -1;
    if (writeHost >= 0 && access !== ACCESS_WRITE) writeHost = this.hostOf(walk.page, true);
    const writable = writeHost === host && !this.code.holdsCode(host >>> 12);
    const lasts = walk.global || (user && this.isKernelsOwn(linear));
    if (lasts && !walk.global) this.dataSlots.note(walk.root, linear);
    tlb.fill(set, page, host, writable, lasts, walk.size);
    return host + offset;
  }

  /**
   * Does the translation just found last from one root of a paravirtual kernel to the next, if that has the same entry for it? In the
   * upper half, where the hypervisor did not mark the page as user mode's (by its G bit), and tells when it is unmapped.
   */
  private isKernelsOwn(linear: number): boolean {
    const { walk } = this;
    if (this.userSet === SET_USER || linear >= 0 || walk.isMarkedGlobal) return false;
    return walk.paging === PAGING_LONG;
  }
  /** What the lasting translations of a paravirtual kernel's data hang on. */
  readonly dataSlots: RootSlots = new RootSlots(this);

  /** Pages that {@link translateCode} found: whoever keeps its answers must forget them when one of these is invalidated. */
  readonly userCode: PageMarks = new PageMarks();
  readonly systemCode: PageMarks = new PageMarks();
  /** What those of the supervisor hang on, in 4-level paging. */
  readonly codeSlots: RootSlots = new RootSlots(this);
  /** Some of the supervisor's were not global; and none of a paravirtual kernel's own, of whose end the hypervisor would tell. */
  localSystemCode = false;
  untoldSystemCode = false;

  /** Machine address of the code byte at `linear`; -1: fault recorded; -2: not in RAM (`physical` holds its address). */
  translateCode(linear: number, user: boolean): number {
    if (!this.canonical(linear)) return this.state.fault(13, 0);
    const { walk, tlb } = this;
    const asUser = user && this.userSet === SET_USER;
    const known = tlb.code.find(linear, user, asUser);
    if (known >= 0) return known;
    if (!walk.walk(linear, ACCESS_EXECUTE, user)) return this.state.pageFault(walk.error, linear);
    if (asUser) this.userCode.mark(linear, walk.size);
    else {
      this.systemCode.mark(linear, walk.size);
      if (!walk.global) this.localSystemCode = true;
      if (!this.isKernelsOwn(linear)) this.untoldSystemCode = true;
      if (walk.paging === PAGING_LONG) this.codeSlots.note(walk.root, linear);
    }
    const host = this.hostOf(walk.page, false);
    if (host < 0) return -2;
    tlb.code.note(linear, host, user, asUser);
    return host + pageOffset(linear);
  }

  /** Machine address of the byte at `linear` for somebody who acts for the supervisor; -1: none. Records no fault. */
  translateFor(linear: number, isWrite: boolean): number {
    if (!this.canonical(linear)) return -1;
    const { walk } = this;
    const { smapActive } = walk;
    walk.smapActive = false;
    const isThere = walk.walk(linear, isWrite ? ACCESS_WRITE : ACCESS_READ, false);
    walk.smapActive = smapActive;
    if (!isThere) return -1;
    const host = this.hostOf(walk.page, isWrite);
    return host < 0 ? -1 : host + pageOffset(linear);
  }

  /** Wraps a linear address as the mode does: 32 bits outside of long mode. */
  wrap(linear: number): number {
    if (this.longMode) return linear;
    return linear >= 0 && linear < TWO32 ? linear : linear - Math.floor(linear / TWO32) * TWO32;
  }
  /** IA-32e mode is active (compatibility mode included): linear addresses are canonical, not 32 bits wide. */
  longMode = false;

  /** Accesses of generated code that the TLB did not answer. */
  slowAccesses = 0;

  // The slow paths of generated code. `info`: bits | segment slot << 8. Result 0, or -1 with a recorded fault.
  readSlow(linear: number, info: number): number {
    const size = (info & 0xff) >> 3;
    if (!this.check(linear, size, info, false)) return -1;
    return this.readPieces(linear, size, this.state.get(CPL) === 3);
  }
  /** A read whose page must be writable too (read-modify-write). */
  updateSlow(linear: number, info: number): number {
    const size = (info & 0xff) >> 3;
    const user = this.state.get(CPL) === 3;
    if (!this.check(linear, size, info, true)) return -1;
    if (this.translate(linear, ACCESS_WRITE, user) === FAULT && !this.isEmulated(linear, size))
      return -1;
    const first = 4096 - pageOffset(linear);
    if (first < size && this.translate(this.wrap(linear + first), ACCESS_WRITE, user) === FAULT)
      return -1;
    return this.readPieces(linear, size, user);
  }
  writeSlow(linear: number, info: number): number {
    const size = (info & 0xff) >> 3;
    if (!this.check(linear, size, info, true)) return -1;
    return this.writePieces(linear, size, this.state.get(CPL) === 3);
  }
  private check(linear: number, size: number, info: number, write: boolean): boolean {
    this.slowAccesses++;
    if (this.longMode && !(this.canonical(linear) && this.canonical(linear + size - 1))) {
      this.state.fault(info >> 8 === SS_SLOT ? 12 : 13, 0);
      return false;
    }
    if (this.alignmentCheck && size > 1 && size <= 8 && linear % size !== 0) {
      this.state.fault(17, 0);
      return false;
    }
    if (this.watch !== null) this.watch(linear, size, write);
    return true;
  }

  /** Reads `size` bytes at `linear` into SCRATCH. */
  private readPieces(linear: number, size: number, user: boolean): number {
    const first = Math.min(size, 4096 - pageOffset(linear));
    if (first === size) return this.readPiece(linear, 0, size, user);
    return this.readPiece(linear, 0, first, user) < 0
      ? -1
      : this.readPiece(this.wrap(linear + first), first, size - first, user);
  }
  private readPiece(linear: number, at: number, size: number, user: boolean): number {
    const { state } = this;
    const host = this.translate(linear, ACCESS_READ, user);
    if (host === FAULT) return -1;
    const to = state.base + SCRATCH + at;
    if (host >= 0) {
      for (let i = 0; i < size; i++) state.u8[to + i] = state.u8[host + i];
      return 0;
    }
    const { physical } = this;
    for (let i = 0; i < size; ) {
      const n = size - i >= 4 && (at & 3) === 0 ? 4 : size - i >= 2 && (at & 1) === 0 ? 2 : 1;
      const v = this.platform.mmioRead((physical + i) as Gpa, n);
      for (let k = 0; k < n; k++) state.u8[to + i + k] = v >>> (k * 8);
      i += n;
    }
    return 0;
  }

  /** Writes `size` bytes from SCRATCH to `linear`; a fault anywhere leaves memory unchanged. */
  private writePieces(linear: number, size: number, user: boolean): number {
    const first = Math.min(size, 4096 - pageOffset(linear));
    if (first < size) {
      if (this.translate(linear, ACCESS_WRITE, user) === FAULT) return -1;
      if (this.translate(this.wrap(linear + first), ACCESS_WRITE, user) === FAULT) return -1;
      this.writePiece(linear, 0, first, user);
      return this.writePiece(this.wrap(linear + first), first, size - first, user);
    }
    return this.writePiece(linear, 0, size, user);
  }
  private writePiece(linear: number, at: number, size: number, user: boolean): number {
    const { state } = this;
    const host = this.translate(linear, ACCESS_WRITE, user);
    if (host === FAULT) return at === 0 && this.emulate(linear, size) ? 0 : -1;
    const from = state.base + SCRATCH + at;
    if (host >= 0) {
      for (let i = 0; i < size; i++) state.u8[host + i] = state.u8[from + i];
      if (this.code.holdsCode(host >>> 12)) this.code.written(host, size);
      return 0;
    }
    const { physical } = this;
    for (let i = 0; i < size; ) {
      const n = size - i >= 4 && (at & 3) === 0 ? 4 : size - i >= 2 && (at & 1) === 0 ? 2 : 1;
      let v = 0;
      for (let k = 0; k < n; k++) v |= state.u8[from + i + k] << (k * 8);
      this.platform.mmioWrite((physical + i) as Gpa, n, v >>> 0);
      i += n;
    }
    return 0;
  }

  /** The walk for writing failed: the page is there, and somebody may take the store in place of the guest's #PF. */
  private isEmulated(linear: number, size: number): boolean {
    return this.stores !== null && (this.walk.error & 9) === 1 && this.stores.accepts(linear, size);
  }
  /** The same, with the store in SCRATCH done. */
  private emulate(linear: number, size: number): boolean {
    if (!this.isEmulated(linear, size)) return false;
    const { state } = this;
    const error = this.walk.error;
    const high = size === 8 ? state.get(SCRATCH + 4) : 0;
    if ((this.stores as StoreEmulation).store(linear, size, state.get(SCRATCH), high)) return true;
    state.pageFault(error, linear);
    return false;
  }

  // Accesses of routines: linear address after segmentation; `user`: as CPL 3, else as the supervisor (descriptor tables, TSS).
  // A fault abandons the instruction by throwing CPU_FAULT, already recorded.
  private readRoutine(linear: number, size: number, user: boolean): void {
    const at = this.wrap(linear);
    if (!this.check(at, size, 0, false) || this.readPieces(at, size, user) < 0) throw CPU_FAULT;
  }
  private writeRoutine(linear: number, size: number, user: boolean): void {
    const at = this.wrap(linear);
    if (!this.check(at, size, 0, true) || this.writePieces(at, size, user) < 0) throw CPU_FAULT;
  }
  readU8(linear: number, user: boolean): number {
    this.readRoutine(linear, 1, user);
    return this.state.getU8(SCRATCH);
  }
  readU16(linear: number, user: boolean): number {
    this.readRoutine(linear, 2, user);
    return this.state.getU16(SCRATCH);
  }
  /** Unsigned. */
  readU32(linear: number, user: boolean): number {
    this.readRoutine(linear, 4, user);
    return this.state.getU(SCRATCH);
  }
  /** Signed 64 bits as a double (exact when canonical); the halves stay in SCRATCH. */
  read64(linear: number, user: boolean): number {
    this.readRoutine(linear, 8, user);
    return this.state.get64(SCRATCH);
  }
  writeU8(linear: number, value: number, user: boolean): void {
    this.state.setU8(SCRATCH, value);
    this.writeRoutine(linear, 1, user);
  }
  writeU16(linear: number, value: number, user: boolean): void {
    this.state.setU16(SCRATCH, value);
    this.writeRoutine(linear, 2, user);
  }
  writeU32(linear: number, value: number, user: boolean): void {
    this.state.set(SCRATCH, value);
    this.writeRoutine(linear, 4, user);
  }
  write64(linear: number, value: number, user: boolean): void {
    this.state.set64(SCRATCH, value);
    this.writeRoutine(linear, 8, user);
  }
  write64Halves(linear: number, low: number, high: number, user: boolean): void {
    this.state.setHalves(SCRATCH, low, high);
    this.writeRoutine(linear, 8, user);
  }
  /** Checks that [linear, linear + size) can be written (or read), so that a later access cannot fault. */
  probe(linear: number, size: number, write: boolean, user: boolean): void {
    const access = write ? ACCESS_WRITE : ACCESS_READ;
    for (let at = linear; at < linear + size; at += 4096 - pageOffset(at)) {
      if (this.longMode && !this.canonical(at)) {
        this.state.fault(13, 0);
        throw CPU_FAULT;
      }
      if (this.translate(this.wrap(at), access, user) === FAULT) throw CPU_FAULT;
    }
  }
  /** Machine address of `linear` for a bulk access inside its page, or -1 when only the slow path may touch it (device, code for writing); faults throw. */
  bulkHost(linear: number, write: boolean, user: boolean): number {
    if (this.watch !== null || this.alignmentCheck || (this.longMode && !this.canonical(linear)))
      return -1;
    const host = this.translate(linear, write ? ACCESS_WRITE : ACCESS_READ, user);
    if (host === FAULT) {
      if (write && this.isEmulated(linear, 1)) return -1;
      throw CPU_FAULT;
    }
    return host < 0 || (write && this.code.holdsCode(host >>> 12)) ? -1 : host;
  }
}
