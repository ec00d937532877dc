// Builds IR: every method appends one node to the current statement list and returns it. Operand types decide between the
// 32- and 64-bit forms, so a semantics function is written once for all sizes.
import { fold } from './fold.js';
import type { Access, Bits, FlagName, FlagsKind, Local, Node, StateSlot, Type } from './node.js';

export type Value = Node;

export class Builder {
  /** The finished program's top-level statements. */
  readonly statements: Node[] = [];
  readonly locals: Local[] = [];
  /** For hot regions: flags stay symbolic nodes instead of writes to the state page, and what bound operands make constant is folded. */
  readonly symbolicFlags: boolean;
  private list: Node[] = this.statements;

  constructor(symbolicFlags = false) {
    this.symbolicFlags = symbolicFlags;
  }

  private append<N extends Node>(node: N): N {
    if ('args' in node) for (const a of node.args) a.uses++;
    this.list.push(node);
    return node;
  }

  // Constants and record fields
  i32(value: number): Value {
    return this.append({
      op: 'const',
      type: 'i32',
      uses: 0,
      value: BigInt.asIntN(32, BigInt(value)),
    });
  }
  i64(value: number | bigint): Value {
    return this.append({
      op: 'const',
      type: 'i64',
      uses: 0,
      value: BigInt.asIntN(64, BigInt(value)),
    });
  }
  v128(value: bigint): Value {
    return this.append({ op: 'const', type: 'v128', uses: 0, value: BigInt.asUintN(128, value) });
  }
  /** A constant of the same type as `like`. */
  constantLike(like: Value, value: number | bigint): Value {
    return like.type === 'i64'
      ? this.i64(value)
      : this.i32(Number(BigInt.asIntN(32, BigInt(value))));
  }
  field(at: number, kind: 'u8' | 'u16' | 'i32' | 's32' | 'i64'): Value {
    return this.append({
      op: 'field',
      type: kind === 's32' || kind === 'i64' ? 'i64' : 'i32',
      uses: 0,
      at,
      kind,
    });
  }

  // State
  get(base: number, bits: Bits, slot: StateSlot = { offset: 0 }): Value {
    return this.append({
      op: 'get',
      type: bits === 128 ? 'v128' : bits === 64 ? 'i64' : 'i32',
      uses: 0,
      base,
      slot,
      bits,
    });
  }
  set(base: number, bits: Bits, value: Value, slot: StateSlot = { offset: 0 }): void {
    this.append({ op: 'set', type: 'none', uses: 0, base, slot, bits, args: [value] });
  }

  // Pure operations
  pure(type: Type, name: string, args: readonly Value[], lanes: readonly number[] = []): Value {
    const folded = this.symbolicFlags ? fold(name, args) : null;
    if (folded !== null)
      return type === 'i64' ? this.i64(folded) : this.i32(Number(BigInt.asIntN(32, folded)));
    return this.append({ op: 'pure', type, uses: 0, name, args, lanes });
  }
  private binary(name: string, a: Value, c: Value): Value {
    if (a.type !== c.type) throw new Error(`${name} of ${a.type} and ${c.type}`);
    return this.pure(a.type, `${a.type}.${name}`, [a, c]);
  }
  private compare(name: string, a: Value, c: Value): Value {
    if (a.type !== c.type) throw new Error(`${name} of ${a.type} and ${c.type}`);
    return this.pure('i32', `${a.type}.${name}`, [a, c]);
  }
  add(a: Value, c: Value): Value {
    return this.binary('add', a, c);
  }
  sub(a: Value, c: Value): Value {
    return this.binary('sub', a, c);
  }
  mul(a: Value, c: Value): Value {
    return this.binary('mul', a, c);
  }
  /** Division traps in WebAssembly when the divisor is 0 or the quotient overflows: check first. */
  divU(a: Value, c: Value): Value {
    return this.binary('div_u', a, c);
  }
  divS(a: Value, c: Value): Value {
    return this.binary('div_s', a, c);
  }
  remU(a: Value, c: Value): Value {
    return this.binary('rem_u', a, c);
  }
  remS(a: Value, c: Value): Value {
    return this.binary('rem_s', a, c);
  }
  and(a: Value, c: Value): Value {
    return this.binary('and', a, c);
  }
  or(a: Value, c: Value): Value {
    return this.binary('or', a, c);
  }
  xor(a: Value, c: Value): Value {
    return this.binary('xor', a, c);
  }
  /** Shift counts have the value's type and count modulo its width. */
  shl(a: Value, count: Value): Value {
    return this.binary('shl', a, count);
  }
  shrU(a: Value, count: Value): Value {
    return this.binary('shr_u', a, count);
  }
  shrS(a: Value, count: Value): Value {
    return this.binary('shr_s', a, count);
  }
  rotl(a: Value, count: Value): Value {
    return this.binary('rotl', a, count);
  }
  rotr(a: Value, count: Value): Value {
    return this.binary('rotr', a, count);
  }
  clz(a: Value): Value {
    return this.pure(a.type, `${a.type}.clz`, [a]);
  }
  ctz(a: Value): Value {
    return this.pure(a.type, `${a.type}.ctz`, [a]);
  }
  popcnt(a: Value): Value {
    return this.pure(a.type, `${a.type}.popcnt`, [a]);
  }
  /** With a constant: `andc(v, 0xff)`, `shlc(v, 3)`. */
  addc(a: Value, c: number | bigint): Value {
    return this.add(a, this.constantLike(a, c));
  }
  andc(a: Value, c: number | bigint): Value {
    return this.and(a, this.constantLike(a, c));
  }
  orc(a: Value, c: number | bigint): Value {
    return this.or(a, this.constantLike(a, c));
  }
  xorc(a: Value, c: number | bigint): Value {
    return this.xor(a, this.constantLike(a, c));
  }
  shlc(a: Value, c: number): Value {
    return c === 0 ? a : this.shl(a, this.constantLike(a, c));
  }
  shrUc(a: Value, c: number): Value {
    return c === 0 ? a : this.shrU(a, this.constantLike(a, c));
  }
  shrSc(a: Value, c: number): Value {
    return c === 0 ? a : this.shrS(a, this.constantLike(a, c));
  }
  not(a: Value): Value {
    return this.xorc(a, -1);
  }
  neg(a: Value): Value {
    return this.sub(this.constantLike(a, 0), a);
  }

  // Comparisons yield i32 0 or 1
  eq(a: Value, c: Value): Value {
    return this.compare('eq', a, c);
  }
  ne(a: Value, c: Value): Value {
    return this.compare('ne', a, c);
  }
  ltU(a: Value, c: Value): Value {
    return this.compare('lt_u', a, c);
  }
  ltS(a: Value, c: Value): Value {
    return this.compare('lt_s', a, c);
  }
  leU(a: Value, c: Value): Value {
    return this.compare('le_u', a, c);
  }
  leS(a: Value, c: Value): Value {
    return this.compare('le_s', a, c);
  }
  gtU(a: Value, c: Value): Value {
    return this.compare('gt_u', a, c);
  }
  gtS(a: Value, c: Value): Value {
    return this.compare('gt_s', a, c);
  }
  geU(a: Value, c: Value): Value {
    return this.compare('ge_u', a, c);
  }
  geS(a: Value, c: Value): Value {
    return this.compare('ge_s', a, c);
  }
  eqz(a: Value): Value {
    return this.pure('i32', `${a.type}.eqz`, [a]);
  }
  /** i32 0 or 1: is `a` not zero? */
  nez(a: Value): Value {
    return this.ne(a, this.constantLike(a, 0));
  }
  /** `condition` (i32) ≠ 0 ? a : c */
  select(condition: Value, a: Value, c: Value): Value {
    if (a.type !== c.type) throw new Error(`select of ${a.type} and ${c.type}`);
    return this.pure(a.type, 'select', [a, c, condition]);
  }

  // Widths. Values of 8 and 16 bits live in i32, zero-extended unless said otherwise.
  wrap(a: Value): Value {
    return a.type === 'i32' ? a : this.pure('i32', 'i32.wrap_i64', [a]);
  }
  extendU(a: Value): Value {
    return a.type === 'i64' ? a : this.pure('i64', 'i64.extend_i32_u', [a]);
  }
  extendS(a: Value): Value {
    return a.type === 'i64' ? a : this.pure('i64', 'i64.extend_i32_s', [a]);
  }
  /** Clears the bits above `bits`; the type stays. */
  zeroExtend(a: Value, bits: Bits): Value {
    if (bits === 8 || bits === 16) return this.andc(a, bits === 8 ? 0xff : 0xffff);
    return bits === 32 && a.type === 'i64' ? this.andc(a, 0xffffffffn) : a;
  }
  /** Copies bit `bits` - 1 upwards; the type stays. */
  signExtend(a: Value, bits: Bits): Value {
    if (bits === 64 || (bits === 32 && a.type === 'i32')) return a;
    return this.pure(a.type, `${a.type}.extend${bits}_s`, [a]);
  }
  /** Makes `a`, whose low `from` bits count, a value of `to` bits (i32 up to 32, else i64). */
  resizeU(a: Value, from: Bits, to: Bits): Value {
    const v = this.zeroExtend(a, from);
    return to === 64 ? this.extendU(v) : this.wrap(v);
  }
  resizeS(a: Value, from: Bits, to: Bits): Value {
    const v = this.signExtend(a, from);
    return to === 64 ? this.extendS(v) : this.zeroExtend(this.wrap(v), to);
  }

  // Symbolic flags: see ir/flags.ts, which every semantics function goes through
  flags(kind: FlagsKind, bits: Bits, ...args: Value[]): void {
    this.append({ op: 'flags', type: 'none', uses: 0, kind, bits, args });
  }
  condition(code: number): Value {
    return this.append({ op: 'condition', type: 'i32', uses: 0, code });
  }
  flag(name: FlagName): Value {
    return this.append({ op: 'flag', type: 'i32', uses: 0, name });
  }

  // Memory, by linear address
  load(address: Value, access: Access): Value {
    const type = access.bits === 128 ? 'v128' : access.bits === 64 ? 'i64' : 'i32';
    return this.append({ op: 'load', type, uses: 0, access, update: false, args: [address] });
  }
  loadForUpdate(address: Value, access: Access): Value {
    return this.append({
      op: 'load',
      type: access.bits === 64 ? 'i64' : 'i32',
      uses: 0,
      access,
      update: true,
      args: [address],
    });
  }
  /** `load`: the loadForUpdate of the same address, if there was one. */
  store(address: Value, value: Value, access: Access, load: Value | null = null): void {
    this.append({ op: 'store', type: 'none', uses: 0, access, args: [address, value], load });
  }
  copy(to: Value, from: Value, bytes: Value): Value {
    return this.append({ op: 'copy', type: 'i32', uses: 0, args: [to, from, bytes] });
  }
  fill(to: Value, byte: Value, bytes: Value): Value {
    return this.append({ op: 'fill', type: 'i32', uses: 0, args: [to, byte, bytes] });
  }
  segment(effective: Value, access: Access, write: boolean): Value {
    return this.append({ op: 'segment', type: 'i64', uses: 0, access, write, args: [effective] });
  }

  // Control
  local(type: Type, initial?: Value): Local {
    const local: Local = { type, index: this.locals.length };
    this.locals.push(local);
    if (initial) this.assign(local, initial);
    return local;
  }
  read(local: Local): Value {
    return this.append({ op: 'local', type: local.type, uses: 0, local });
  }
  assign(local: Local, value: Value): void {
    if (local.type !== value.type) throw new Error(`${value.type} to a local of ${local.type}`);
    this.append({ op: 'assign', type: 'none', uses: 0, local, args: [value] });
  }
  if(condition: Value, body: () => void, otherwise?: () => void): void {
    if (this.symbolicFlags && condition.op === 'const')
      return (condition.value !== 0n ? body : otherwise)?.();
    const node: Node = {
      op: 'if',
      type: 'none',
      uses: 0,
      args: [condition],
      body: [],
      otherwise: [],
    };
    this.append(node);
    this.into(node.body, body);
    if (otherwise) this.into(node.otherwise, otherwise);
  }
  /** See the node: where the condition does not hold, regions leave behind the instruction. */
  expect(condition: Value): void {
    this.append({ op: 'expect', type: 'none', uses: 0, args: [condition] });
  }
  loop(body: () => void): void {
    const node: Node = { op: 'loop', type: 'none', uses: 0, body: [] };
    this.append(node);
    this.into(node.body, body);
  }
  /** Leaves the innermost loop. */
  leave(): void {
    this.append({ op: 'leave', type: 'none', uses: 0 });
  }
  private into(list: Node[], body: () => void): void {
    const outer = this.list;
    this.list = list;
    body();
    this.list = outer;
  }

  // Ends and effects
  raise(vector: number, errorCode?: Value): void {
    this.append({ op: 'raise', type: 'none', uses: 0, vector, args: errorCode ? [errorCode] : [] });
  }
  raiseIf(condition: Value, vector: number, errorCode?: number): void {
    this.if(condition, () =>
      this.raise(vector, errorCode === undefined ? undefined : this.i32(errorCode)),
    );
  }
  /** Calls a routine; its non-negative i32 result is the value, a negative one a recorded fault (the instruction ends there). */
  call(routine: string, ...args: Value[]): Value {
    return this.append({ op: 'call', type: 'i32', uses: 0, routine, args });
  }
  /** Calls a routine that moves rIP (preset to the next instruction) and ends the block. */
  transfer(routine: string, ...args: Value[]): void {
    this.append({ op: 'transfer', type: 'none', uses: 0, routine, args });
  }
  /** Ends the block at `target` (i64). */
  jump(target: Value, direct = false): void {
    this.append({ op: 'branch', type: 'none', uses: 0, direct, args: [target] });
  }
  /** Goes to `target`, which is relative to the instruction, if `condition`; else on behind the instruction. */
  branch(condition: Value, target: Value): void {
    this.append({ op: 'branch', type: 'none', uses: 0, direct: true, args: [target, condition] });
  }
}
