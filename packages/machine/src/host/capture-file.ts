// CaptureFile: frames as they pass, in a file of pcapng. They are written when the event loop comes round, or there are many: little is lost
// however the run ends.
import { closeSync, openSync, writeSync } from 'node:fs';
import { capturePort } from '../network/capture.js';
import type { NetworkPort } from '../network/network-port.js';
import { pcapngHeader, pcapngInterface, pcapngPacket } from '../network/pcapng.js';

const MAX_WAITING_BYTES = 256 * 1024;

export class CaptureFile {
  readonly #fd: number;
  readonly #onFailure: (error: Error) => void;
  readonly #originNs: bigint;
  #interfaceCount = 0;
  #isOpen = true;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /**
   * Makes the file anew.
   * @param onFailure told once, if it cannot be written to the end
   * @throws Error of Node's if it cannot be made
   */
  constructor(path: string, onFailure: (error: Error) => void) {
    this.#fd = openSync(path, 'w');
    this.#onFailure = onFailure;
    this.#originNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    this.#write(pcapngHeader());
  }

  /** A port in front of `port`, all of whose frames are captured under a name. */
  through(port: NetworkPort, name: string): NetworkPort {
    const interfaceId = this.#interfaceCount++;
    this.#write(pcapngInterface(name));
    return capturePort(port, (bytes, isInbound) => {
      const timeNs = this.#originNs + process.hrtime.bigint();
      this.#write(pcapngPacket({ interfaceId, timeNs, isInbound, bytes }));
    });
  }

  #write(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!this.#isOpen) return;
    try {
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#fd, bytes, done);
    } catch (error) {
      closeSync(this.#fd);
      this.#isOpen = false;
      this.#onFailure(error as Error);
    }
  }

  close(): void {
    this.#flush();
    if (this.#isOpen) closeSync(this.#fd);
    this.#isOpen = false;
  }
}
