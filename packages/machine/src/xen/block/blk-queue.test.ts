import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { firstDifference } from '../../storage/testing/difference.js';
import { GrantedPages } from '../ring/granted-pages.js';
import { HostileGuest, TestRandom } from '../testing-hostile.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { BlkQueue } from './blk-queue.js';
import { BlkStatistics } from './blk-statistics.js';

const RING = 1;
const RING_REF = 8;
const FIRST_DATA = 3;
const DATA_PAGES = 6;
const FIRST_DATA_REF = 20;
const HEADER = 64;
const SLOTS = 32;

interface Connected {
  readonly machine: BackendMachine;
  readonly guest: HostileGuest;
  readonly disk: MemoryDisk;
  readonly queue: BlkQueue;
  readonly statistics: BlkStatistics;
  readonly send: () => void;
}

function connect(
  word: 32 | 64,
  maxPersistentGrants: number,
  disk = new MemoryDisk(64 * 512),
): Connected {
  const machine = new BackendMachine(32);
  const guest = new HostileGuest(machine, 1, 16);
  guest.grant(RING_REF, RING);
  for (let i = 0; i < DATA_PAGES; i++)
    guest.grant(FIRST_DATA_REF + i, FIRST_DATA + i, i === DATA_PAGES - 1);
  const { host } = machine;
  const pages = GrantedPages.map(host.grants, host.memory, 1, [RING_REF]);
  if (!pages) throw new Error('the ring cannot be mapped');
  const { port, send } = guest.bindPort();
  const statistics = new BlkStatistics();
  const queue = new BlkQueue({
    host,
    guestId: 1,
    disk,
    isReadOnly: false,
    statistics,
    word,
    pages,
    port,
    maxIndirectSegments: 256,
    maxPersistentGrants,
  });
  return { machine, guest, disk, queue, statistics, send };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A request that makes sense, or did before some of its bytes were changed. */
function writeSlot(view: DataView, at: number, word: 32 | 64, random: TestRandom): void {
  const operation = random.pick([0, 0, 1, 1, 2, 3, 5, 6]);
  view.setUint8(at, operation);
  view.setUint8(at + 1, operation === 6 ? random.below(2) : random.pick([1, 2, 4]));
  view.setUint16(at + 2, 2, true);
  const idAt = at + (word === 32 ? 4 : 8);
  view.setUint32(idAt, random.below(2 ** 32), true);
  view.setUint32(idAt + 8, random.below(40), true);
  view.setUint32(idAt + 12, 0, true);
  for (let i = 0; i < 11; i++) {
    const segment = idAt + 16 + i * 8;
    view.setUint32(segment, FIRST_DATA_REF + random.below(DATA_PAGES), true);
    view.setUint8(segment + 4, random.below(4));
    view.setUint8(segment + 5, 3 + random.below(5));
  }
  for (let changes = random.pick([0, 0, 0, 1, 2, 20]); changes > 0; changes--)
    view.setUint8(at + random.below(108), random.below(256));
}

describe.each([
  [32, 0],
  [64, 0],
  [64, 4],
] as const)('a queue of %i-bit layout with %i persistent grants', (word, maxPersistentGrants) => {
  it('answers any requests, touches only pages granted for writing, and leaves none mapped', async () => {
    const random = new TestRandom(word * 1000 + maxPersistentGrants);
    const connected = connect(word, maxPersistentGrants);
    const { machine, guest, queue, send } = connected;
    let produced = 0;
    for (let round = 0; round < 120; round++) {
      const ring = guest.view(RING);
      for (let i = 0; i < DATA_PAGES; i++) random.fill(guest.page(FIRST_DATA + i).subarray(0, 64));
      const count = random.below(SLOTS - (produced - ring.getUint32(8, true)) + 1);
      for (let i = 0; i < count; i++) {
        const at = HEADER + ((produced + i) % SLOTS) * (word === 32 ? 108 : 112);
        writeSlot(ring, at, word, random);
      }
      produced += count;
      ring.setUint32(0, produced, true);
      guest.remember();
      send();
      machine.hypervisor.step();
      await settle();
      await settle();
      machine.hypervisor.step();
      expect(guest.findForeignWrite()).toBe(-1);
    }
    expect(queue.isBroken).toBe(false);
    expect(guest.view(RING).getUint32(8, true)).toBe(produced);
    expect(connected.statistics.reads).toBeGreaterThan(30);
    expect(connected.statistics.writes).toBeGreaterThan(20);
    await queue.close();
    expect(machine.host.grants.count).toBe(0);
  });

  it('survives any bytes and indexes in its ring', async () => {
    const random = new TestRandom(word + maxPersistentGrants);
    for (let round = 0; round < 100; round++) {
      const { machine, guest, queue, send } = connect(word, maxPersistentGrants);
      for (let step = 0; step < 3; step++) {
        const ring = guest.view(RING);
        random.fill(guest.page(RING));
        const base = random.pick([0, ring.getUint32(8, true)]);
        const ahead = random.pick([0, 1, 31, 32, 33, 2 ** 31, random.below(2 ** 32)]);
        ring.setUint32(0, (base + ahead) >>> 0, true);
        guest.remember();
        send();
        machine.hypervisor.step();
        await settle();
        machine.hypervisor.step();
        expect(guest.findForeignWrite()).toBe(-1);
      }
      await queue.close();
      expect(machine.host.grants.count).toBe(0);
    }
  });
});

describe('a queue', () => {
  it('takes nothing more from a ring whose producer is further ahead than it has slots', async () => {
    const { machine, guest, queue, send, statistics } = connect(64, 0);
    guest.view(RING).setUint32(0, SLOTS + 1, true);
    send();
    machine.hypervisor.step();
    expect(queue.isBroken).toBe(true);
    expect(guest.view(RING).getUint32(8, true)).toBe(0);
    expect(statistics.errors).toBe(0);
    await queue.close();
  });

  it('takes from the ring only what its buffers hold, and the rest later', async () => {
    const pending: (() => void)[] = [];
    const disk = new (class extends MemoryDisk {
      override async read(sector: number, target: Uint8Array): Promise<void> {
        await new Promise<void>((resolve) => pending.push(resolve));
        await super.read(sector, target);
      }
    })(8192 * 512);
    const { machine, guest, queue, send } = connect(64, 0, disk);
    const list = guest.view(FIRST_DATA + 1);
    for (let i = 0; i < 256; i++) {
      list.setUint32(i * 8, FIRST_DATA_REF, true);
      list.setUint16(i * 8 + 4, 0x0700, true);
    }
    const ring = guest.view(RING);
    for (let i = 0; i < 10; i++) {
      const at = HEADER + i * 112;
      ring.setUint8(at, 6);
      ring.setUint16(at + 2, 256, true);
      ring.setUint32(at + 28, FIRST_DATA_REF + 1, true);
    }
    ring.setUint32(0, 10, true);
    send();
    machine.hypervisor.step();
    // A MiB each.
    expect(pending.length).toBe(4);
    for (let done = 0; done < 10; done++) {
      pending.shift()?.();
      await settle();
      expect(pending.length).toBeLessThanOrEqual(4);
    }
    expect(ring.getUint32(8, true)).toBe(10);
    expect(firstDifference(guest.page(FIRST_DATA), new Uint8Array(4096))).toBe(-1);
    await queue.close();
  });
});
