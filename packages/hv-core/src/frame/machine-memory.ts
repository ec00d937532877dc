// MachineMemory: the bytes of all frames. A machine address is an offset into them; frame n is bytes n × 4096 to n × 4096 + 4095.
// Callers have checked the frame: a RangeError from here is our own mistake, never a guest's.
import { type Maddr, type Mfn, PAGE_SIZE } from '@proxeny/memory';
import { HvError } from '../error.js';

/** The machine's memory as the hypervisor sees it; wraps a buffer that never moves (a WebAssembly.Memory that does not grow). */
export class MachineMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Uint32Array;
  /** Whole frames in it. */
  readonly frameCount: number;
  /** Told of each frame the hypervisor itself writes to, so that translated code of it can be dropped. */
  onWrite: ((mfn: Mfn) => void) | null = null;

  /** @param memory its size in bytes (then it starts zeroed) or the bytes to use, at a multiple of 4 in their buffer. */
  constructor(memory: number | Uint8Array) {
    this.bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory;
    const { buffer, byteOffset, byteLength } = this.bytes;
    if (byteLength < PAGE_SIZE || byteLength % PAGE_SIZE !== 0) {
      throw new HvError(
        'bad-argument',
        `machine memory of ${byteLength} bytes: give a positive multiple of ${PAGE_SIZE}`,
      );
    }
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.words = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
    this.frameCount = byteLength / PAGE_SIZE;
  }

  /** The bytes of one frame; do not keep. */
  frame(mfn: Mfn): Uint8Array {
    return this.bytes.subarray(mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
  }

  clear(mfn: Mfn): void {
    this.bytes.fill(0, mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
    this.onWrite?.(mfn);
  }

  /** Sets bit `bit` counting from `base`; says whether it was set before. */
  testAndSet(base: Maddr, bit: number): boolean {
    const at = base + (bit >>> 3);
    const mask = 1 << (bit & 7);
    const old = this.bytes[at] as number;
    this.bytes[at] = old | mask;
    return (old & mask) !== 0;
  }

  /** Clears bit `bit` counting from `base`; says whether it was set before. */
  testAndClear(base: Maddr, bit: number): boolean {
    const at = base + (bit >>> 3);
    const mask = 1 << (bit & 7);
    const old = this.bytes[at] as number;
    this.bytes[at] = old & ~mask;
    return (old & mask) !== 0;
  }

  testBit(base: Maddr, bit: number): boolean {
    return ((this.bytes[base + (bit >>> 3)] as number) & (1 << (bit & 7))) !== 0;
  }
}
