// ConsoleDevice: the console device, with one port or several. VIRTIO 1.2 §5.3.
// Port 0 has queues 0 and 1, the control messages 2 and 3, every other port two more. A driver without MULTIPORT has port 0 only.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import * as C from '../spec/console.js';
import { featureMask, hasFeature } from '../spec/feature.js';
import { ConsolePort } from './console-port.js';

const QUEUE_SIZE = 64;
const CONTROL_IN = 2;
const CONTROL_OUT = 3;
/** What a port prints before {@link ConsoleDevice.resumeOutput} lets it print more: buffers may name the same bytes many times. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** Control messages that wait for buffers; a driver that takes none gets no more. */
const MAX_WAITING_MESSAGES = 256;

export interface ConsolePortOptions {
  /** What the guest finds it by, as under /dev/virtio-ports. */
  readonly name?: string;
  /** A terminal (hvc0) rather than a channel between programs. */
  readonly isConsole: boolean;
  /** Bytes that the guest writes; they are the callee's. Called within a slice. */
  readonly onOutput: (bytes: Uint8Array) => void;
  /** Whether `onOutput` takes more now: if not, the guest's buffers wait. Default: always. */
  readonly isReady?: () => boolean;
}

export interface ConsoleDeviceOptions {
  /** At least one. */
  readonly ports: readonly ConsolePortOptions[];
  readonly columns?: number;
  readonly rows?: number;
}

/** Saved state of a {@link ConsoleDevice}; input that waits is its owner's, and not part of it. */
export interface ConsoleDeviceState {
  readonly version: 1;
  readonly columns: number;
  readonly rows: number;
  readonly ready: readonly number[];
  readonly open: readonly number[];
  /** Of each port, bytes printed of a buffer that waits. */
  readonly printed: readonly number[];
}

const receiveQueue = (port: number): number => (port === 0 ? 0 : 2 * port + 2);
const portOf = (queue: number): number => (queue < CONTROL_IN ? 0 : (queue >> 1) - 1);

export class ConsoleDevice implements VirtioDevice {
  readonly deviceId: number = C.VIRTIO_ID_CONSOLE;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configBytes: number = C.CONSOLE_CONFIG_BYTES;
  readonly #options: readonly ConsolePortOptions[];
  readonly #ports: readonly ConsolePort[];
  readonly #config: DataView = new DataView(new ArrayBuffer(C.CONSOLE_CONFIG_BYTES));
  readonly #messages: Uint8Array[] = [];
  #driver: DriverConnection | null = null;

  constructor(options: ConsoleDeviceOptions) {
    const { ports, columns = 80, rows = 25 } = options;
    if (ports.length === 0) throw new RangeError('a console device needs a port');
    const isMultiport = ports.length > 1 || ports[0].name !== undefined || !ports[0].isConsole;
    this.#options = ports;
    this.#ports = ports.map(() => new ConsolePort());
    this.features =
      featureMask(C.VIRTIO_CONSOLE_F_SIZE) |
      featureMask(C.VIRTIO_CONSOLE_F_EMERG_WRITE) |
      (isMultiport ? featureMask(C.VIRTIO_CONSOLE_F_MULTIPORT) : 0n);
    this.queueSizes = new Array(isMultiport ? 2 * ports.length + 2 : 2).fill(QUEUE_SIZE);
    this.#config.setUint32(C.CONSOLE_CONFIG_MAX_PORTS, ports.length, true);
    this.#showSize(columns, rows);
  }

  /** Has bytes wait for the guest. */
  send(port: number, bytes: Uint8Array): void {
    this.#ports[port].add(bytes);
    this.#fill(port);
  }

  /** Bytes given to {@link send} that the guest has not taken. */
  queuedInput(port: number): number {
    return this.#ports[port].queuedBytes;
  }

  /** Output waits for {@link resumeOutput}. */
  get holdsOutput(): boolean {
    return this.#ports.some((port) => port.isHeld);
  }

  /** Goes on with output that waits. To be called between slices: the guest may have gone on within them. */
  resumeOutput(): void {
    for (const [index, port] of this.#ports.entries())
      if (port.isHeld) this.#drainOutput(receiveQueue(index) + 1);
  }

  /** Whether a program of the guest holds the port open; of a driver with one port, whether there is one. */
  isOpen(port: number): boolean {
    return this.#isMultiport ? this.#ports[port].isOpen : this.#driver !== null && port === 0;
  }

  /** The terminal behind the consoles has another size. */
  resize(columns: number, rows: number): void {
    this.#showSize(columns, rows);
    this.#driver?.configChanged();
    for (const [index, port] of this.#ports.entries())
      if (port.isReady && this.#options[index].isConsole) this.#sendSize(index);
    this.#flushMessages();
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  /** The emergency write: one character for the first port, from a driver that may not have queues (§5.3.4). */
  writeConfig(offset: number, _size: AccessSize, value: number): void {
    if (offset === C.CONSOLE_CONFIG_EMERG_WR) this.#options[0].onOutput(Uint8Array.of(value));
  }

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    if (index === CONTROL_IN) this.#flushMessages();
    else if (index === CONTROL_OUT) this.#drainControl();
    else if (index % 2 === 0) this.#fill(portOf(index));
    else if (!this.#ports[portOf(index)].isHeld) this.#drainOutput(index);
  }

  queueReset(index: number): void {
    if (index % 2 === 1 && index !== CONTROL_OUT) this.#ports[portOf(index)].forget();
  }

  reset(): void {
    this.#driver = null;
    this.#messages.length = 0;
    for (const port of this.#ports) port.reset();
  }

  save(): ConsoleDeviceState {
    return {
      version: 1,
      columns: this.#config.getUint16(C.CONSOLE_CONFIG_COLS, true),
      rows: this.#config.getUint16(C.CONSOLE_CONFIG_ROWS, true),
      ready: this.#ports.map((port) => Number(port.isReady)),
      open: this.#ports.map((port) => Number(port.isOpen)),
      printed: this.#ports.map((port) => port.printedBytes),
    };
  }

  restore(state: unknown): void {
    const reader = new SavedState('virtio console device', state, 1);
    const columns = reader.integer('columns', 0, 0xffff);
    const rows = reader.integer('rows', 0, 0xffff);
    const { length } = this.#ports;
    const ready = reader.integers('ready', 1, length, length);
    const open = reader.integers('open', 1, length, length);
    const printed = reader.integers('printed', Number.MAX_SAFE_INTEGER, length, length);
    this.#showSize(columns, rows);
    for (const [index, port] of this.#ports.entries()) {
      port.isReady = ready[index] === 1;
      port.isOpen = open[index] === 1;
      port.restore(printed[index]);
    }
  }

  get #isMultiport(): boolean {
    return hasFeature(this.#driver?.features ?? 0n, C.VIRTIO_CONSOLE_F_MULTIPORT);
  }

  #showSize(columns: number, rows: number): void {
    this.#config.setUint16(C.CONSOLE_CONFIG_COLS, columns, true);
    this.#config.setUint16(C.CONSOLE_CONFIG_ROWS, rows, true);
  }

  #fill(port: number): void {
    const index = receiveQueue(port);
    const queue = this.#driver?.queue(index);
    if (!queue || this.#ports[port].queuedBytes === 0) return;
    this.#ports[port].fill(queue);
    this.#driver?.publish(index);
  }

  #drainControl(): void {
    const queue = this.#driver?.queue(CONTROL_OUT);
    if (!queue) return;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      this.#control(chain);
      queue.push(chain, 0);
    }
    this.#driver?.publish(CONTROL_OUT);
  }

  #drainOutput(index: number): void {
    const port = portOf(index);
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    this.#ports[port].drain(queue, this.#options[port], MAX_OUTPUT_BYTES);
    this.#driver?.publish(index);
  }

  /** A message of the driver's; one that makes no sense says nothing. */
  #control(chain: DescriptorChain): void {
    const bytes = new Uint8Array(C.CONSOLE_CONTROL_BYTES);
    if (!this.#isMultiport || chain.read(0, bytes) < bytes.length) return;
    const view = new DataView(bytes.buffer);
    const index = view.getUint32(0, true);
    const isYes = view.getUint16(6, true) === 1;
    const port = this.#ports[index];
    switch (view.getUint16(4, true)) {
      case C.VIRTIO_CONSOLE_DEVICE_READY:
        if (isYes) for (const id of this.#ports.keys()) this.#say(id, C.VIRTIO_CONSOLE_PORT_ADD, 1);
        break;
      case C.VIRTIO_CONSOLE_PORT_READY:
        if (!port || !isYes) break;
        port.isReady = true;
        this.#introduce(index);
        break;
      case C.VIRTIO_CONSOLE_PORT_OPEN:
        if (port) port.isOpen = isYes;
        break;
    }
    this.#flushMessages();
  }

  /** Tells what the driver should know of a port that it has. */
  #introduce(index: number): void {
    const { isConsole, name } = this.#options[index];
    if (isConsole) {
      this.#say(index, C.VIRTIO_CONSOLE_CONSOLE_PORT, 1);
      this.#sendSize(index);
    }
    if (name !== undefined)
      this.#say(index, C.VIRTIO_CONSOLE_PORT_NAME, 1, new TextEncoder().encode(name));
    this.#say(index, C.VIRTIO_CONSOLE_PORT_OPEN, 1);
  }

  #sendSize(index: number): void {
    this.#say(index, C.VIRTIO_CONSOLE_RESIZE, 0, new Uint8Array(this.#config.buffer, 0, 4));
  }

  #say(index: number, event: number, value: number, more: Uint8Array = new Uint8Array()): void {
    if (!this.#isMultiport || this.#messages.length >= MAX_WAITING_MESSAGES) return;
    const bytes = new Uint8Array(C.CONSOLE_CONTROL_BYTES + more.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, index, true);
    view.setUint16(4, event, true);
    view.setUint16(6, value, true);
    bytes.set(more, C.CONSOLE_CONTROL_BYTES);
    this.#messages.push(bytes);
  }

  #flushMessages(): void {
    const queue = this.#driver?.queue(CONTROL_IN);
    if (!queue) return;
    while (this.#messages.length > 0) {
      const chain = queue.pop();
      if (chain === null) break;
      const message = this.#messages.shift() as Uint8Array;
      queue.push(chain, chain.write(0, message));
    }
    this.#driver?.publish(CONTROL_IN);
  }
}
