// @hot PortBus and MmioBus: which device answers an I/O port or a guest-physical address.
// Invariants: claims never overlap; a device sees only accesses that lie wholly within its claim and are no wider than its
// decode width; what nobody claims reads all ones and swallows writes, as a bus without a driver on it does.
import type { Gpa } from '@proxeny/memory';
import type { AccessSize, MmioDevice, PortDevice } from './device.js';

const PORT_COUNT = 0x10000;

/** A range of I/O ports and the device behind it. */
export interface PortClaim {
  /** Names the device in errors. */
  readonly name: string;
  /** First port. */
  readonly first: number;
  /** Number of ports. */
  readonly count: number;
  /** Widest access the device decodes, in bytes; a wider one reaches it as several, lowest port first, as on ISA. */
  readonly width: AccessSize;
  readonly device: PortDevice;
}

/** A range of guest-physical addresses and the device behind it. */
export interface MmioClaim {
  /** Names the device in errors. */
  readonly name: string;
  /** First address. */
  readonly base: number;
  /** Length in bytes. */
  readonly byteLength: number;
  readonly device: MmioDevice;
}

const nothing: PortDevice = {
  readPort: (_offset: number, size: AccessSize): number => allOnes(size),
  writePort: () => {},
};

/** The 65,536 I/O ports. */
export class PortBus {
  /** Index into `#claims` by port; 0 is unclaimed. */
  readonly #route = new Uint16Array(PORT_COUNT);
  readonly #claims: (PortClaim | null)[] = [
    { name: 'unclaimed', first: 0, count: PORT_COUNT, width: 1, device: nothing },
  ];

  /** Whether no device claims any of `count` ports from `first` on. */
  isFree(first: number, count: number): boolean {
    return this.#taken(first, count) === 0;
  }

  /** Puts a device on the bus. Throws when the range is outside of port space or overlaps another claim. */
  claim(claim: PortClaim): PortClaim {
    const { name, first, count } = claim;
    if (
      !Number.isInteger(first) ||
      !Number.isInteger(count) ||
      first < 0 ||
      count < 1 ||
      first + count > PORT_COUNT
    ) {
      throw new RangeError(
        `${name}: ports ${range(first, count)} are outside of port space 0x0-0xffff`,
      );
    }
    const taken = this.#taken(first, count);
    if (taken !== 0) {
      const other = this.#claims[taken] as PortClaim;
      throw new RangeError(
        `${name}: ports ${range(first, count)} overlap ${range(other.first, other.count)} of ${other.name}`,
      );
    }
    const hole = this.#claims.indexOf(null);
    const index = hole < 0 ? this.#claims.length : hole;
    this.#claims[index] = claim;
    this.#route.fill(index, first, first + count);
    return claim;
  }

  /** Takes a device off the bus; `claim` is what {@link PortBus.claim} returned. */
  release(claim: PortClaim): void {
    const index = this.#claims.indexOf(claim);
    if (index <= 0)
      throw new RangeError(`${claim.name}: ports are not claimed, cannot release them`);
    this.#route.fill(0, claim.first, claim.first + claim.count);
    this.#claims[index] = null;
  }

  /** IN: `size` bytes at `port`, unsigned. */
  read(port: number, size: AccessSize): number {
    const at = port & 0xffff;
    const claim = this.#claims[this.#route[at]] as PortClaim;
    const offset = at - claim.first;
    if (size <= claim.width && offset + size <= claim.count) {
      return claim.device.readPort(offset, size) >>> 0;
    }
    if (size === 4 && claim.width === 2 && offset + 4 <= claim.count) {
      const low = claim.device.readPort(offset, 2);
      return (low | (claim.device.readPort(offset + 2, 2) << 16)) >>> 0;
    }
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.read(at + i, 1) & 0xff) << (8 * i);
    return value >>> 0;
  }

  /** OUT: the low `size` bytes of `value` to `port`. */
  write(port: number, size: AccessSize, value: number): void {
    const at = port & 0xffff;
    const claim = this.#claims[this.#route[at]] as PortClaim;
    const offset = at - claim.first;
    if (size <= claim.width && offset + size <= claim.count) {
      claim.device.writePort(offset, size, (value & allOnes(size)) >>> 0);
      return;
    }
    if (size === 4 && claim.width === 2 && offset + 4 <= claim.count) {
      claim.device.writePort(offset, 2, value & 0xffff);
      claim.device.writePort(offset + 2, 2, value >>> 16);
      return;
    }
    for (let i = 0; i < size; i++) this.write(at + i, 1, (value >>> (8 * i)) & 0xff);
  }

  #taken(first: number, count: number): number {
    for (let port = first; port < first + count; port++) {
      if (this.#route[port] !== 0) return this.#route[port];
    }
    return 0;
  }
}

/** Guest-physical addresses that are not RAM. */
export class MmioBus {
  /** Sorted by base. */
  readonly #claims: MmioClaim[] = [];
  #last: MmioClaim | null = null;

  /** Whether no device claims any of `byteLength` bytes from `base` on. */
  isFree(base: number, byteLength: number): boolean {
    return this.#overlapping(base, byteLength) === null;
  }

  /** Puts a device on the bus. Throws when the range is not one of addresses or overlaps another claim. */
  claim(claim: MmioClaim): MmioClaim {
    const { name, base, byteLength } = claim;
    if (
      !Number.isSafeInteger(base) ||
      base < 0 ||
      !Number.isInteger(byteLength) ||
      byteLength < 1
    ) {
      throw new RangeError(`${name}: ${range(base, byteLength)} is not a range of addresses`);
    }
    const other = this.#overlapping(base, byteLength);
    if (other !== null) {
      throw new RangeError(
        `${name}: addresses ${range(base, byteLength)} overlap ${range(other.base, other.byteLength)} of ${other.name}`,
      );
    }
    this.#claims.push(claim);
    this.#claims.sort((a, b) => a.base - b.base);
    return claim;
  }

  /** Takes a device off the bus; `claim` is what {@link MmioBus.claim} returned. */
  release(claim: MmioClaim): void {
    const index = this.#claims.indexOf(claim);
    if (index < 0)
      throw new RangeError(`${claim.name}: addresses are not claimed, cannot release them`);
    this.#claims.splice(index, 1);
    this.#last = null;
  }

  /** Reads `size` bytes at `at`, unsigned. */
  read(at: Gpa, size: AccessSize): number {
    const claim = this.#find(at);
    if (claim !== null && at - claim.base + size <= claim.byteLength) {
      return claim.device.readMmio(at - claim.base, size) >>> 0;
    }
    if (size === 1) return 0xff;
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.read((at + i) as Gpa, 1) & 0xff) << (8 * i);
    return value >>> 0;
  }

  /** Writes the low `size` bytes of `value` to `at`. */
  write(at: Gpa, size: AccessSize, value: number): void {
    const claim = this.#find(at);
    if (claim !== null && at - claim.base + size <= claim.byteLength) {
      claim.device.writeMmio(at - claim.base, size, (value & allOnes(size)) >>> 0);
      return;
    }
    if (size === 1) return;
    for (let i = 0; i < size; i++) this.write((at + i) as Gpa, 1, (value >>> (8 * i)) & 0xff);
  }

  #find(at: number): MmioClaim | null {
    const last = this.#last;
    if (last !== null && at >= last.base && at - last.base < last.byteLength) return last;
    let low = 0;
    let high = this.#claims.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const claim = this.#claims[middle];
      if (at < claim.base) high = middle - 1;
      else if (at - claim.base >= claim.byteLength) low = middle + 1;
      else {
        this.#last = claim;
        return claim;
      }
    }
    return null;
  }

  #overlapping(base: number, byteLength: number): MmioClaim | null {
    for (let i = 0; i < this.#claims.length; i++) {
      const claim = this.#claims[i];
      if (base < claim.base + claim.byteLength && claim.base < base + byteLength) return claim;
    }
    return null;
  }
}

function allOnes(size: AccessSize): number {
  return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
}

function range(first: number, count: number): string {
  return `0x${first.toString(16)}-0x${(first + count - 1).toString(16)}`;
}
