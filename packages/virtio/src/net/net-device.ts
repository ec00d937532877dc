// NetDevice: the network device. VIRTIO 1.2 §5.1. One pair of queues and a control queue.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import { featureMask, hasFeature } from '../spec/feature.js';
import * as N from '../spec/net.js';
import { frameOf } from './net-header.js';
import type { FrameFinisher, NetFrame, NetOffloads, NetPort } from './net-port.js';
import { RxFilter } from './rx-filter.js';
import { type RxOptions, RxPath } from './rx-path.js';

const RECEIVE = 0;
const TRANSMIT = 1;
const CONTROL = 2;
const QUEUE_SIZES: readonly number[] = [256, 256, 64];
/** What TCP segmentation offload makes, with a VLAN tag; more is no frame. */
const MAX_FRAME_BYTES = 65_535 + 18;
const MIN_FRAME_BYTES = 14;
/** The longest table of addresses that is looked at, in bytes. */
const MAX_COMMAND_BYTES = 8192;
const ADDRESS_BYTES = 6;

const FEATURES: readonly number[] = [
  ...[N.VIRTIO_NET_F_CSUM, N.VIRTIO_NET_F_HOST_TSO4, N.VIRTIO_NET_F_HOST_TSO6],
  ...[N.VIRTIO_NET_F_GUEST_CSUM, N.VIRTIO_NET_F_GUEST_TSO4, N.VIRTIO_NET_F_GUEST_TSO6],
  ...[N.VIRTIO_NET_F_MAC, N.VIRTIO_NET_F_STATUS, N.VIRTIO_NET_F_MRG_RXBUF],
  ...[N.VIRTIO_NET_F_CTRL_VQ, N.VIRTIO_NET_F_CTRL_RX, N.VIRTIO_NET_F_CTRL_RX_EXTRA],
  ...[N.VIRTIO_NET_F_CTRL_VLAN, N.VIRTIO_NET_F_CTRL_MAC_ADDR],
];

export interface NetDeviceOptions {
  /**
   * Where frames go and come from. The device sends what its driver does: frames with checksums missing, and TCP segments of up to 64 KiB
   * that stand for several. What it is sent may be the same: whatever a driver cannot take is finished first.
   */
  readonly port: NetPort;
  readonly finish: FrameFinisher;
  /** Six bytes. */
  readonly address: Uint8Array;
  /** The largest payload of a frame; default: it says nothing, and drivers take 1,500. */
  readonly mtu?: number;
  /**
   * Frames leave when {@link NetDevice.sliceEnded} is called, not within the driver's notification: until then its driver has nothing to
   * notify of, and it is interrupted once for all of them. Default: false.
   */
  readonly sendsBetweenSlices?: boolean;
  /** The driver got something: called outside of any access of the guest. */
  readonly onCompletion?: () => void;
}

/** Frames since the device was made. */
export interface NetStatistics {
  received: number;
  /** For which there was no room, or that did not fit the driver's buffers. */
  receiveDropped: number;
  sent: number;
  /** That made no sense. */
  sendDropped: number;
}

/** Saved state of a {@link NetDevice}. Frames on their way are lost, as on any network. */
export interface NetDeviceState {
  readonly version: 1;
  readonly address: readonly number[];
  readonly isLinkUp: boolean;
  readonly filter: unknown;
}

export class NetDevice implements VirtioDevice {
  readonly deviceId: number = N.VIRTIO_ID_NET;
  readonly features: bigint;
  readonly queueSizes: readonly number[] = QUEUE_SIZES;
  readonly configBytes: number = N.NET_CONFIG_BYTES;
  readonly statistics: NetStatistics = { received: 0, receiveDropped: 0, sent: 0, sendDropped: 0 };
  readonly #options: NetDeviceOptions;
  readonly #config: DataView = new DataView(new ArrayBuffer(N.NET_CONFIG_BYTES));
  /** The address that the driver gave it, at first its own. */
  readonly #address: Uint8Array;
  readonly #filter: RxFilter = new RxFilter();
  readonly #rx: RxPath = new RxPath();
  readonly #header: Uint8Array = new Uint8Array(N.NET_HEADER_BYTES);
  readonly #headerView: DataView = new DataView(this.#header.buffer);
  #driver: DriverConnection | null = null;
  /** The driver has notified of frames that are still in its queue. */
  #hasFrames = false;
  #rxOptions: RxOptions = { canMerge: false, knowsChecksums: false };
  #offloads: NetOffloads = { checksum: false, tcp4: false, tcp6: false };

  constructor(options: NetDeviceOptions) {
    this.#options = options;
    const { address, mtu, port } = options;
    if (address.length !== ADDRESS_BYTES) throw new RangeError('a MAC address has six bytes');
    const bits = mtu === undefined ? FEATURES : [...FEATURES, N.VIRTIO_NET_F_MTU];
    this.features = bits.reduce((all, bit) => all | featureMask(bit), 0n);
    this.#address = address.slice();
    this.#config.setUint16(N.NET_CONFIG_STATUS, N.VIRTIO_NET_S_LINK_UP, true);
    this.#config.setUint16(N.NET_CONFIG_MAX_PAIRS, 1, true);
    this.#config.setUint16(N.NET_CONFIG_MTU, mtu ?? 0, true);
    this.#showAddress(address);
    port.listen((frame) => this.#deliver(frame));
  }

  get isLinkUp(): boolean {
    return this.#config.getUint16(N.NET_CONFIG_STATUS, true) === N.VIRTIO_NET_S_LINK_UP;
  }

  /** Plugs the cable in, or pulls it. */
  setLink(isUp: boolean): void {
    if (isUp === this.isLinkUp) return;
    this.#config.setUint16(N.NET_CONFIG_STATUS, isUp ? N.VIRTIO_NET_S_LINK_UP : 0, true);
    this.#driver?.configChanged();
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  /** The address is changed by the control queue; nothing else can be. */
  writeConfig(): void {}

  activate(driver: DriverConnection): void {
    this.#driver = driver;
    const has = (bit: number) => hasFeature(driver.features, bit);
    const checksum = has(N.VIRTIO_NET_F_GUEST_CSUM);
    this.#rxOptions = { canMerge: has(N.VIRTIO_NET_F_MRG_RXBUF), knowsChecksums: checksum };
    this.#offloads = {
      checksum,
      tcp4: checksum && has(N.VIRTIO_NET_F_GUEST_TSO4),
      tcp6: checksum && has(N.VIRTIO_NET_F_GUEST_TSO6),
    };
    this.#filter.filtersVlans = has(N.VIRTIO_NET_F_CTRL_VLAN);
  }

  notified(index: number): void {
    if (index === RECEIVE) this.#fill();
    else if (index === TRANSMIT) {
      this.#hasFrames = true;
      if (!this.#options.sendsBetweenSlices) this.sliceEnded();
    } else this.#drain(CONTROL, (chain) => this.#command(chain));
  }

  /** The guest does not run: what it has to send leaves. */
  sliceEnded(): void {
    if (!this.#hasFrames) return;
    this.#hasFrames = false;
    this.#drain(TRANSMIT, (chain) => this.#transmit(chain));
  }

  queueReset(index: number): void {
    if (index === RECEIVE) this.#rx.reset();
  }

  reset(): void {
    this.#driver = null;
    this.#rx.reset();
    this.#filter.reset();
    this.#showAddress(this.#options.address);
  }

  save(): NetDeviceState {
    const { isLinkUp } = this;
    return { version: 1, address: [...this.#address], isLinkUp, filter: this.#filter.save() };
  }

  restore(state: unknown): void {
    const reader = new SavedState('virtio network device', state, 1);
    const address = reader.integers('address', 0xff, ADDRESS_BYTES, ADDRESS_BYTES);
    const isLinkUp = reader.boolean('isLinkUp');
    this.#filter.restore(reader.value('filter'));
    this.#showAddress(Uint8Array.from(address));
    this.#config.setUint16(N.NET_CONFIG_STATUS, isLinkUp ? N.VIRTIO_NET_S_LINK_UP : 0, true);
  }

  #showAddress(address: Uint8Array): void {
    this.#address.set(address);
    for (const [i, byte] of address.entries()) this.#config.setUint8(N.NET_CONFIG_MAC + i, byte);
  }

  /** A frame arrives: it is for the driver, or not. */
  #deliver(frame: NetFrame): void {
    if (!this.#driver?.queue(RECEIVE) || !this.isLinkUp) return;
    if (!this.#filter.accepts(frame.bytes, this.#address)) return;
    for (const each of this.#options.finish(frame, this.#offloads)) {
      if (this.#rx.add(each)) this.statistics.received++;
      else {
        // Nor is there room for what else the frame would be cut into.
        this.statistics.receiveDropped++;
        break;
      }
    }
    this.#fill();
    this.#options.onCompletion?.();
  }

  #fill(): void {
    const queue = this.#driver?.queue(RECEIVE);
    if (!queue) return;
    this.statistics.receiveDropped += this.#rx.fill(queue, this.#rxOptions);
    this.#driver?.publish(RECEIVE);
  }

  /** Answers every buffer of a queue at once; `serve` returns how many bytes it wrote. */
  #drain(index: number, serve: (chain: DescriptorChain) => number): void {
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop())
      queue.push(chain, serve(chain));
    this.#driver?.publish(index);
  }

  #transmit(chain: DescriptorChain): number {
    const byteLength = chain.readableBytes - N.NET_HEADER_BYTES;
    if (byteLength < MIN_FRAME_BYTES || byteLength > MAX_FRAME_BYTES) {
      this.statistics.sendDropped++;
      return 0;
    }
    chain.read(0, this.#header);
    const bytes = new Uint8Array(byteLength);
    chain.read(N.NET_HEADER_BYTES, bytes);
    const frame = frameOf(this.#headerView, bytes);
    if (frame && this.isLinkUp) {
      this.statistics.sent++;
      this.#options.port.send(frame);
    } else {
      this.statistics.sendDropped++;
    }
    return 0;
  }

  #command(chain: DescriptorChain): number {
    if (chain.writableBytes < 1) return 0;
    const bytes = new Uint8Array(Math.min(chain.readableBytes, MAX_COMMAND_BYTES));
    chain.read(0, bytes);
    const isWhole = bytes.length >= 2 && bytes.length === chain.readableBytes;
    const isDone = isWhole && this.#execute(bytes[0], bytes[1], bytes.subarray(2));
    return chain.write(0, Uint8Array.of(isDone ? N.VIRTIO_NET_OK : N.VIRTIO_NET_ERR));
  }

  /** Does a command of the control queue; false if it is none. */
  #execute(commandClass: number, command: number, data: Uint8Array): boolean {
    switch (commandClass) {
      case N.VIRTIO_NET_CTRL_RX:
        return this.#filter.setMode(command, data);
      case N.VIRTIO_NET_CTRL_VLAN:
        return this.#filter.setVlan(command, data);
      case N.VIRTIO_NET_CTRL_MAC:
        if (command === N.VIRTIO_NET_CTRL_MAC_TABLE_SET) return this.#filter.setTable(data);
        if (command !== N.VIRTIO_NET_CTRL_MAC_ADDR_SET || data.length !== ADDRESS_BYTES)
          return false;
        this.#showAddress(data);
        return true;
      default:
        return false;
    }
  }
}
