// BalloonDevice: the memory balloon device. VIRTIO 1.2 §5.5.
// The driver takes pages from its guest until the balloon is as large as is wished for, and tells which. It may do as it likes: what it
// says is kept as a number, and pages are only handed on.
import { readConfigSpace } from '../device/config-space.js';
import type { AccessSize, DriverConnection, VirtioDevice } from '../device/virtio-device.js';
import type { DescriptorChain } from '../queue/descriptor-chain.js';
import { SavedState } from '../saved-state.js';
import * as B from '../spec/balloon.js';
import { featureMask } from '../spec/feature.js';
import { type BalloonStatistics, readStatistics } from './balloon-statistics.js';

const INFLATE = 0;
const STATISTICS = 2;
/** Queues of features that nobody has are not counted, as drivers and devices have it: it would be the fifth. */
const REPORTING = 3;
const QUEUE_SIZE = 128;
/** Page numbers of one buffer that are looked at; Linux sends 256. */
const MAX_PAGES = 16_384;
const PAGE_NUMBER_BYTES = 4;
const MAX_PAGE_COUNT = 0xffff_ffff;

export interface BalloonDeviceOptions {
  /** How large the balloon should be at first, in bytes; part of a page is left out. Default: 0. */
  readonly targetBytes?: number;
  /** The driver may take pages back when its guest needs them badly; default: yes. */
  readonly deflatesOnOom?: boolean;
  /**
   * Gets pages that the guest does not need, from their guest-physical address on: those in the balloon, and free ones, which it goes on to
   * use when it likes. Nobody needs what is in them now. The guest may name anything here, RAM or not. Called within a slice.
   * Without it, the device does not ask for free pages (VIRTIO_BALLOON_F_PAGE_REPORTING).
   */
  readonly release?: (at: number, byteLength: number) => void;
  /** The guest has told of its memory. */
  readonly onStatistics?: (statistics: BalloonStatistics) => void;
}

/** Saved state of a {@link BalloonDevice}; sizes in pages of 4 KiB. */
export interface BalloonDeviceState {
  readonly version: 1;
  readonly target: number;
  readonly actual: number;
  readonly poison: number;
}

export class BalloonDevice implements VirtioDevice {
  readonly deviceId: number = B.VIRTIO_ID_BALLOON;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly configBytes: number = B.BALLOON_CONFIG_BYTES;
  readonly #config: DataView = new DataView(new ArrayBuffer(B.BALLOON_CONFIG_BYTES));
  readonly #release: ((at: number, byteLength: number) => void) | null;
  readonly #onStatistics: (statistics: BalloonStatistics) => void;
  readonly #pageNumbers: DataView = new DataView(new ArrayBuffer(MAX_PAGES * PAGE_NUMBER_BYTES));
  #driver: DriverConnection | null = null;
  /** The buffer that goes back when statistics are wanted. */
  #statisticsChain: DescriptorChain | null = null;

  constructor(options: BalloonDeviceOptions = {}) {
    const { targetBytes = 0, deflatesOnOom = true } = options;
    this.#release = options.release ?? null;
    this.#onStatistics = options.onStatistics ?? (() => {});
    const bits = [
      B.VIRTIO_BALLOON_F_STATS_VQ,
      ...(deflatesOnOom ? [B.VIRTIO_BALLOON_F_DEFLATE_ON_OOM] : []),
      ...(this.#release ? [B.VIRTIO_BALLOON_F_PAGE_POISON, B.VIRTIO_BALLOON_F_PAGE_REPORTING] : []),
    ];
    this.features = bits.reduce((all, bit) => all | featureMask(bit), 0n);
    this.queueSizes = new Array(this.#release ? 4 : 3).fill(QUEUE_SIZE);
    this.#setPages(B.BALLOON_CONFIG_NUM_PAGES, pageCount(targetBytes));
  }

  /** How large the balloon should be, in bytes. */
  get targetBytes(): number {
    return this.#pages(B.BALLOON_CONFIG_NUM_PAGES) * B.BALLOON_PAGE_BYTES;
  }

  /** How large it is, as the driver says. */
  get actualBytes(): number {
    return this.#pages(B.BALLOON_CONFIG_ACTUAL) * B.BALLOON_PAGE_BYTES;
  }

  /** Asks the driver for a balloon of another size; part of a page is left out. @throws RangeError for what is no size */
  setTarget(targetBytes: number): void {
    this.#setPages(B.BALLOON_CONFIG_NUM_PAGES, pageCount(targetBytes));
    this.#driver?.configChanged();
  }

  /** Asks the driver to tell of its memory. False if it cannot be asked now: there is none, or it was asked already. */
  requestStatistics(): boolean {
    const queue = this.#driver?.queue(STATISTICS);
    if (!queue || !this.#statisticsChain) return false;
    queue.push(this.#statisticsChain, 0);
    this.#statisticsChain = null;
    this.#driver?.publish(STATISTICS);
    return true;
  }

  readConfig(offset: number, size: AccessSize): number {
    return readConfigSpace(this.#config, offset, size);
  }

  /** The driver says how large the balloon is, and what it fills free pages with. */
  writeConfig(offset: number, size: AccessSize, value: number): void {
    const isWritable = offset === B.BALLOON_CONFIG_ACTUAL || offset === B.BALLOON_CONFIG_POISON_VAL;
    if (isWritable && size === 4) this.#setPages(offset, value);
  }

  activate(driver: DriverConnection): void {
    this.#driver = driver;
  }

  notified(index: number): void {
    const queue = this.#driver?.queue(index);
    if (!queue) return;
    for (let chain = queue.pop(); chain !== null; chain = queue.pop()) {
      if (index === STATISTICS) {
        // There should be one buffer only: of several, the last one stays.
        if (this.#statisticsChain) queue.push(this.#statisticsChain, 0);
        this.#statisticsChain = chain;
        this.#onStatistics(readStatistics(chain));
        continue;
      }
      if (index === INFLATE) this.#releaseListed(chain);
      else if (index === REPORTING) this.#releaseBuffers(chain);
      queue.push(chain, 0);
    }
    this.#driver?.publish(index);
  }

  queueReset(index: number): void {
    if (index === STATISTICS) this.#statisticsChain = null;
  }

  reset(): void {
    this.#driver = null;
    this.#statisticsChain = null;
    this.#setPages(B.BALLOON_CONFIG_ACTUAL, 0);
    this.#setPages(B.BALLOON_CONFIG_POISON_VAL, 0);
  }

  save(): BalloonDeviceState {
    return {
      version: 1,
      target: this.#pages(B.BALLOON_CONFIG_NUM_PAGES),
      actual: this.#pages(B.BALLOON_CONFIG_ACTUAL),
      poison: this.#pages(B.BALLOON_CONFIG_POISON_VAL),
    };
  }

  restore(state: unknown): void {
    const reader = new SavedState('virtio balloon device', state, 1);
    const [target, actual, poison] = (['target', 'actual', 'poison'] as const).map((name) =>
      reader.integer(name, 0, MAX_PAGE_COUNT),
    );
    this.#setPages(B.BALLOON_CONFIG_NUM_PAGES, target);
    this.#setPages(B.BALLOON_CONFIG_ACTUAL, actual);
    this.#setPages(B.BALLOON_CONFIG_POISON_VAL, poison);
  }

  #pages(field: number): number {
    return this.#config.getUint32(field, true);
  }

  #setPages(field: number, count: number): void {
    this.#config.setUint32(field, count, true);
  }

  /** Pages whose numbers are in a buffer, those that follow one another together. */
  #releaseListed(chain: DescriptorChain): void {
    if (!this.#release) return;
    const numbers = this.#pageNumbers;
    const byteLength = chain.read(0, new Uint8Array(numbers.buffer));
    let first = 0;
    let count = 0;
    const flush = (): void => {
      if (count > 0) this.#release?.(first * B.BALLOON_PAGE_BYTES, count * B.BALLOON_PAGE_BYTES);
    };
    for (let at = 0; at + PAGE_NUMBER_BYTES <= byteLength; at += PAGE_NUMBER_BYTES) {
      const number = numbers.getUint32(at, true);
      if (number !== first + count) {
        flush();
        first = number;
        count = 0;
      }
      count++;
    }
    flush();
  }

  /** Free pages: the pieces of a buffer are they themselves. What a driver fills them with must stay, unless it is 0 (§5.5.6.7). */
  #releaseBuffers(chain: DescriptorChain): void {
    if (this.#pages(B.BALLOON_CONFIG_POISON_VAL) !== 0) return;
    for (let i = 0; i < chain.writableCount; i++)
      this.#release?.(chain.writableAt(i), chain.writableLength(i));
  }
}

function pageCount(byteLength: number): number {
  const count = Math.floor(byteLength / B.BALLOON_PAGE_BYTES);
  if (count >= 0 && count <= MAX_PAGE_COUNT) return count;
  throw new RangeError(`a balloon of ${byteLength} bytes cannot be`);
}
