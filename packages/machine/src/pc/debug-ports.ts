// Ports that only virtual machines have: a byte-wide debug console (0xE9 of Bochs, 0x402 of SeaBIOS) and QEMU's isa-debug-exit.
// They hold no state.
import type { PortDevice } from '../device.js';

/** What a debug console reads as, so that a guest can tell it is there. */
const PRESENT = 0xe9;

/** A debug console of one port: claim at 0xE9 or 0x402. */
export class DebugConsolePort implements PortDevice {
  readonly #write: (byte: number) => void;

  /** `write` takes each byte the guest writes. */
  constructor(write: (byte: number) => void) {
    this.#write = write;
  }

  readPort(_offset: number, _size: 1 | 2 | 4): number {
    return PRESENT;
  }

  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    this.#write(value);
  }
}

/** QEMU's isa-debug-exit: claim 4 ports at 0x501 or 0xF4, width 4. */
export class DebugExitPort implements PortDevice {
  readonly #exit: (code: number) => void;

  /** `exit` is told the exit code, 1-255 and odd; the machine ends after the slice. */
  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  readPort(_offset: number, _size: 1 | 2 | 4): number {
    return 0;
  }

  /** Ends the machine with code (value << 1) | 1, cut to the eight bits of a process exit code. */
  writePort(_offset: number, _size: 1 | 2 | 4, value: number): void {
    this.#exit(((value << 1) | 1) & 0xff);
  }
}
