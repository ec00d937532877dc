// InputDevice: an input device: what it is, the events that come from it, and those that go to it. VIRTIO 1.2 §5.8.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import { SavedState } from '../saved-state.js';
import * as I from '../spec/input.js';

const EVENT_QUEUE = 0;
const QUEUE_SIZE = 64;
/** Events that wait for buffers; what does not fit is lost, as in a keyboard's own buffer. */
const MAX_WAITING = 256;

/** As Linux has it: type, code and value (EV_*). */
export interface InputEvent {
  readonly type: number;
  readonly code: number;
  readonly value: number;
}

export interface InputDeviceOptions {
  readonly name: string;
  readonly serial?: string;
  /** Codes that there are of each type of event. */
  readonly codes: ReadonlyMap<number, readonly number[]>;
  /** An event of the driver's: a lamp. Called within a slice. */
  readonly onEvent?: (event: InputEvent) => void;
}

/** Saved state of an {@link InputDevice}; events that wait are its owner's, and not part of it. */
export interface InputDeviceState {
  readonly version: 1;
  readonly select: number;
  readonly subsel: number;
}

export class InputDevice implements VirtioDevice {
  readonly deviceId: number = I.VIRTIO_ID_INPUT;
  readonly features = 0n;
  readonly queueSizes: readonly number[] = [QUEUE_SIZE, QUEUE_SIZE];
  readonly configBytes: number = I.INPUT_CONFIG_BYTES;
  readonly #options: InputDeviceOptions;
  readonly #config: DataView = new DataView(new ArrayBuffer(I.INPUT_CONFIG_BYTES));
  readonly #waiting: Uint8Array[] = [];
  #driver: DriverConnection | null = null;

  constructor(options: InputDeviceOptions) {
    this.#options = options;
  }

  /** Has reports reach the driver, each with events that happened at once; false, and none does, if too many wait. */
  send(reports: readonly (readonly InputEvent[])[]): boolean {
    const events = reports.flatMap((report) => [...report, { type: I.EV_SYN, code: 0, value: 0 }]);
    if (this.#waiting.length + events.length > MAX_WAITING) return false;
    this.#waiting.push(...events.map(bytesOf));
    this.#deliver();
    return true;
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  writeConfig(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) {
      const at = offset + i;
      if (at === I.INPUT_CONFIG_SELECT || at === I.INPUT_CONFIG_SUBSEL)
        this.#config.setUint8(at, (value >>> (8 * i)) & 0xff);
    }
    this.#showSelected();
  }

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    if (index === EVENT_QUEUE) {
      this.#deliver();
      return;
    }
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    const bytes = new Uint8Array(I.INPUT_EVENT_BYTES);
    const view = new DataView(bytes.buffer);
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      const isWhole = chain.read(0, bytes) === I.INPUT_EVENT_BYTES;
      queue.push(chain, 0);
      if (isWhole)
        this.#options.onEvent?.({
          type: view.getUint16(0, true),
          code: view.getUint16(2, true),
          value: view.getUint32(4, true),
        });
    }
    this.#driver?.publish(index);
  }

  queueReset(): void {}

  reset(): void {
    this.#driver = null;
    this.#waiting.length = 0;
    this.#select(0, 0);
  }

  save(): InputDeviceState {
    const select = this.#config.getUint8(I.INPUT_CONFIG_SELECT);
    return { version: 1, select, subsel: this.#config.getUint8(I.INPUT_CONFIG_SUBSEL) };
  }

  restore(state: unknown): void {
    const reader = new SavedState('virtio input device', state, 1);
    const select = reader.integer('select', 0, 0xff);
    const subsel = reader.integer('subsel', 0, 0xff);
    this.#select(select, subsel);
  }

  #select(select: number, subsel: number): void {
    this.#config.setUint8(I.INPUT_CONFIG_SELECT, select);
    this.#config.setUint8(I.INPUT_CONFIG_SUBSEL, subsel);
    this.#showSelected();
  }

  /** Puts the answer to what is selected into configuration space; without one, its size is 0 (§5.8.4). */
  #showSelected(): void {
    const config = new Uint8Array(this.#config.buffer);
    const answer = this.#selected().subarray(0, I.INPUT_CONFIG_DATA_BYTES);
    config.fill(0, I.INPUT_CONFIG_SIZE);
    config[I.INPUT_CONFIG_SIZE] = answer.byteLength;
    config.set(answer, I.INPUT_CONFIG_DATA);
  }

  #selected(): Uint8Array {
    const { name, serial = '', codes } = this.#options;
    const subsel = this.#config.getUint8(I.INPUT_CONFIG_SUBSEL);
    switch (this.#config.getUint8(I.INPUT_CONFIG_SELECT)) {
      case I.VIRTIO_INPUT_CFG_ID_NAME:
        return subsel === 0 ? textBytes(name) : new Uint8Array();
      case I.VIRTIO_INPUT_CFG_ID_SERIAL:
        return subsel === 0 ? textBytes(serial) : new Uint8Array();
      case I.VIRTIO_INPUT_CFG_ID_DEVIDS:
        return subsel === 0
          ? Uint8Array.of(I.BUS_VIRTUAL, 0, 0xf4, 0x1a, 1, 0, 1, 0)
          : new Uint8Array();
      case I.VIRTIO_INPUT_CFG_EV_BITS:
        return bitmapOf(codes.get(subsel) ?? []);
      default:
        return new Uint8Array();
    }
  }

  /** An event for each buffer. */
  #deliver(): void {
    const queue = this.#driver?.queue(EVENT_QUEUE);
    if (!queue) return;
    while (this.#waiting.length > 0) {
      const chain = queue.pop();
      if (chain === null) break;
      const event = this.#waiting.shift() as Uint8Array;
      queue.push(chain, chain.write(0, event));
    }
    // With nothing to say, the buffers stay where they are.
    this.#driver?.publish(EVENT_QUEUE);
  }
}

function bytesOf({ type, code, value }: InputEvent): Uint8Array {
  const view = new DataView(new ArrayBuffer(I.INPUT_EVENT_BYTES));
  view.setUint16(0, type, true);
  view.setUint16(2, code, true);
  view.setUint32(4, value, true);
  return new Uint8Array(view.buffer);
}

const textBytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Up to its last bit that is set. */
function bitmapOf(codes: readonly number[]): Uint8Array {
  const bits = new Uint8Array(codes.length === 0 ? 0 : (Math.max(...codes) >>> 3) + 1);
  for (const code of codes) bits[code >>> 3] |= 1 << (code & 7);
  return bits;
}
