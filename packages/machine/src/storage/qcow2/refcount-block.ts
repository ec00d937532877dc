// A refcount block: as many counters as fit into a cluster, each 1 to 64 bits wide.

export class RefcountBlock {
  /** Where it is stored, in bytes. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  isDirty = false;
  readonly #view: DataView;
  readonly #order: number;

  /** @param order counters are 2 to the power of this wide, in bits */
  constructor(offset: number, bytes: Uint8Array, order: number) {
    this.offset = offset;
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#order = order;
  }

  /** A counter; one of 64 bits that is too large for a number comes out as infinite. */
  get(index: number): number {
    switch (this.#order) {
      case 3:
        return this.bytes[index] as number;
      case 4:
        return this.#view.getUint16(index * 2);
      case 5:
        return this.#view.getUint32(index * 4);
      case 6: {
        const value = Number(this.#view.getBigUint64(index * 8));
        return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
      }
      default: {
        const { byte, shift, mask } = this.#place(index);
        return ((this.bytes[byte] as number) >>> shift) & mask;
      }
    }
  }

  set(index: number, value: number): void {
    this.isDirty = true;
    switch (this.#order) {
      case 3:
        this.bytes[index] = value;
        break;
      case 4:
        this.#view.setUint16(index * 2, value);
        break;
      case 5:
        this.#view.setUint32(index * 4, value);
        break;
      case 6:
        this.#view.setBigUint64(index * 8, BigInt(value));
        break;
      default: {
        const { byte, shift, mask } = this.#place(index);
        const others = (this.bytes[byte] as number) & ~(mask << shift);
        this.bytes[byte] = others | (value << shift);
      }
    }
  }

  /** Counters narrower than a byte are packed from its lowest bit on. */
  #place(index: number): { byte: number; shift: number; mask: number } {
    const bits = 1 << this.#order;
    const at = index * bits;
    return { byte: at >>> 3, shift: at & 7, mask: (1 << bits) - 1 };
  }
}

/** How many counters a block has. */
export function countersPerBlock(clusterBits: number, order: number): number {
  return 2 ** (clusterBits + 3 - order);
}

/** The largest count there can be. */
export function maxRefcount(order: number): number {
  return order === 6 ? Number.MAX_SAFE_INTEGER : 2 ** (1 << order) - 1;
}
