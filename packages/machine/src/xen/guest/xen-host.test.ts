// Disks of a guest as its host shows them. The guest is a native kernel, which gets to xenstore without a ring.
import { Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import {
  type FrontKernel,
  GuestEvents,
  GuestGrants,
  type NativeCode,
  NativeCpu,
  VirtioChannel,
} from '@proxeny/pv-guest';
import { expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { XenHost } from './xen-host.js';

const PAGE = 4096;
const GUEST_PAGES = 64;
const FIRST_FREE_PAGE = 16;
const SHARED_INFO = 100 * PAGE;
const GRANT_TABLE = 101 * PAGE;

function* at<Result>(operation: () => Result): NativeCode<Result> {
  yield { kind: 'compute', instructions: 1 };
  return operation();
}

function hostWithGuest(kernel: (front: FrontKernel) => NativeCode = function* () {}) {
  const memory = new MachineMemory((GUEST_PAGES + 64) * PAGE);
  const hypervisor = new Hypervisor({ memory, clock: new ManualClock() });
  const host = new XenHost(hypervisor, () => {});
  const { store } = host;
  const cpus: NativeCpu[] = [];
  const guest = hypervisor.createDomain({
    ...{ id: 1, name: 'guest', kind: 'translated' },
    createCpu: (vcpu) => {
      const cpu = new NativeCpu(vcpu, function* (native) {
        let free = FIRST_FREE_PAGE;
        yield* kernel({
          guest: native,
          events: yield* GuestEvents.setUp(native, SHARED_INFO),
          grants: yield* GuestGrants.setUp(native, GRANT_TABLE),
          store: {
            read: (path) => at(() => store.read(path)),
            write: (path, value) => at(() => store.write(path, value)),
            remove: (path) => at(() => store.remove(path)),
          },
          takePages: (count) => {
            free += count;
            return (free - count) * PAGE;
          },
        });
      });
      cpus.push(cpu);
      return cpu;
    },
  });
  guest.populate(0, GUEST_PAGES);
  host.stores.addDomain(guest.id);
  return { hypervisor, host, guest, cpu: cpus[0] };
}

it.each([
  ['a Xen block device', false, 'vbd', { 'sector-size': null, 'device-id': null }],
  ['virtio on a channel', true, 'virtio', { 'device-id': '2', 'queue-count': '1' }],
])('a disk can be %s, and leaves nothing in the store', async (_, isVirtio, kind, keys) => {
  const { host, guest } = hostWithGuest();
  host.attachDisk(guest, { name: 'xvda', disk: new MemoryDisk(4096), isVirtio });
  const front = `/local/domain/1/device/${kind}/51712`;
  const back = `/local/domain/0/backend/${kind}/1/51712`;
  expect(host.store.read(`${front}/backend`)).toBe(back);
  // InitWait: it waits for the guest's driver.
  expect(host.store.read(`${back}/state`)).toBe('2');
  for (const [name, value] of Object.entries(keys))
    expect(host.store.read(`${back}/${name}`)).toBe(value);
  await host.closeDevices(guest);
  expect(host.store.read(`${back}/state`)).toBeNull();
});

it('a guest reads a virtio disk, and nothing of it stays when it is gone', async () => {
  const disk = new MemoryDisk(8 * 512);
  disk.bytes.fill(0x5a, 512, 1024);
  let read: Uint8Array | null = null;
  const { hypervisor, host, guest, cpu } = hostWithGuest(function* (front) {
    const channel = new VirtioChannel(front, '/local/domain/1/device/virtio/51712');
    expect(yield* channel.connect()).toBe(true);
    expect(yield* channel.negotiate()).toBe(true);
    yield* channel.start();
    const page = front.takePages(1);
    front.guest.write(page, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1));
    const lent = channel.pages.lend(page);
    const part = (offset: number, byteLength: number) => ({ at: lent + offset, byteLength });
    yield* channel.queues[0].ask([part(0, 16)], [part(1024, 512), part(2048, 1)]);
    read = front.guest.read(page + 1024, 512);
  });
  host.attachDisk(guest, { name: 'xvda', disk, isVirtio: true });
  guest.start();
  guest.unpause();
  for (let turn = 0; turn < 1000 && guest.shutdownReason === null; turn++) {
    hypervisor.runUntilIdle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(cpu.error).toBeNull();
  expect(read).toEqual(disk.bytes.slice(512, 1024));
  await host.closeDevices(guest);
  expect(host.domain.grants.mappings.count).toBe(0);
  expect([...host.domain.events.open()]).toEqual([]);
  hypervisor.destroyDomain(guest);
  expect(hypervisor.dyingCount).toBe(0);
});
