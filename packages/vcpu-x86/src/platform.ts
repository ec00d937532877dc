// All that the CPU asks of the world: ports, memory-mapped devices, the interrupt controller, time, and the second stage of
// address translation. The consumer's side of every interface (who builds a machine implements them).
import type { Gfn, Gpa, Mfn } from '@proxeny/memory';

/** What the CPU asks of the machine around it. No method may throw; values are unsigned. */
export interface CpuPlatform {
  portRead(port: number, size: 1 | 2 | 4): number;
  portWrite(port: number, size: 1 | 2 | 4, value: number): void;
  /** A read that the second stage maps to no frame. Eight-byte accesses come as two of four. */
  mmioRead(at: Gpa, size: 1 | 2 | 4): number;
  mmioWrite(at: Gpa, size: 1 | 2 | 4, value: number): void;
  /** The interrupt controller's vector for the interrupt that the CPU takes now, or -1 if it went away. */
  acknowledgeInterrupt(): number;
  /** Guest time in nanoseconds (a double); the time stamp counter is derived from it. */
  nowNs(): number;
  /** 32 random bits, unsigned; for RDRAND and RDSEED. */
  randomU32(): number;
  /** Task priority register bits 7–4 (CR8); no-ops without a local APIC. */
  readTaskPriority(): number;
  writeTaskPriority(value: number): void;
  /** Model-specific registers that belong to the platform (local APIC base, TSC deadline, x2APIC): false when it has none of that number. */
  readMsr(index: number, out: Uint32Array): boolean;
  writeMsr(index: number, low: number, high: number): boolean;
}

/** Guest frame → machine frame; -1 where no frame answers (a device, ROM for writing, nothing). */
export interface SecondStage {
  mfnOf(gfn: Gfn, write: boolean): Mfn | -1;
}
