// BlkQueue: one ring of a connected blkfront: takes requests, does them on a disk, and answers. io/blkif.h.
// What is taken from the ring is bounded by its slots and by MAX_IN_FLIGHT_BYTES of buffers, whatever the guest asks; the rest waits in
// the ring. What cannot be done gets an error as its response, and touches neither disk nor guest.
// Data goes through a buffer of the host: into it when a write starts, out of it when a read is done, both between slices.
import {
  BLKIF_OP_DISCARD,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE_BARRIER,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_BYTES,
  blkif_response,
} from '@proxeny/abi';
import type { HostMapping, HostPort } from '@proxeny/hv-core';
import { PAGE_SIZE, type WordSize } from '@proxeny/memory';
import type { BlockBackend } from '../../storage/block-backend.js';
import type { BackendHost } from '../backend-host.js';
import { BackRing } from '../ring/back-ring.js';
import type { GrantedPages } from '../ring/granted-pages.js';
import { type BlkRequest, BlkRequestDecoder, type BlkSegment, sectorsOf } from './blk-request.js';
import type { BlkStatistics } from './blk-statistics.js';
import { DataPages } from './data-pages.js';

/** Buffers of requests in flight on one ring; a single request may be larger. */
const MAX_IN_FLIGHT_BYTES = 4 << 20;

export interface BlkQueueOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  readonly disk: BlockBackend;
  readonly isReadOnly: boolean;
  readonly statistics: BlkStatistics;
  /** The layout the guest's rings have. */
  readonly word: WordSize;
  readonly pages: GrantedPages;
  readonly port: HostPort;
  readonly maxIndirectSegments: number;
  /** 0 without persistent grants. */
  readonly maxPersistentGrants: number;
}

export class BlkQueue {
  readonly #options: BlkQueueOptions;
  readonly #ring: BackRing;
  readonly #decoder: BlkRequestDecoder;
  readonly #data: DataPages;
  readonly #slot: Uint8Array;
  readonly #slotView: DataView;
  readonly #response: Uint8Array;
  readonly #responseView: DataView;
  /** Taken from the ring, but must wait for others. */
  #waiting: BlkRequest | null = null;
  /** Pages that reads in flight hold. */
  readonly #held: Set<readonly HostMapping[]> = new Set();
  #inFlight = 0;
  #inFlightBytes = 0;
  #isBehindBarrier = false;
  #isProcessing = false;
  #isClosed = false;
  readonly #idle: (() => void)[] = [];

  constructor(options: BlkQueueOptions) {
    const { host, guestId, pages, word } = options;
    this.#options = options;
    this.#data = new DataPages(host, guestId, options.maxPersistentGrants);
    this.#decoder = new BlkRequestDecoder(word, options.maxIndirectSegments, (refs, target) =>
      this.#readIndirect(refs, target),
    );
    this.#ring = new BackRing(pages, this.#decoder.slotBytes);
    this.#slot = new Uint8Array(this.#decoder.slotBytes);
    this.#slotView = new DataView(this.#slot.buffer);
    this.#response = new Uint8Array(blkif_response.of(word).byteLength);
    this.#responseView = new DataView(this.#response.buffer);
    options.port.onEvent(() => this.#process());
  }

  /** The guest forged the ring's indexes; it gets no more answers. */
  get isBroken(): boolean {
    return this.#ring.isBroken;
  }

  /** Lets go of all the guest granted, at once. The result is there when the disk has done what was in flight. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.#waiting = null;
      this.#options.port.close();
      for (const pages of this.#held) this.#releaseAll(pages);
      this.#held.clear();
      this.#data.releaseKept();
      this.#options.pages.release();
    }
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #readIndirect(refs: readonly number[], target: Uint8Array): boolean {
    const { host, guestId } = this.#options;
    return refs.every((ref, page) => {
      const at = page * PAGE_SIZE;
      return host.grants.copyFrom(guestId, ref, 0, target.subarray(at, at + PAGE_SIZE)) === 0;
    });
  }

  #process(): void {
    if (this.#isClosed || this.#isProcessing) return;
    this.#isProcessing = true;
    do while (this.#startNext());
    while (!this.#waiting && this.#ring.armRequestEvent());
    this.#isProcessing = false;
    if (this.#ring.publish()) this.#options.port.notify();
  }

  /** False if there is no request, or it must wait. */
  #startNext(): boolean {
    const request = this.#waiting ?? this.#take();
    this.#waiting = null;
    if (!request) return false;
    if (!this.#mayStart(request)) {
      this.#waiting = request;
      return false;
    }
    this.#start(request);
    return true;
  }

  #take(): BlkRequest | null {
    return this.#ring.take(this.#slot) ? this.#decoder.decode(this.#slotView) : null;
  }

  #mayStart(request: BlkRequest): boolean {
    if (this.#isBehindBarrier) return false;
    if (this.#inFlight === 0) return true;
    if (request.operation === BLKIF_OP_WRITE_BARRIER) return false;
    const bytes = sectorsOf(request.segments) * BLKIF_SECTOR_BYTES;
    return this.#inFlightBytes + bytes <= MAX_IN_FLIGHT_BYTES;
  }

  #start(request: BlkRequest): void {
    const work = request.status === BLKIF_RSP_OKAY ? this.#begin(request) : null;
    if (!work) {
      const { status } = request;
      this.#answer(request, status === BLKIF_RSP_OKAY ? BLKIF_RSP_ERROR : status);
      return;
    }
    const bytes = sectorsOf(request.segments) * BLKIF_SECTOR_BYTES;
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    this.#isBehindBarrier = request.operation === BLKIF_OP_WRITE_BARRIER;
    const finish = (status: number): void => {
      this.#inFlight--;
      this.#inFlightBytes -= bytes;
      this.#isBehindBarrier = false;
      if (this.#isClosed) {
        if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
        return;
      }
      this.#answer(request, status);
      this.#process();
      this.#options.host.wake();
    };
    work.then(
      () => finish(BLKIF_RSP_OKAY),
      () => finish(BLKIF_RSP_ERROR),
    );
  }

  /** Checks against disk and grants, and starts; null if that refuses. */
  #begin(request: BlkRequest): Promise<void> | null {
    const { disk, isReadOnly, statistics } = this.#options;
    const { operation, sector, segments } = request;
    const count = operation === BLKIF_OP_DISCARD ? request.sectorCount : sectorsOf(segments);
    const isFlush = operation === BLKIF_OP_FLUSH_DISKCACHE;
    const isEmptyFlush = count === 0 && (isFlush || operation === BLKIF_OP_WRITE_BARRIER);
    // A request of no sectors names none that could be out of range.
    if (!isEmptyFlush && !(count <= disk.sectorCount && sector <= disk.sectorCount - count))
      return null;
    if (operation === BLKIF_OP_READ) return this.#beginRead(request, count);
    if (isFlush) statistics.flushes++;
    if (isEmptyFlush) return disk.flush();
    if (isReadOnly) return null;
    if (operation === BLKIF_OP_DISCARD) {
      statistics.discards++;
      return disk.discard(sector, count);
    }
    const buffer = this.#gather(segments, count);
    if (!buffer) return null;
    statistics.writes++;
    statistics.sectorsWritten += count;
    return this.#write(operation, sector, buffer);
  }

  async #write(operation: number, sector: number, buffer: Uint8Array): Promise<void> {
    const { disk } = this.#options;
    const isBarrier = operation === BLKIF_OP_WRITE_BARRIER;
    if (isBarrier || operation === BLKIF_OP_FLUSH_DISKCACHE) await disk.flush();
    await disk.write(sector, buffer);
    if (isBarrier) await disk.flush();
  }

  #beginRead(request: BlkRequest, count: number): Promise<void> | null {
    const { disk, statistics } = this.#options;
    const pages = this.#acquireAll(request.segments, false);
    if (!pages) return null;
    statistics.reads++;
    statistics.sectorsRead += count;
    this.#held.add(pages);
    return this.#read(disk, request, pages, new Uint8Array(count * BLKIF_SECTOR_BYTES));
  }

  async #read(
    disk: BlockBackend,
    request: BlkRequest,
    pages: readonly HostMapping[],
    buffer: Uint8Array,
  ): Promise<void> {
    try {
      await disk.read(request.sector, buffer);
      // Gone with the connection: its pages are not ours any more.
      if (this.#held.has(pages)) this.#scatter(request.segments, pages, buffer);
    } finally {
      if (this.#held.delete(pages)) this.#releaseAll(pages);
    }
  }

  #acquireAll(segments: readonly BlkSegment[], isReadOnly: boolean): HostMapping[] | null {
    const pages: HostMapping[] = [];
    for (const { ref } of segments) {
      const page = this.#data.acquire(ref, isReadOnly);
      if (!page) {
        this.#releaseAll(pages);
        return null;
      }
      pages.push(page);
    }
    return pages;
  }

  #releaseAll(pages: readonly HostMapping[]): void {
    for (const page of pages) this.#data.release(page);
  }

  /** The guest's data of a write; null if a grant does not allow to read it. */
  #gather(segments: readonly BlkSegment[], count: number): Uint8Array | null {
    const pages = this.#acquireAll(segments, true);
    if (!pages) return null;
    const { bytes } = this.#options.host.memory;
    const buffer = new Uint8Array(count * BLKIF_SECTOR_BYTES);
    let done = 0;
    for (const [i, { first, last }] of segments.entries()) {
      const page = (pages[i] as HostMapping).mfn * PAGE_SIZE;
      const source = bytes.subarray(
        page + first * BLKIF_SECTOR_BYTES,
        page + (last + 1) * BLKIF_SECTOR_BYTES,
      );
      buffer.set(source, done);
      done += source.byteLength;
    }
    this.#releaseAll(pages);
    return buffer;
  }

  #scatter(
    segments: readonly BlkSegment[],
    pages: readonly HostMapping[],
    buffer: Uint8Array,
  ): void {
    const { memory } = this.#options.host;
    let done = 0;
    for (const [i, { first, last }] of segments.entries()) {
      const { mfn } = pages[i] as HostMapping;
      const length = (last - first + 1) * BLKIF_SECTOR_BYTES;
      memory.bytes.set(
        buffer.subarray(done, done + length),
        mfn * PAGE_SIZE + first * BLKIF_SECTOR_BYTES,
      );
      memory.onWrite?.(mfn);
      done += length;
    }
  }

  #answer(request: BlkRequest, status: number): void {
    if (status !== BLKIF_RSP_OKAY) this.#options.statistics.errors++;
    const { fields } = blkif_response.of(this.#options.word);
    fields.id.setHalves(this.#responseView, 0, request.idLow, request.idHigh);
    fields.operation.set(this.#responseView, 0, request.operation);
    fields.status.set(this.#responseView, 0, status);
    this.#ring.answer(this.#response);
  }
}
