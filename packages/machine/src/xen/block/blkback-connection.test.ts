import { BLKIF_OP_READ } from '@proxeny/abi';
import { Blkfront } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { Blkback } from './blkback.js';
import {
  attach,
  BACK,
  diskOfPatterns,
  FRONT,
  finish,
  pagesOf,
} from './testing-attached.contract.js';

describe("blkback's connection", () => {
  it('a guest that is destroyed with requests in flight leaves nothing mapped', async () => {
    let release = (): void => {};
    const disk = new (class extends MemoryDisk {
      override async read(): Promise<void> {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
    })(512 * 8);
    const attached = attach(
      function* (front) {
        const { refs } = pagesOf(front, 1);
        yield* front.request(BLKIF_OP_READ, 0, Blkfront.segments(refs, 1));
      },
      { disk },
    );
    const { machine, guest } = attached;
    await machine.run(() => attached.blkback.statistics.reads === 1);
    expect(machine.host.grants.count).toBe(2);
    machine.hypervisor.destroyDomain(guest.domain);
    expect(machine.hypervisor.dyingCount).toBe(1);
    const closed = attached.close();
    expect(machine.host.grants.count).toBe(0);
    expect(machine.hypervisor.dyingCount).toBe(0);
    release();
    await closed;
    expect(machine.hypervisor.frames.findInconsistency()).toBeNull();
  });

  it.each([
    ['ring-ref', '0', /ring-ref/],
    ['ring-ref', 'x', /ring-ref/],
    ['event-channel', '99', /event-channel/],
    ['event-channel', '-1', /event-channel/],
    ['protocol', 'sparc-abi', /protocol/],
    ['ring-page-order', '5', /ring-page-order/],
    ['multi-queue-num-queues', '2', /multi-queue/],
  ])(
    'a front-end that writes %s = %s is refused, with a reason for the tools',
    async (name, value, reason) => {
      const machine = new BackendMachine();
      const guest = machine.addGuest(
        function* (kernel) {
          const front = new Blkfront(kernel, FRONT);
          const { write } = kernel.store;
          kernel.store.write = (path, text) =>
            write(path, path.endsWith(`/${name}`) ? value : text);
          if (name.startsWith('ring-page') || name.startsWith('multi'))
            yield* write(`${FRONT}/${name}`, value);
          expect(yield* front.connect()).toBe(false);
          yield* front.device.part(['ring-ref', 'event-channel', 'protocol', name]);
          kernel.store.write = write;
          expect(yield* new Blkfront(kernel, FRONT).connect()).toBe(true);
        },
        { id: 1 },
      );
      const blkback = new Blkback({ host: machine.host, guestId: 1, disk: diskOfPatterns() });
      const backend = machine.addDevice(1, 'vbd', 51712, blkback);
      await machine.runGuest(guest);
      expect(machine.store.read('/local/domain/0/error/backend/vbd/1/51712/error')).toMatch(reason);
      await backend.close();
      expect(machine.host.grants.count).toBe(0);
    },
  );

  it('asked to detach, waits for the front-end to give the device up', async () => {
    const attached = attach(function* (front) {
      expect(yield* front.device.waitForBackend(5)).toBe(5);
      yield* front.device.write('state', 6);
      expect(yield* front.device.waitForBackend(6)).toBe(6);
    });
    await attached.machine.run(() => attached.machine.store.read(`${BACK}/state`) === '4');
    const backend = attached.machine.lastBackend;
    backend?.requestDetach();
    await finish(attached);
    expect(attached.machine.store.read(`${BACK}/online`)).toBe('0');
  });
});
