// Blkfront: a native kernel's driver for a Xen block device. io/blkif.h.
import {
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_DISCARD,
  BLKIF_OP_INDIRECT,
  BLKIF_SECTOR_BYTES,
  BLKIF_SEGMENTS_PER_INDIRECT_PAGE,
  blkif_request,
  blkif_request_discard,
  blkif_request_indirect,
  blkif_request_segment,
  blkif_response,
  XenbusStateInitWait,
} from '@proxeny/abi';
import { FrontDevice, type FrontKernel } from './front-device.js';
import { FrontRing } from './front-ring.js';
import type { NativeCode } from './native-code.js';

const PAGE_BYTES = 4096;
const SECTORS_PER_PAGE = PAGE_BYTES / BLKIF_SECTOR_BYTES;

export interface BlkfrontOptions {
  /** The ring has 2^order pages. */
  readonly ringPageOrder?: number;
  /** Use the same grants over and over. */
  readonly isPersistent?: boolean;
}

/** Sectors of a granted page. */
export interface BlkfrontSegment {
  readonly gref: number;
  readonly first_sect: number;
  readonly last_sect: number;
}

export interface BlkfrontResponse {
  readonly id: number;
  readonly operation: number;
  readonly status: number;
}

export class Blkfront {
  readonly device: FrontDevice;
  readonly kernel: FrontKernel;
  /** What the back-end told. */
  sectorCount = 0;
  info = 0;
  ring: FrontRing | null = null;
  port = 0;
  #refs: number[] = [];
  readonly #options: BlkfrontOptions;
  #nextId = 1;

  constructor(kernel: FrontKernel, path: string, options: BlkfrontOptions = {}) {
    this.kernel = kernel;
    this.device = new FrontDevice(kernel, path);
    this.#options = options;
  }

  /** Meets the back-end; false if it refuses. */
  *connect(): NativeCode<boolean> {
    const { device, kernel } = this;
    const { ringPageOrder, isPersistent } = this.#options;
    yield* device.find();
    yield* device.waitForBackend(XenbusStateInitWait);
    const pages = 1 << (ringPageOrder ?? 0);
    const address = kernel.takePages(pages);
    const slotBytes = blkif_request.of(kernel.guest.word).byteLength;
    this.ring = new FrontRing(kernel.guest, address, pages * PAGE_BYTES, slotBytes);
    this.#refs = [];
    for (let page = 0; page < pages; page++) {
      const ref = kernel.grants.grant(device.backendId, address + page * PAGE_BYTES);
      this.#refs.push(ref);
      yield* device.write(ringPageOrder === undefined ? 'ring-ref' : `ring-ref${page}`, ref);
    }
    if (ringPageOrder !== undefined) yield* device.write('ring-page-order', ringPageOrder);
    this.port = yield* kernel.events.allocate(device.backendId);
    yield* device.write('event-channel', this.port);
    yield* device.write('protocol', device.protocol);
    if (isPersistent) yield* device.write('feature-persistent', 1);
    if (!(yield* device.meet())) return false;
    this.sectorCount = Number(yield* device.readBackend('sectors'));
    this.info = Number(yield* device.readBackend('info'));
    return true;
  }

  /** Ends the connection; whether the back-end has let go of the ring. */
  *disconnect(): NativeCode<boolean> {
    yield* this.device.part(['ring-ref', 'event-channel', 'protocol']);
    yield* this.kernel.events.close(this.port);
    this.ring = null;
    return this.#refs.every((ref) => this.kernel.grants.end(ref));
  }

  /** Writes a request of up to 11 segments, not yet shown to the back-end; its id. */
  put(operation: number, sector: number, segments: readonly BlkfrontSegment[]): number {
    const layout = blkif_request.of(this.kernel.guest.word);
    const { fields } = layout;
    const view = new DataView(new ArrayBuffer(layout.byteLength));
    const id = this.#nextId++;
    fields.operation.set(view, 0, operation);
    fields.nr_segments.set(view, 0, segments.length);
    fields.id.set(view, 0, id);
    fields.sector_number.set(view, 0, sector);
    const kept = segments.slice(0, BLKIF_MAX_SEGMENTS_PER_REQUEST);
    for (const [i, segment] of kept.entries()) {
      writeSegment(view, fields.seg.offset + i * fields.seg.stride, segment);
    }
    this.putRaw(view);
    return id;
  }

  /** Writes any bytes as a request. */
  putRaw(request: DataView): void {
    const { buffer, byteOffset, byteLength } = request;
    this.ring?.put(new Uint8Array(buffer, byteOffset, byteLength));
  }

  putDiscard(sector: number, count: number, flag = 0): number {
    const layout = blkif_request_discard.of(this.kernel.guest.word);
    const view = new DataView(new ArrayBuffer(layout.byteLength));
    const id = this.#nextId++;
    layout.fields.operation.set(view, 0, BLKIF_OP_DISCARD);
    layout.fields.flag.set(view, 0, flag);
    layout.fields.id.set(view, 0, id);
    layout.fields.sector_number.set(view, 0, sector);
    layout.fields.nr_sectors.set(view, 0, count);
    this.putRaw(view);
    return id;
  }

  /** Writes an indirect request; `page` is where its segments go, granted as `pageRef`. */
  putIndirect(
    operation: number,
    sector: number,
    segments: readonly BlkfrontSegment[],
    page: number,
    pageRef: number,
  ): number {
    const { guest } = this.kernel;
    const { byteLength } = blkif_request_segment.of(64);
    const list = new DataView(new ArrayBuffer(segments.length * byteLength));
    for (const [i, segment] of segments.entries()) writeSegment(list, i * byteLength, segment);
    if (segments.length <= BLKIF_SEGMENTS_PER_INDIRECT_PAGE)
      guest.write(page, new Uint8Array(list.buffer));
    const layout =
      guest.word === 32 ? blkif_request_indirect.of(32) : blkif_request_indirect.of(64);
    const view = new DataView(new ArrayBuffer(layout.byteLength));
    const id = this.#nextId++;
    layout.fields.operation.set(view, 0, BLKIF_OP_INDIRECT);
    layout.fields.indirect_op.set(view, 0, operation);
    layout.fields.nr_segments.set(view, 0, segments.length);
    layout.fields.id.set(view, 0, id);
    layout.fields.sector_number.set(view, 0, sector);
    layout.fields.indirect_grefs.element.set(view, 0, pageRef);
    this.putRaw(view);
    return id;
  }

  /** Shows the requests, and waits for `count` responses. */
  *complete(count: number): NativeCode<BlkfrontResponse[]> {
    const { ring, kernel, port } = this;
    const responses: BlkfrontResponse[] = [];
    if (!ring) return responses;
    if (ring.publish()) yield* kernel.events.send(port);
    while (responses.length < count) {
      const bytes = ring.take();
      if (bytes) responses.push(this.#decode(bytes));
      else if (!ring.armResponseEvent()) yield* kernel.events.wait(port);
    }
    return responses;
  }

  #decode(bytes: Uint8Array): BlkfrontResponse {
    const { fields } = blkif_response.of(this.kernel.guest.word);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return {
      id: fields.id.get(view),
      operation: fields.operation.get(view),
      status: fields.status.get(view),
    };
  }

  /** One request, alone; its status. */
  *request(
    operation: number,
    sector: number,
    segments: readonly BlkfrontSegment[],
  ): NativeCode<number> {
    this.put(operation, sector, segments);
    const [response] = yield* this.complete(1);
    return response?.status ?? Number.NaN;
  }

  /** Segments for `sectors` sectors in pages granted as `refs`, one after the other. */
  static segments(refs: readonly number[], sectors: number): BlkfrontSegment[] {
    return refs.slice(0, Math.ceil(sectors / SECTORS_PER_PAGE)).map((gref, page) => ({
      gref,
      first_sect: 0,
      last_sect: Math.min(SECTORS_PER_PAGE, sectors - page * SECTORS_PER_PAGE) - 1,
    }));
  }
}

function writeSegment(view: DataView, at: number, segment: BlkfrontSegment): void {
  const { gref, first_sect, last_sect } = blkif_request_segment.of(64).fields;
  gref.set(view, at, segment.gref);
  first_sect.set(view, at, segment.first_sect);
  last_sect.set(view, at, segment.last_sect);
}
