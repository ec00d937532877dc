// Bytes → records: decodes from an instruction pointer to the end of the block (a jump, the page's end, a fixed count) and writes
// one record per instruction into the block cache.
// @hot

import { CompileTimes } from '../compile-times.js';
import type { Core } from '../core.js';
import { DECODE_TOO_LONG, DECODE_TRUNCATED, decode } from '../isa/decode.js';
import type { FeatureGate } from '../isa/feature-gate.js';
import { Instruction } from '../isa/instruction.js';
import { pageOffset } from '../mmu/page-walk.js';
import { RECORD } from '../semantics/binding.js';
import { bindFields, Fields } from '../semantics/shape.js';
import { CS } from '../state/layout.js';
import { type BlockCache, HANDLER_LEAVE } from './block-cache.js';
import type { HandlerSet } from './handler-set.js';

export const MAX_BLOCK_INSTRUCTIONS = 64;
const MAX_RECORD = 24;
const LIMIT_FAULT = -4;
const FETCH_FAULT = -5;

export class Translator {
  private readonly core: Core;
  private readonly cache: BlockCache;
  private readonly gate: FeatureGate;
  private readonly times: CompileTimes;
  private readonly instruction = new Instruction();
  private readonly fields = new Fields();
  /** An instruction's bytes when it crosses into the next page. */
  private readonly straddle = new Uint8Array(32);
  private second = 0;

  constructor(
    core: Core,
    cache: BlockCache,
    gate: FeatureGate,
    times: CompileTimes = new CompileTimes(),
  ) {
    this.core = core;
    this.cache = cache;
    this.gate = gate;
    this.times = times;
  }

  /**
   * The block at the current rIP: from the cache, or translated. 0: a fault is recorded.
   * @param limit most instructions; with 1 the block stays out of the cache (single steps)
   */
  block(handlers: HandlerSet, modeClass: number, limit: number): number {
    const { core } = this;
    const rip = core.state.rip;
    const linear = core.codeLinear(rip);
    const user = core.cpl === 3;
    const host = core.mmu.translateCode(linear, user);
    if (host < 0) {
      if (host === -2) core.state.fault(6, -1);
      return 0;
    }
    const checked = core.mmu.longMode ? false : core.state.segmentLimit(CS) !== 0xffffffff;
    if (limit > 1) {
      const found = this.cache.lookup(host, modeClass);
      if (
        found !== 0 &&
        this.valid(found, linear, user) &&
        (!checked || this.withinLimit(found, rip))
      )
        return found;
    }
    const before = this.times.enter('decode');
    const rec = this.translate(handlers, modeClass, limit, rip, linear, host, user, checked);
    this.times.enter(before);
    return rec;
  }

  private valid(rec: number, linear: number, user: boolean): boolean {
    const second = this.cache.secondPage(rec);
    if (second === 0) return true;
    const next = linear - pageOffset(linear) + 4096;
    return this.core.mmu.translateCode(this.core.mmu.wrap(next), user) === second;
  }
  private withinLimit(rec: number, rip: number): boolean {
    return rip + this.cache.codeBytes(rec) - 1 <= this.core.state.segmentLimit(CS);
  }

  private translate(
    handlers: HandlerSet,
    modeClass: number,
    limit: number,
    rip: number,
    linear: number,
    host: number,
    user: boolean,
    checked: boolean,
  ): number {
    const { core, cache, instruction, fields } = this;
    const { u8 } = core.state;
    const pageEnd = host - pageOffset(host) + 4096;
    const csLimit = checked ? core.state.segmentLimit(CS) : Infinity;
    const rec = cache.reserve((MAX_BLOCK_INSTRUCTIONS + 1) * MAX_RECORD);
    let at = rec;
    let offset = 0;
    let count = 0;
    let ended = false;
    this.second = 0;
    while (count < limit && !ended) {
      const from = host + offset;
      if (from >= pageEnd) break;
      let length = decode(u8, from, pageEnd, handlers.mode.bits, this.gate, instruction);
      if (length === DECODE_TRUNCATED) {
        // It reaches into the next page; only the first instruction may fault on that.
        if (count > 0 && limit > 1) break;
        length = this.decodeAcross(handlers, linear, from, pageEnd, user);
        ended = true;
      }
      if (length > 0 && rip + offset + length - 1 > csLimit) length = LIMIT_FAULT;
      if (length < 0) {
        if (count > 0) break;
        if (length === FETCH_FAULT) return 0;
        if (length === DECODE_TOO_LONG || length === LIMIT_FAULT) core.state.fault(13, 0);
        else core.state.fault(6, -1);
        return 0;
      }
      const handler = handlers.handlerOf(instruction);
      offset += length;
      bindFields(instruction, handlers.mode, fields, offset);
      this.write(at, handler, offset, handlers.sizes[handler], handlers.isDirectBranch(handler));
      at += handlers.sizes[handler];
      count++;
      if (handlers.endsBlock(handler)) ended = true;
    }
    this.writeLeave(at, offset);
    at += 16;
    if (limit > 1) cache.insert(host, modeClass, rec, at - rec, count, offset, this.second);
    else cache.describe(rec, count, modeClass, offset);
    return rec;
  }

  /** Decodes an instruction whose bytes continue on the next page. */
  private decodeAcross(
    handlers: HandlerSet,
    linear: number,
    from: number,
    pageEnd: number,
    user: boolean,
  ): number {
    const { core, straddle, instruction } = this;
    const { u8 } = core.state;
    const here = pageEnd - from;
    const next = linear - pageOffset(linear) + 4096;
    const host = core.mmu.translateCode(core.mmu.wrap(next), user);
    if (host < 0) {
      if (host === -2) core.state.fault(6, -1);
      return FETCH_FAULT;
    }
    for (let i = 0; i < here; i++) straddle[i] = u8[from + i];
    for (let i = here; i < 16; i++) straddle[i] = u8[host + i - here];
    this.second = host;
    return decode(straddle, 0, 16, handlers.mode.bits, this.gate, instruction);
  }

  private write(
    at: number,
    handler: number,
    nextOffset: number,
    size: number,
    direct: boolean,
  ): void {
    const { state } = this.core;
    const f = this.fields;
    const { u8 } = state;
    const w = at >> 2;
    state.u16[at >> 1] = handler;
    state.u16[(at + RECORD.nextOffset) >> 1] = nextOffset;
    u8[at + RECORD.length] = f.length;
    u8[at + RECORD.reg] = f.reg;
    u8[at + RECORD.rm] = f.rm;
    state.i32[w + (RECORD.immLow >> 2)] = f.immLow;
    state.i32[w + (RECORD.immHigh >> 2)] = direct ? 0 : f.immHigh;
    if (size === 16) return;
    // No instruction has both a second immediate and a displacement.
    state.i32[w + (RECORD.disp >> 2)] = f.disp | f.imm2;
    u8[at + RECORD.base] = f.base;
    u8[at + RECORD.index] = f.index;
    u8[at + RECORD.scale] = f.scale;
    u8[at + RECORD.segment] = f.segment;
  }
  private writeLeave(at: number, nextOffset: number): void {
    const { state } = this.core;
    state.u16[at >> 1] = HANDLER_LEAVE;
    state.u16[(at + RECORD.nextOffset) >> 1] = nextOffset;
    state.u8[at + RECORD.length] = 0;
  }
}
