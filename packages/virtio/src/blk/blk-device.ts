// BlkDevice: the block device. VIRTIO 1.2 §5.2.
// What the host has at hand is moved straight between the disk and the guest's memory within the driver's notification, as much as a slice
// may take; then the driver has its answer, and no interrupt to sleep for. All else is in flight between slices, and goes through
// buffers of the host: out of the guest when a write starts, into it when a read is done. What is taken from a queue is bounded by the
// bytes in flight, whatever the guest asks; the rest waits in the queue.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import type { Virtqueue } from '../queue/virtqueue.js';
import { SavedState } from '../saved-state.js';
import * as B from '../spec/blk.js';
import { hasFeature } from '../spec/feature.js';
import type { BlkBackend } from './blk-backend.js';
import { blkConfig, blkFeatures } from './blk-config.js';
import { type BlkRequest, parseBlkRequest, type SectorRange } from './blk-request.js';
import { BufferPool } from './buffer-pool.js';

const QUEUE_SIZE = 256;
/** Of one transfer to or from the back-end: a longer request takes several. */
const MAX_TRANSFER_BYTES = 1 << 20;
/** While more are in flight, no request starts. */
const MAX_IN_FLIGHT_BYTES = 8 << 20;
/** What a request without data counts for: it has a promise, too. */
const REQUEST_BYTES = 512;
const KEPT_BYTES = 2 << 20;
/** What a request that is done within a notification counts for beside its data: the time of a system call. */
const PROMPT_REQUEST_BYTES = 8192;

export interface BlkDeviceOptions {
  readonly disk: BlkBackend;
  /** At most 20 ASCII characters: the disk's serial number. */
  readonly id?: string;
  /** Number of queues; default 1. */
  readonly queueCount?: number;
  /** Nothing may be changed, whatever the disk allows. */
  readonly isReadOnly?: boolean;
  /**
   * How many bytes are moved within notifications from one call of {@link BlkDevice.sliceBegins} to the next; default: none. The guest
   * and all others wait for them.
   */
  readonly promptBytes?: number;
  /** Requests were given to the disk: called within the driver's notification. */
  readonly onStart?: () => void;
  /** Requests were completed, and the driver may have something to do: called outside of any access of the guest. */
  readonly onCompletion?: () => void;
}

/** Saved state of a {@link BlkDevice}. */
export interface BlkDeviceState {
  readonly version: 1;
  readonly isWriteback: boolean;
}

/** A request that was taken from a queue. */
interface Job {
  readonly index: number;
  readonly queue: Virtqueue;
  readonly chain: DescriptorChain;
}

export class BlkDevice implements VirtioDevice {
  readonly deviceId: number = B.VIRTIO_ID_BLOCK;
  readonly features: bigint;
  readonly endsInAnyOrder: boolean = true;
  readonly queueSizes: readonly number[];
  readonly configBytes: number = B.BLK_CONFIG_BYTES;
  readonly #disk: BlkBackend;
  readonly #id: Uint8Array = new Uint8Array(B.VIRTIO_BLK_ID_BYTES);
  readonly #config: DataView;
  readonly #promptBytes: number;
  readonly #onStart: () => void;
  readonly #onCompletion: () => void;
  readonly #buffers: BufferPool = new BufferPool(KEPT_BYTES);
  readonly #statusByte: Uint8Array = new Uint8Array(1);
  /** Queues that got answers the driver has not been shown. */
  readonly #answered: Set<number> = new Set();
  #driver: DriverConnection | null = null;
  /** What the driver knows of the write cache: that it can switch it, that it can flush it. */
  #canSwitchCache = false;
  #canFlush = false;
  #inFlightBytes = 0;
  #promptBytesLeft = 0;

  constructor(options: BlkDeviceOptions) {
    const { disk, queueCount = 1, id = '', promptBytes = 0 } = options;
    this.#promptBytes = promptBytes;
    this.#disk = options.isReadOnly && !disk.isReadOnly ? readOnly(disk) : disk;
    this.#onStart = options.onStart ?? (() => {});
    this.#onCompletion = options.onCompletion ?? (() => {});
    this.#id.set(new TextEncoder().encode(id).subarray(0, B.VIRTIO_BLK_ID_BYTES));
    this.features = blkFeatures(this.#disk, queueCount);
    this.queueSizes = new Array(queueCount).fill(QUEUE_SIZE);
    this.#config = blkConfig(this.#disk, queueCount, QUEUE_SIZE);
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  /** Only the write cache can be switched (§5.2.4). */
  writeConfig(offset: number, size: AccessSize, value: number): void {
    if (offset === B.BLK_CONFIG_WRITEBACK && size === 1 && value <= 1)
      this.#config.setUint8(offset, value);
  }

  /** Requests are with the disk. */
  get isBusy(): boolean {
    return this.#inFlightBytes > 0;
  }

  /** The guest is about to run. */
  sliceBegins(): void {
    this.#promptBytesLeft = this.#promptBytes;
  }

  activate(driver: DriverConnection): void {
    this.#driver = driver;
    this.#canSwitchCache = hasFeature(driver.features, B.VIRTIO_BLK_F_CONFIG_WCE);
    this.#canFlush = hasFeature(driver.features, B.VIRTIO_BLK_F_FLUSH);
  }

  notified(index: number): void {
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    while (this.#inFlightBytes < MAX_IN_FLIGHT_BYTES && this.#driver?.queue(index) === queue) {
      const chain = queue.pop();
      if (chain === null) break;
      this.#start({ index, queue, chain });
    }
    this.#driver?.publish(index);
    if (this.isBusy) this.#onStart();
  }

  /** What is in flight finds that its queue is gone. */
  queueReset(): void {}

  reset(): void {
    this.#driver = null;
    this.#config.setUint8(B.BLK_CONFIG_WRITEBACK, 1);
  }

  save(): BlkDeviceState {
    return { version: 1, isWriteback: this.#config.getUint8(B.BLK_CONFIG_WRITEBACK) === 1 };
  }

  restore(state: unknown): void {
    const isWriteback = new SavedState('virtio block device', state, 1).boolean('isWriteback');
    this.#config.setUint8(B.BLK_CONFIG_WRITEBACK, Number(isWriteback));
  }

  /** Writes are done when they are in the host's cache; a flush makes them stable (§5.2.6.2). */
  get #isWriteback(): boolean {
    if (this.#canSwitchCache) return this.#config.getUint8(B.BLK_CONFIG_WRITEBACK) === 1;
    return this.#canFlush;
  }

  #start(job: Job): void {
    const { chain, index } = job;
    if (chain.readableBytes < B.VIRTIO_BLK_HEADER_BYTES || chain.writableBytes < 1) {
      this.#driver?.fail(`queue ${index} has a block request without header or status`);
      return;
    }
    const request = parseBlkRequest(chain, this.#disk);
    if (request.kind === 'refused') this.#answer(job, request.status, 0);
    else if (request.kind === 'id') this.#answer(job, B.VIRTIO_BLK_S_OK, chain.write(0, this.#id));
    else if (request.kind === 'read' && this.#readNow(job, request.sector, request.byteLength))
      this.#answer(job, B.VIRTIO_BLK_S_OK, request.byteLength);
    else if (request.kind === 'write' && this.#writeNow(job, request.sector, request.byteLength))
      this.#answer(job, B.VIRTIO_BLK_S_OK, 0);
    else this.#run(job, request);
  }

  /** Whether the slice may take a request's data now; counts it if so. */
  #mayMove(byteLength: number): boolean {
    if (this.#promptBytesLeft <= 0 || byteLength > MAX_TRANSFER_BYTES) return false;
    this.#promptBytesLeft -= byteLength + PROMPT_REQUEST_BYTES;
    return true;
  }

  #readNow({ chain }: Job, sector: number, byteLength: number): boolean {
    if (!this.#disk.readNow || !this.#mayMove(byteLength)) return false;
    const isDone = this.#disk.readNow(sector, chain.writableUpTo(byteLength));
    chain.reportWritten(byteLength);
    return isDone;
  }

  #writeNow({ chain }: Job, sector: number, byteLength: number): boolean {
    if (!this.#disk.writeNow || !this.#isWriteback || !this.#mayMove(byteLength)) return false;
    return this.#disk.writeNow(sector, chain.readableFrom(B.VIRTIO_BLK_HEADER_BYTES));
  }

  #run(job: Job, request: BlkRequest): void {
    const data = request.kind === 'read' || request.kind === 'write' ? request.byteLength : 0;
    const bytes = Math.min(data, MAX_TRANSFER_BYTES) + REQUEST_BYTES;
    this.#inFlightBytes += bytes;
    const finish = (status: number, written: number): void => {
      this.#inFlightBytes -= bytes;
      if (this.#isCurrent(job)) this.#answer(job, status, written);
      this.#settle(job.index);
    };
    this.#execute(job, request).then(
      () => finish(B.VIRTIO_BLK_S_OK, request.kind === 'read' ? request.byteLength : 0),
      () => finish(B.VIRTIO_BLK_S_IOERR, 0),
    );
  }

  #execute(job: Job, request: BlkRequest): Promise<void> {
    switch (request.kind) {
      case 'read':
        return this.#read(job, request.sector, request.byteLength);
      case 'write':
        return this.#write(job, request.sector, request.byteLength);
      case 'discard':
        return this.#change(request.ranges, (sector, count) => this.#disk.discard(sector, count));
      case 'zeroes':
        return this.#change(request.ranges, (sector, count) =>
          this.#disk.writeZeroes(sector, count),
        );
      default:
        return this.#disk.flush();
    }
  }

  async #read(job: Job, sector: number, byteLength: number): Promise<void> {
    const buffer = this.#buffers.take(Math.min(byteLength, MAX_TRANSFER_BYTES));
    for (let done = 0; done < byteLength; ) {
      const part = buffer.subarray(0, Math.min(byteLength - done, MAX_TRANSFER_BYTES));
      await this.#disk.read(sector + done / B.VIRTIO_BLK_SECTOR_BYTES, part);
      if (!this.#isCurrent(job)) return;
      done += job.chain.write(done, part);
    }
    this.#buffers.give(buffer);
  }

  async #write(job: Job, sector: number, byteLength: number): Promise<void> {
    const buffer = this.#buffers.take(Math.min(byteLength, MAX_TRANSFER_BYTES));
    for (let done = 0; done < byteLength; ) {
      const part = buffer.subarray(0, Math.min(byteLength - done, MAX_TRANSFER_BYTES));
      // The driver that asked is gone, and its memory may be something else by now.
      if (!this.#isCurrent(job)) return;
      job.chain.read(B.VIRTIO_BLK_HEADER_BYTES + done, part);
      await this.#disk.write(sector + done / B.VIRTIO_BLK_SECTOR_BYTES, part);
      done += part.byteLength;
    }
    this.#buffers.give(buffer);
    if (!this.#isWriteback) await this.#disk.flush();
  }

  async #change(
    ranges: readonly SectorRange[],
    change: (sector: number, count: number) => Promise<void>,
  ): Promise<void> {
    for (const { sector, count } of ranges) await change(sector, count);
    if (!this.#isWriteback) await this.#disk.flush();
  }

  /** Whether the chain is still the device's: not after a reset of device or queue. */
  #isCurrent({ index, queue }: Job): boolean {
    return this.#driver?.queue(index) === queue;
  }

  /** @param written bytes of data, from the start on; the status follows after all there is room for */
  #answer({ queue, chain }: Job, status: number, written: number): void {
    const statusAt = chain.writableBytes - 1;
    this.#statusByte[0] = status;
    chain.write(statusAt, this.#statusByte);
    queue.push(chain, written === statusAt ? written + 1 : written);
  }

  /** Once for all that finishes in the same turn: shows the answers, and takes what waits. */
  #settle(index: number): void {
    if (this.#answered.size === 0) void Promise.resolve().then(() => this.#settleAll());
    this.#answered.add(index);
  }

  #settleAll(): void {
    const indexes = [...this.#answered];
    this.#answered.clear();
    for (const index of indexes) this.notified(index);
    this.#onCompletion();
  }
}

/** The disk, as one that refuses changes. */
function readOnly(disk: BlkBackend): BlkBackend {
  const { sectorCount, blockBytes } = disk;
  const refuse = async (): Promise<void> => {
    throw new Error('the disk is read-only');
  };
  return {
    ...{ sectorCount, blockBytes, isReadOnly: true },
    read: (sector, target) => disk.read(sector, target),
    ...(disk.readNow && { readNow: (sector, targets) => disk.readNow?.(sector, targets) ?? false }),
    flush: () => disk.flush(),
    ...{ write: refuse, discard: refuse, writeZeroes: refuse },
  };
}
