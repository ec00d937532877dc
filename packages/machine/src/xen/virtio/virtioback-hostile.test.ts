// Hostile guests on a channel: registers, rings, grants and events at random. Nothing throws, nothing that was not granted changes, and
// nothing stays held.
import { BlkDevice, RngDevice, type VirtioDevice } from '@proxeny/virtio';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { HostileGuest, TestRandom } from '../testing-hostile.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { BACK, FRONT } from './testing-channel.contract.js';
import { Virtioback } from './virtioback.js';

const PAGES = 24;
const FIRST_REF = 8;
/** Granted for everything; those after them for reading, and the last ones not at all. */
const SHARED = 12;
const READ_ONLY = 4;
const REGISTER_PAGE = 0;
const QUEUE_SIZE = 8;
const STEPS = 3000;

const refOf = (gfn: number): number => FIRST_REF + gfn;

const devices: Readonly<Record<string, () => VirtioDevice>> = {
  block: () => new BlkDevice({ disk: new MemoryDisk(64 * 512), id: 'one', queueCount: 2 }),
  entropy: () => new RngDevice({ fill: (target) => target.fill(0xff) }),
};

class HostileChannel {
  readonly guest: HostileGuest;
  readonly virtioback: Virtioback;
  readonly #random: TestRandom;
  readonly #sends: (() => void)[] = [];
  readonly #close: () => Promise<void>;
  #request = 0;

  constructor(machine: BackendMachine, seed: number, device: VirtioDevice) {
    this.#random = new TestRandom(seed);
    this.guest = new HostileGuest(machine, 1, PAGES);
    for (let gfn = 0; gfn < SHARED + READ_ONLY; gfn++)
      this.guest.grant(refOf(gfn), gfn, gfn >= SHARED);
    const { store } = machine;
    store.write(`${FRONT}/page-ref`, `${refOf(REGISTER_PAGE)}`);
    const names = ['', ...device.queueSizes.map((_, queue) => `queue-${queue}/`)];
    for (const name of names) {
      const channel = this.guest.domain.events.allocUnbound(0);
      store.write(`${FRONT}/${name}event-channel`, `${channel.port}`);
      this.#sends.push(() => this.guest.domain.events.send(channel));
    }
    this.virtioback = new Virtioback({ host: machine.host, guestId: 1, device });
    const backend = machine.addDevice(1, 'virtio', 0, this.virtioback);
    store.write(`${FRONT}/state`, '3');
    expect(store.read(`${BACK}/state`)).toBe('4');
    this.#close = () => backend.close();
  }

  close(): Promise<void> {
    return this.#close();
  }

  step(): void {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
        this.#write(random.pick([0x14, 0x24, 0x30, 0x38, 0x44, 0x70, 0xc0]), this.#value());
        break;
      case 1:
        this.#write(random.below(0x220), this.#value(), random.pick([0, 1, 2, 3, 4, 255]));
        break;
      case 2:
        random.fill(this.guest.page(REGISTER_PAGE).subarray(0, 32));
        this.#send(0);
        break;
      case 3: {
        const gfn = random.below(SHARED + READ_ONLY);
        this.guest.grant(refOf(gfn), gfn, gfn >= SHARED || random.below(4) === 0);
        break;
      }
      case 4:
        if (random.below(4) === 0) this.#start();
        break;
      case 5:
        this.#send(random.below(this.#sends.length));
        break;
      default:
        this.#poke();
        this.#send(1 + random.below(this.#sends.length - 1));
    }
    if (this.virtioback.transport.control.status & 64 && random.below(3) === 0) this.#start();
  }

  #send(index: number): void {
    this.#sends[index]();
    this.guest.machine.hypervisor.runUntilIdle();
  }

  #write(offset: number, value: number, size = 4): void {
    const page = this.guest.view(REGISTER_PAGE);
    this.#request = (this.#request + 1) >>> 0;
    for (const [i, word] of [this.#request, size | 0x100, offset, value].entries())
      page.setUint32(4 * i, word >>> 0, true);
    this.#send(0);
  }

  /** From reset to a driver that is ready, with split or packed rings; queue n's in pages from 1 + 3n on. */
  #start(): void {
    const isPacked = this.#random.below(2) === 0;
    for (const status of [0, 1, 3]) this.#write(0x70, status);
    this.#write(0x24, 0);
    this.#write(0x20, this.#random.below(2) === 0 ? 0x3000_0000 : 0x1000_0000);
    this.#write(0x24, 1);
    this.#write(0x20, isPacked ? 5 : 1);
    this.#write(0x70, 11);
    for (let queue = 0; queue < this.#sends.length - 1; queue++) {
      this.#write(0x30, queue);
      this.#write(0x38, QUEUE_SIZE);
      for (const [i, register] of [0x80, 0x90, 0xa0].entries()) {
        this.guest.page(1 + 3 * queue + i).fill(0);
        this.#write(register, refOf(1 + 3 * queue + i) * 4096);
      }
      this.#write(0x44, 1);
    }
    this.#write(0x70, 15);
  }

  #value(): number {
    const random = this.#random;
    const any = random.below(2 ** 31);
    return random.pick([any, any % 16, refOf(any % PAGES) * 4096 + (any % 4096), any % 4096]);
  }

  /** A buffer in the first pages of a queue's rings, as it should be or nearly so. */
  #poke(): void {
    const random = this.#random;
    const first = 1 + 3 * random.below(this.#sends.length - 1);
    const ring = this.guest.view(first);
    const available = this.guest.view(first + 1);
    const head = random.below(QUEUE_SIZE);
    for (let i = 0; i < 3; i++) {
      const at = ((head + i) % QUEUE_SIZE) * 16;
      const address = refOf(7 + random.below(PAGES - 7)) * 4096 + random.below(8) * 512;
      ring.setUint32(at, random.below(20) === 0 ? this.#value() : address, true);
      ring.setUint32(at + 4, random.below(50) === 0 ? 0xffff_ffff : 0, true);
      ring.setUint32(at + 8, random.below(20) === 0 ? this.#value() : 1 + random.below(512), true);
      ring.setUint16(
        at + 12,
        (i < 2 ? 1 : 0) | (i > 0 ? 2 : 0) | random.pick([0, 0, 0, 2, 4]),
        true,
      );
      ring.setUint16(at + 14, (head + i + 1) % QUEUE_SIZE, true);
    }
    if (random.below(2) === 0)
      ring.setUint16(head * 16 + 14, random.pick([0x81, 0x8001, 0x83]), true);
    const index = available.getUint16(2, true);
    available.setUint16(4 + 2 * (index % QUEUE_SIZE), head, true);
    available.setUint16(2, index + 1, true);
  }
}

describe('a hostile guest on a channel', () => {
  it.each(Object.keys(devices))(
    'reaches nothing by a %s device that it did not grant',
    async (name) => {
      let failures = 0;
      let served = 0;
      for (const seed of [1, 2, 3]) {
        const machine = new BackendMachine();
        const channel = new HostileChannel(machine, seed, devices[name]());
        const { guest, virtioback } = channel;
        guest.remember();
        for (let step = 0; step < STEPS; step++) {
          const before = guest.view(3).getUint16(2, true);
          channel.step();
          if (virtioback.transport.control.status & 64) failures++;
          if (guest.view(3).getUint16(2, true) > before) served++;
          if (step % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(guest.findForeignWrite()).toBe(-1);
        await channel.close();
        expect(virtioback.memory.pageCount).toBe(0);
        machine.expectNothingHeld(guest.domain);
      }
      expect(failures).toBeGreaterThan(100);
      expect(served).toBeGreaterThan(30);
    },
  );
});
