// BlkRequest: one request of a blkfront, decoded from a private copy of its slot: what it asks, and whether it can be asked at all. io/blkif.h.
import {
  BLKIF_DISCARD_SECURE,
  BLKIF_MAX_SEGMENTS_PER_REQUEST,
  BLKIF_OP_DISCARD,
  BLKIF_OP_FLUSH_DISKCACHE,
  BLKIF_OP_INDIRECT,
  BLKIF_OP_READ,
  BLKIF_OP_WRITE,
  BLKIF_OP_WRITE_BARRIER,
  BLKIF_RSP_EOPNOTSUPP,
  BLKIF_RSP_ERROR,
  BLKIF_RSP_OKAY,
  BLKIF_SECTOR_BYTES,
  blkif_request,
  blkif_request_discard,
  blkif_request_indirect,
  blkif_request_segment,
} from '@proxeny/abi';
import { PAGE_SIZE, type WordSize } from '@proxeny/memory';

const SECTORS_PER_PAGE = PAGE_SIZE / BLKIF_SECTOR_BYTES;
const segment = blkif_request_segment.of(64);
export const SEGMENT_BYTES: number = segment.byteLength;

/** Sectors `first` to `last` of the page granted as `ref`. */
export interface BlkSegment {
  readonly ref: number;
  readonly first: number;
  readonly last: number;
}

export interface BlkRequest {
  /** BLKIF_OP_* as the response repeats it: of an indirect request, what it does. */
  readonly operation: number;
  /** The guest's own, as two halves. */
  readonly idLow: number;
  readonly idHigh: number;
  /** 2^53 or more is rounded, and beyond every disk. */
  readonly sector: number;
  /** Of a discard. */
  readonly sectorCount: number;
  /** BLKIF_RSP_OKAY, or what to answer instead of doing it. */
  readonly status: number;
  readonly segments: readonly BlkSegment[];
}

/** Finds the segments of an indirect request: reads from the pages `refs` into `target`; false if that cannot be. */
export type IndirectReader = (refs: readonly number[], target: Uint8Array) => boolean;

/** Segments in a row at `start`; null if one of them is not of a page. */
function segmentsAt(view: DataView, start: number, count: number): BlkSegment[] | null {
  const { gref, first_sect, last_sect } = segment.fields;
  const segments: BlkSegment[] = [];
  for (let i = 0; i < count; i++) {
    const at = start + i * SEGMENT_BYTES;
    const first = first_sect.get(view, at);
    const last = last_sect.get(view, at);
    if (first > last || last >= SECTORS_PER_PAGE) return null;
    segments.push({ ref: gref.get(view, at), first, last });
  }
  return segments;
}

/** Decodes requests in the layout of guests of one word size. */
export class BlkRequestDecoder {
  readonly slotBytes: number;
  readonly #word: WordSize;
  readonly #maxIndirectSegments: number;
  readonly #readIndirect: IndirectReader;
  readonly #plain: ReturnType<typeof blkif_request.of>;
  readonly #discard: ReturnType<typeof blkif_request_discard.of>;

  constructor(word: WordSize, maxIndirectSegments: number, readIndirect: IndirectReader) {
    this.#word = word;
    this.#maxIndirectSegments = maxIndirectSegments;
    this.#readIndirect = readIndirect;
    this.#plain = blkif_request.of(word);
    this.#discard = blkif_request_discard.of(word);
    this.slotBytes = this.#plain.byteLength;
  }

  /** @param view a copy of the slot, which the guest cannot change any more. */
  decode(view: DataView): BlkRequest {
    const operation = this.#plain.fields.operation.get(view);
    switch (operation) {
      case BLKIF_OP_READ:
      case BLKIF_OP_WRITE:
      case BLKIF_OP_WRITE_BARRIER:
      case BLKIF_OP_FLUSH_DISKCACHE:
        return this.#decodePlain(view, operation);
      case BLKIF_OP_DISCARD:
        return this.#decodeDiscard(view);
      case BLKIF_OP_INDIRECT:
        return this.#decodeIndirect(view);
      default:
        return { ...this.#head(view, operation), status: BLKIF_RSP_EOPNOTSUPP, segments: [] };
    }
  }

  #head(view: DataView, operation: number) {
    const { id, sector_number } = this.#plain.fields;
    return {
      operation,
      idLow: id.getLow(view),
      idHigh: id.getHigh(view),
      sector: sector_number.get(view),
      sectorCount: 0,
    };
  }

  #decodePlain(view: DataView, operation: number): BlkRequest {
    const { nr_segments, seg } = this.#plain.fields;
    const head = this.#head(view, operation);
    const count = nr_segments.get(view);
    const mayBeEmpty =
      operation === BLKIF_OP_FLUSH_DISKCACHE || operation === BLKIF_OP_WRITE_BARRIER;
    const isCountRight = count <= BLKIF_MAX_SEGMENTS_PER_REQUEST && (count > 0 || mayBeEmpty);
    const segments = isCountRight ? segmentsAt(view, seg.offset, count) : null;
    if (!segments) return { ...head, status: BLKIF_RSP_ERROR, segments: [] };
    return { ...head, status: BLKIF_RSP_OKAY, segments };
  }

  #decodeDiscard(view: DataView): BlkRequest {
    const { flag, id, sector_number, nr_sectors } = this.#discard.fields;
    const isSecure = (flag.get(view) & BLKIF_DISCARD_SECURE) !== 0;
    return {
      operation: BLKIF_OP_DISCARD,
      idLow: id.getLow(view),
      idHigh: id.getHigh(view),
      sector: sector_number.get(view),
      sectorCount: nr_sectors.get(view),
      status: isSecure ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_OKAY,
      segments: [],
    };
  }

  #decodeIndirect(view: DataView): BlkRequest {
    const layout =
      this.#word === 32 ? blkif_request_indirect.of(32) : blkif_request_indirect.of(64);
    const { indirect_op, nr_segments, id, sector_number, indirect_grefs } = layout.fields;
    const head = {
      operation: indirect_op.get(view),
      idLow: id.getLow(view),
      idHigh: id.getHigh(view),
      sector: sector_number.get(view),
      sectorCount: 0,
    };
    const refuse = (status: number): BlkRequest => ({ ...head, status, segments: [] });
    if (head.operation !== BLKIF_OP_READ && head.operation !== BLKIF_OP_WRITE)
      return refuse(BLKIF_RSP_ERROR);
    const count = nr_segments.get(view);
    if (count === 0 || count > this.#maxIndirectSegments) return refuse(BLKIF_RSP_ERROR);
    const refs: number[] = [];
    for (let page = 0; page < Math.ceil((count * SEGMENT_BYTES) / PAGE_SIZE); page++) {
      refs.push(indirect_grefs.element.get(view, page * indirect_grefs.stride));
    }
    const bytes = new Uint8Array(count * SEGMENT_BYTES);
    if (!this.#readIndirect(refs, bytes)) return refuse(BLKIF_RSP_ERROR);
    const segments = segmentsAt(new DataView(bytes.buffer), 0, count);
    return segments ? { ...head, status: BLKIF_RSP_OKAY, segments } : refuse(BLKIF_RSP_ERROR);
  }
}

/** The sectors that segments hold. */
export function sectorsOf(segments: readonly BlkSegment[]): number {
  let sectors = 0;
  for (const { first, last } of segments) sectors += last - first + 1;
  return sectors;
}
