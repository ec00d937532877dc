import { Hypervisor, MachineMemory, ManualClock } from '@proxeny/hv-core';
import { expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory-disk.js';
import { XenHost } from './xen-host.js';

function hostWithGuest() {
  const memory = new MachineMemory(64 * 4096);
  const hypervisor = new Hypervisor({ memory, clock: new ManualClock() });
  const host = new XenHost(hypervisor, () => {});
  const guest = hypervisor.createDomain({ id: 1, name: 'guest', kind: 'translated' });
  host.stores.addDomain(guest.id);
  return { host, guest };
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
