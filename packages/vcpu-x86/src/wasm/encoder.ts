// A growable byte buffer with WebAssembly's number encodings, and one for function bodies that keeps track of labels and locals.
import {
  BULK,
  BULK_PREFIX,
  type F64,
  type I32,
  type I64,
  OP,
  SIMD_MEMORY,
  SIMD_PREFIX,
  type V128,
  VOID,
} from './opcodes.js';

export class ByteWriter {
  private buffer = new Uint8Array(256);
  length = 0;

  private room(n: number): void {
    if (this.length + n <= this.buffer.length) return;
    const bigger = new Uint8Array(Math.max(this.buffer.length * 2, this.length + n));
    bigger.set(this.buffer.subarray(0, this.length));
    this.buffer = bigger;
  }
  u8(value: number): void {
    this.room(1);
    this.buffer[this.length++] = value;
  }
  bytes(source: Uint8Array): void {
    this.room(source.length);
    this.buffer.set(source, this.length);
    this.length += source.length;
  }
  u32(value: number): void {
    let v = value >>> 0;
    while (v > 0x7f) {
      this.u8((v & 0x7f) | 0x80);
      v >>>= 7;
    }
    this.u8(v);
  }
  i64(value: bigint): void {
    const small = Number(value);
    if (small === (small | 0)) return this.i32(small);
    let v = value;
    for (;;) {
      const byte = Number(v & 0x7fn);
      v >>= 7n;
      if ((v === 0n && (byte & 0x40) === 0) || (v === -1n && (byte & 0x40) !== 0))
        return this.u8(byte);
      this.u8(byte | 0x80);
    }
  }
  i32(value: number): void {
    let v = value | 0;
    for (;;) {
      const byte = v & 0x7f;
      v >>= 7;
      if ((v === 0 && (byte & 0x40) === 0) || (v === -1 && (byte & 0x40) !== 0))
        return this.u8(byte);
      this.u8(byte | 0x80);
    }
  }
  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.u32(bytes.length);
    this.bytes(bytes);
  }
  /** Puts bytes in front of what was written from position `at` on. */
  protected splice(at: number, bytes: Uint8Array): void {
    this.room(bytes.length);
    this.buffer.copyWithin(at + bytes.length, at, this.length);
    this.buffer.set(bytes, at);
    this.length += bytes.length;
  }
  take(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }
}

export type WasmType = typeof I32 | typeof I64 | typeof F64 | typeof V128;

/** A label of an open block: pass it to {@link FunctionWriter.br}. */
export type Label = number;

/** Writes one function body. Locals come from a pool that {@link releaseLocals} empties, so handlers share them. */
export class FunctionWriter extends ByteWriter {
  private depth = 0;
  private readonly pool = new Map<WasmType, { indices: number[]; used: number }>();
  private readonly declared: WasmType[] = [];
  private readonly parameters: number;

  constructor(parameters: number) {
    super();
    this.parameters = parameters;
  }

  newLocal(type: WasmType): number {
    let p = this.pool.get(type);
    if (!p) {
      p = { indices: [], used: 0 };
      this.pool.set(type, p);
    }
    if (p.used === p.indices.length) {
      p.indices.push(this.parameters + this.declared.length);
      this.declared.push(type);
    }
    return p.indices[p.used++];
  }
  /** A local that {@link releaseLocals} leaves alone. */
  ownLocal(type: WasmType): number {
    this.declared.push(type);
    return this.parameters + this.declared.length - 1;
  }
  releaseLocals(): void {
    for (const p of this.pool.values()) p.used = 0;
  }

  op(opcode: number): void {
    this.u8(opcode);
  }
  get(local: number): void {
    this.u8(OP.localGet);
    this.u32(local);
  }
  setLocal(local: number): void {
    this.u8(OP.localSet);
    this.u32(local);
  }
  tee(local: number): void {
    this.u8(OP.localTee);
    this.u32(local);
  }
  i32Const(value: number): void {
    this.u8(OP.i32Const);
    this.i32(value);
  }
  i64Const(value: bigint): void {
    this.u8(OP.i64Const);
    this.i64(value);
  }
  /** A load or store opcode with its immediate. Alignment hints are 0: hosts do not need them. */
  memory(opcode: number, offset: number): void {
    this.u8(opcode);
    this.u32(0);
    this.u32(offset);
  }
  vector(opcode: number): void {
    this.u8(SIMD_PREFIX);
    this.u32(opcode);
  }
  vectorMemory(store: boolean, offset: number): void {
    this.vector(store ? SIMD_MEMORY.store : SIMD_MEMORY.load);
    this.u32(0);
    this.u32(offset);
  }
  block(type: WasmType | typeof VOID = VOID): Label {
    return this.open(OP.block, type);
  }
  loop(): Label {
    return this.open(OP.loop, VOID);
  }
  if(type: WasmType | typeof VOID = VOID): Label {
    return this.open(OP.if, type);
  }
  else(): void {
    this.u8(OP.else);
  }
  end(): void {
    this.u8(OP.end);
    this.depth--;
  }
  private open(opcode: number, type: number): Label {
    this.u8(opcode);
    this.u8(type);
    return ++this.depth;
  }
  br(label: Label): void {
    this.u8(OP.br);
    this.u32(this.depth - label);
  }
  brIf(label: Label): void {
    this.u8(OP.brIf);
    this.u32(this.depth - label);
  }
  brTable(labels: readonly Label[], otherwise: Label): void {
    this.u8(OP.brTable);
    this.u32(labels.length);
    for (const l of labels) this.u32(this.depth - l);
    this.u32(this.depth - otherwise);
  }
  return(): void {
    this.u8(OP.return);
  }
  call(index: number): void {
    this.u8(OP.call);
    this.u32(index);
  }

  /** Pops bytes, then a source address or a byte value, then a target address. */
  bulk(operation: keyof typeof BULK): void {
    this.u8(BULK_PREFIX);
    this.u8(BULK[operation]);
    this.u8(0);
    if (operation === 'copy') this.u8(0);
  }

  /** Writes code in front of what was written from position `at` on; it may use this function's locals but opens no labels. */
  insert(at: number, write: (head: FunctionWriter) => void): void {
    const head = new FunctionWriter(this.parameters);
    write(head);
    this.splice(at, head.take());
  }

  /** The body with its local declarations, as the code section wants it. */
  body(): Uint8Array {
    const out = new ByteWriter();
    out.u32(this.declared.length);
    for (const t of this.declared) {
      out.u32(1);
      out.u8(t);
    }
    out.bytes(this.take());
    out.u8(OP.end);
    return out.take();
  }
}
