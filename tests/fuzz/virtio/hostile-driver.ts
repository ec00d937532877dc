// A hostile driver: sets a device up as it should, and then writes descriptors, rings and registers at random, mostly with values that
// mean something. After every step what must never happen is looked for: an exception, a value that does not fit its register, a byte
// changed in the part of memory that no address the driver uses is in.
import { FlatMemory, type Gpa } from '@proxeny/memory';
import { featureMask, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED } from '@proxeny/virtio';
import { placeQueue } from '@proxeny/virtio/driver';
import { Random } from '../../conformance/native-oracle/random.js';
import { type HostileTarget, type HostileTransport, transportMakers } from './hostile-devices.js';

const QUEUES_AT = 0x1000;
const DATA_AT = 0x10000;
const DATA_END = 0x20000;
/** Nobody names addresses from here on, up to the end of memory. */
const GUARD_AT = 0x70_0000;
const MEMORY_BYTES = 0x71_0000;
const GUARD_BYTE = 0x5a;
const QUEUE_SIZE = 8;

export interface HostileStatistics {
  steps: number;
  /** The device stopped for what its driver did. */
  failures: number;
  /** Notifications of split queues that were answered with used buffers. */
  used: number;
}

/** Sets a random driver upon one device behind one transport. */
export class HostileDriver {
  readonly statistics: HostileStatistics = { steps: 0, failures: 0, used: 0 };
  readonly #random: Random;
  readonly #memory = new FlatMemory(MEMORY_BYTES);
  readonly #target: HostileTarget;
  readonly #transport: HostileTransport;
  #isPacked = false;
  #queuesEnd = QUEUES_AT;
  #rings: { descriptors: number; driver: number; device: number }[] = [];

  constructor(seed: number, target: HostileTarget, transport: keyof typeof transportMakers) {
    this.#random = new Random(seed);
    this.#target = target;
    this.#transport = transportMakers[transport](target.device, this.#memory);
    this.#memory.bytes.fill(GUARD_BYTE, GUARD_AT);
    this.#start();
  }

  /** Does `count` things. @throws Error at a breach */
  run(count: number): void {
    for (let i = 0; i < count; i++) this.#step();
    this.statistics.steps += count;
    const guard = this.#memory.bytes.subarray(GUARD_AT);
    if (!guard.every((byte) => byte === GUARD_BYTE)) throw new Error('memory was changed');
  }

  #below(count: number): number {
    return this.#random.below(count);
  }

  #step(): void {
    const { control } = this.#transport;
    if (control.status & 64) {
      this.statistics.failures++;
      this.#start();
      return;
    }
    switch (this.#below(16)) {
      case 0:
        this.#pokeRegister();
        break;
      case 1:
        this.#peekRegister();
        break;
      case 2:
        this.#pokeRing();
        break;
      case 3:
        this.#target.stir(this.#random.u32());
        break;
      case 4:
        if (this.#below(50) === 0) this.#start();
        break;
      case 5:
        if (this.#below(50) === 0) this.#transport.restore(structuredClone(this.#transport.save()));
        break;
      default:
        this.#addBuffer();
    }
  }

  /** From reset to DRIVER_OK, with random features. */
  #start(): void {
    const { control } = this.#transport;
    this.#memory.bytes.fill(0, 0, DATA_END);
    this.#isPacked = this.#below(2) === 0;
    control.writeStatus(0);
    const packed = featureMask(VIRTIO_F_RING_PACKED);
    const events = this.#below(2) === 0 ? featureMask(VIRTIO_F_EVENT_IDX) : 0n;
    const ring = control.offered & ~packed & ~featureMask(VIRTIO_F_EVENT_IDX);
    const chosen = ring | (this.#isPacked ? packed : 0n) | events;
    control.chooseWord(0, Number(chosen & 0xffff_ffffn) & ~this.#below(4));
    control.chooseWord(1, Number(chosen >> 32n));
    for (const status of [1, 3, 11]) control.writeStatus(status);
    this.#rings = [];
    this.#queuesEnd = QUEUES_AT;
    for (let index = 0; index < control.queueCount; index++) {
      const { areas, end } = placeQueue(this.#isPacked, QUEUE_SIZE, this.#queuesEnd);
      const registers = control.registers(index);
      registers?.setSize(QUEUE_SIZE);
      for (const name of ['descriptors', 'driver', 'device'] as const)
        registers?.setAddress(name, 'low', areas[name]);
      control.enableQueue(index);
      this.#rings.push({ ...areas });
      this.#queuesEnd = end;
    }
    control.writeStatus(15);
  }

  /** Small numbers, addresses of the driver's, large ones; nothing that is an address in the guarded part. */
  #value(): number {
    const any = this.#random.u32();
    switch (this.#below(6)) {
      case 0:
        return any % 4;
      case 1:
        return any % 64;
      case 2:
        return QUEUES_AT + (any % (this.#queuesEnd - QUEUES_AT));
      case 3:
        return DATA_AT + (any % (DATA_END - DATA_AT));
      case 4:
        return any >= GUARD_AT && any < MEMORY_BYTES ? 0 : any;
      default:
        return 0xffff_ffff - (any % 16);
    }
  }

  #pokeRegister(): void {
    const size = ([1, 2, 4] as const)[this.#below(3)];
    // Most of what there is is at the beginning of a page, and configuration space.
    const page = this.#below(Math.max(1, this.#transport.byteLength >>> 12)) << 12;
    const offset = (page + this.#below(0x140)) % (this.#transport.byteLength - 3);
    const value = this.#value();
    this.#transport.write(offset - (offset % size), size, size === 4 ? value : value & 0xff);
  }

  #peekRegister(): void {
    const size = ([1, 2, 4] as const)[this.#below(3)];
    const offset = this.#below(this.#transport.byteLength - 3);
    const value = this.#transport.read(offset, size);
    if (!(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * size)))
      throw new Error(`register ${offset} of ${size} bytes reads ${value}`);
  }

  #pokeRing(): void {
    const at = QUEUES_AT + this.#below((this.#queuesEnd - QUEUES_AT) >>> 2) * 4;
    this.#memory.writeU32(at as Gpa, this.#value());
  }

  /** Makes something available that may be a buffer: a chain of up to three, some of it wrong now and then. */
  #addBuffer(): void {
    const index = this.#below(this.#rings.length);
    const ring = this.#rings[index];
    const memory = this.#memory;
    const count = 1 + this.#below(3);
    const head = this.#below(QUEUE_SIZE);
    const data = DATA_AT + this.#below(0x8000);
    for (let word = 0; word < 8; word++)
      memory.writeU32(
        (data + 4 * word - (data & 3)) as Gpa,
        this.#below(3) ? this.#below(16) : this.#value(),
      );
    const sense = this.#below(4) === 0 ? null : this.#target.sense?.((n) => this.#below(n));
    if (sense) memory.copyTo(data as Gpa, sense);
    for (let i = 0; i < count; i++) {
      const at = ring.descriptors + ((head + i) % QUEUE_SIZE) * 16;
      const isOdd = this.#below(40) === 0;
      const any = [16, 1, 513, 1 + this.#below(3000)][this.#below(4)];
      const length = sense && i === 0 ? sense.length + (this.#below(2) ? any : 0) : any;
      memory.writeU32(
        at as Gpa,
        isOdd ? this.#value() : i === 0 ? data : DATA_AT + this.#below(0x8000),
      );
      memory.writeU32((at + 4) as Gpa, isOdd ? this.#below(2) : 0);
      memory.writeU32((at + 8) as Gpa, isOdd ? this.#value() : length);
      const next = i + 1 < count ? 1 : 0;
      const write = i > 0 || this.#below(3) === 0 ? 2 : 0;
      const flags = isOdd ? this.#below(8) : next | write;
      if (this.#isPacked) this.#offerPacked(at, flags);
      else {
        memory.writeU16((at + 12) as Gpa, flags);
        memory.writeU16((at + 14) as Gpa, (head + i + 1) % QUEUE_SIZE);
      }
    }
    if (!this.#isPacked) this.#offerSplit(ring, head);
    const before = memory.readU16((ring.device + 2) as Gpa);
    this.#transport.control.notify(index);
    if (!this.#isPacked && memory.readU16((ring.device + 2) as Gpa) !== before)
      this.statistics.used++;
  }

  /** Marked as available in one round or the other. */
  #offerPacked(at: number, flags: number): void {
    this.#memory.writeU16((at + 12) as Gpa, this.#below(QUEUE_SIZE));
    this.#memory.writeU16((at + 14) as Gpa, flags | (this.#below(2) ? 0x80 : 0x8000));
  }

  #offerSplit(ring: { driver: number }, head: number): void {
    const at = ring.driver;
    const index = this.#memory.readU16((at + 2) as Gpa);
    this.#memory.writeU16((at + 4 + 2 * (index % QUEUE_SIZE)) as Gpa, head);
    this.#memory.writeU16((at + 2) as Gpa, (index + 1) & 0xffff);
  }
}
