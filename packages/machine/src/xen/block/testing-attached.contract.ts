// A native guest with a connected blkfront, for tests of blkback.
import { Blkfront, type BlkfrontOptions, type NativeCode } from '@proxeny/pv-guest';
import { expect } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { BackendMachine, type TestGuest } from '../testing-machine.contract.js';
import { Blkback, type BlkbackOptions } from './blkback.js';

export const FRONT = '/local/domain/1/device/vbd/51712';
export const BACK = '/local/domain/0/backend/vbd/1/51712';
export const SECTORS = 4096;

/** A disk of 2 MiB whose sectors all differ. */
export function diskOfPatterns(): MemoryDisk {
  const disk = new MemoryDisk(SECTORS * 512);
  for (let at = 0; at < disk.bytes.length; at += 4) {
    disk.bytes[at] = (at >>> 9) & 0xff;
    disk.bytes[at + 1] = at >>> 17;
    disk.bytes[at + 2] = at & 0xff;
    disk.bytes[at + 3] = 0x5a;
  }
  return disk;
}

export interface Attached {
  readonly machine: BackendMachine;
  readonly disk: MemoryDisk;
  readonly blkback: Blkback;
  readonly guest: TestGuest;
  readonly frontends: Blkfront[];
  readonly close: () => Promise<void>;
}

/** A guest whose blkfront is connected when `body` runs. */
export function attach(
  body: (front: Blkfront) => NativeCode,
  options: Partial<BlkbackOptions> & { word?: 32 | 64; front?: BlkfrontOptions } = {},
): Attached {
  const machine = new BackendMachine();
  const disk = (options.disk as MemoryDisk | undefined) ?? diskOfPatterns();
  const frontends: Blkfront[] = [];
  const guest = machine.addGuest(
    function* (kernel) {
      const front = new Blkfront(kernel, FRONT, options.front);
      frontends.push(front);
      expect(yield* front.connect()).toBe(true);
      yield* body(front);
    },
    { id: 1, word: options.word ?? 64 },
  );
  const blkback = new Blkback({ host: machine.host, guestId: 1, ...options, disk });
  const backend = machine.addDevice(1, 'vbd', 51712, blkback);
  return { machine, disk, blkback, guest, frontends, close: () => backend.close() };
}

/** Runs the guest to its end, closes, and checks that nothing of it is left. */
export async function finish(attached: Attached): Promise<void> {
  const { machine, guest } = attached;
  await machine.runGuest(guest);
  await attached.close();
  machine.expectNothingHeld(guest.domain);
}

/** Pages of the guest's, granted to the back-end; their addresses and references. */
export function pagesOf(front: Blkfront, count: number, isReadOnly = false) {
  const address = front.kernel.takePages(count);
  const refs = Array.from({ length: count }, (_, i) =>
    front.kernel.grants.grant(0, address + i * 4096, isReadOnly),
  );
  return { address, refs };
}
