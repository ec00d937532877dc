// What the emulation of an instruction starts from, and what comes of it.

/** What became of an instruction. */
export const Emulated = {
  /** Not one of ours: the guest gets its #GP. */
  no: 0,
  /** Done; rIP moves on. */
  done: 1,
  /** Done as far as it goes: rIP stays where it is, or is where it belongs. */
  settled: 2,
} as const;
export type Emulated = (typeof Emulated)[keyof typeof Emulated];

/** The prefixes of an instruction and the opcode after them. */
export class Prefixes {
  codeBits: 16 | 32 | 64 = 64;
  operandSize = 4;
  addressSize = 8;
  rex = 0;
  repeat = false;
  /** CpuSegment of an override, or -1. */
  segment = -1;
}
