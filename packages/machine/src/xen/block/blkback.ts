// Blkback: a disk shown to one guest as a Xen block device. io/blkif.h.
// Rings of up to 16 pages, several queues, indirect segments, flush, barrier, discard, persistent grants.
import {
  VDISK_CDROM,
  VDISK_READONLY,
  XEN_IO_PROTO_ABI_X86_32,
  XEN_IO_PROTO_ABI_X86_64,
} from '@proxeny/abi';
import type { WordSize } from '@proxeny/memory';
import { type BlockBackend, SECTOR_BYTES } from '../../storage/block-backend.js';
import type { BackendHost } from '../backend-host.js';
import { GrantedPages } from '../ring/granted-pages.js';
import { FrontendKeys } from '../xenbus/frontend-keys.js';
import type { XenbusDevice, XenbusKeys } from '../xenbus/xenbus-backend.js';
import { BlkQueue } from './blk-queue.js';
import { BlkStatistics } from './blk-statistics.js';

const MAX_RING_PAGE_ORDER = 4;
const MAX_INDIRECT_SEGMENTS = 256;
/** Mapped for longer, for each queue; what a front-end with a ring of 32 requests of 32 segments uses. */
const MAX_PERSISTENT_GRANTS = 1056;

export interface BlkbackOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  /** Closed by whoever opened it, after the device. */
  readonly disk: BlockBackend;
  /** Shown as read-only, though the disk may be written. */
  readonly isReadOnly?: boolean;
  /** Shown as a CD-ROM. */
  readonly isCdrom?: boolean;
  readonly maxQueues?: number;
}

/** What one queue's directory says. */
interface QueueKeys {
  readonly refs: readonly number[];
  readonly port: number;
}

export class Blkback implements XenbusDevice {
  readonly statistics: BlkStatistics = new BlkStatistics();
  readonly #options: BlkbackOptions;
  readonly #maxQueues: number;
  #queues: BlkQueue[] = [];

  constructor(options: BlkbackOptions) {
    this.#options = options;
    this.#maxQueues = options.maxQueues ?? 1;
  }

  /** Connected queues. */
  get queueCount(): number {
    return this.#queues.length;
  }

  get #isReadOnly(): boolean {
    return this.#options.isReadOnly === true || this.#options.disk.isReadOnly;
  }

  announce(): XenbusKeys {
    return {
      'feature-max-indirect-segments': MAX_INDIRECT_SEGMENTS,
      'multi-queue-max-queues': this.#maxQueues,
      'max-ring-page-order': MAX_RING_PAGE_ORDER,
    };
  }

  describe(): XenbusKeys {
    const { disk, isCdrom } = this.#options;
    const canDiscard = this.#isReadOnly ? 0 : 1;
    return {
      'feature-flush-cache': 1,
      'feature-discard': canDiscard,
      ...(canDiscard
        ? { 'discard-granularity': 4096, 'discard-alignment': 0, 'discard-secure': 0 }
        : {}),
      'feature-barrier': 1,
      'feature-persistent': 1,
      sectors: disk.sectorCount,
      info: (isCdrom ? VDISK_CDROM : 0) | (this.#isReadOnly ? VDISK_READONLY : 0),
      'sector-size': SECTOR_BYTES,
      'physical-sector-size': disk.blockBytes,
    };
  }

  connect(frontendPath: string): string | null {
    const { host, guestId } = this.#options;
    const keys = new FrontendKeys(host.store, frontendPath);
    const word = this.#wordOf(keys.text('protocol'));
    if (word === null) return 'protocol: unknown';
    const found = this.#queueKeys(keys);
    if (typeof found === 'string') return found;
    const maxPersistentGrants = keys.has('feature-persistent') ? MAX_PERSISTENT_GRANTS : 0;
    for (const [index, { refs, port }] of found.entries()) {
      const pages = GrantedPages.map(host.grants, host.memory, guestId, refs);
      const hostPort = pages ? host.bindPort(guestId, port) : null;
      if (!pages || !hostPort) {
        pages?.release();
        void this.disconnect();
        return pages
          ? `event-channel of queue ${index}: cannot be bound`
          : `ring-ref of queue ${index}: cannot be mapped`;
      }
      this.#queues.push(this.#makeQueue(word, pages, hostPort, maxPersistentGrants));
    }
    return null;
  }

  #makeQueue(
    word: WordSize,
    pages: GrantedPages,
    port: NonNullable<ReturnType<BackendHost['bindPort']>>,
    maxPersistentGrants: number,
  ): BlkQueue {
    return new BlkQueue({
      host: this.#options.host,
      guestId: this.#options.guestId,
      disk: this.#options.disk,
      isReadOnly: this.#isReadOnly,
      statistics: this.statistics,
      word,
      pages,
      port,
      maxIndirectSegments: MAX_INDIRECT_SEGMENTS,
      maxPersistentGrants,
    });
  }

  async disconnect(): Promise<void> {
    const queues = this.#queues;
    this.#queues = [];
    await Promise.all(queues.map((queue) => queue.close()));
  }

  #wordOf(protocol: string | null): WordSize | null {
    if (protocol === null) return this.#options.host.wordOf(this.#options.guestId);
    if (protocol === XEN_IO_PROTO_ABI_X86_32) return 32;
    return protocol === XEN_IO_PROTO_ABI_X86_64 ? 64 : null;
  }

  /** What every queue's rings and ports are, or what is wrong with that. */
  #queueKeys(keys: FrontendKeys): QueueKeys[] | string {
    const count =
      keys.text('multi-queue-num-queues') === null ? 1 : keys.number('multi-queue-num-queues');
    if (count === null || count < 1 || count > this.#maxQueues)
      return 'multi-queue-num-queues: out of range';
    const order = keys.text('ring-page-order') === null ? null : keys.number('ring-page-order');
    const isSinglePage = keys.text('ring-page-order') === null;
    if (!isSinglePage && (order === null || order > MAX_RING_PAGE_ORDER))
      return 'ring-page-order: out of range';
    const queues: QueueKeys[] = [];
    for (let index = 0; index < count; index++) {
      const own = count === 1 ? keys : keys.below(`queue-${index}`);
      const names = isSinglePage
        ? ['ring-ref']
        : Array.from({ length: 1 << (order ?? 0) }, (_, page) => `ring-ref${page}`);
      const refs = names.map((name) => own.number(name));
      const port = own.number('event-channel');
      const hasAll = (all: (number | null)[]): all is number[] => !all.includes(null);
      if (!hasAll(refs)) return `ring-ref of queue ${index}: missing`;
      if (port === null) return `event-channel of queue ${index}: missing`;
      queues.push({ refs, port });
    }
    return queues;
  }
}
