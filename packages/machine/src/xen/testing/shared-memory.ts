// A page and an event channel between a test, which plays the guest, and a service.
import type { EventPort, SharedPage } from '../shared-page.js';

export class TestPage implements SharedPage {
  readonly bytes: Uint8Array = new Uint8Array(4096);
  readonly view: DataView = new DataView(this.bytes.buffer);

  readU32(offset: number): number {
    return this.view.getUint32(offset, true);
  }
  writeU32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }
  copyFrom(offset: number, target: Uint8Array): void {
    target.set(this.bytes.subarray(offset, offset + target.length));
  }
  copyTo(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
  }
}

export class TestPort implements EventPort {
  /** How often the service has notified the guest. */
  notifications = 0;
  #listener: () => void = () => {};

  notify(): void {
    this.notifications++;
  }
  onEvent(listener: () => void): void {
    this.#listener = listener;
  }
  /** The guest sends an event. */
  send(): void {
    this.#listener();
  }
}
