// Native guests with connected netfronts, for tests of netback.
import { __HYPERVISOR_sched_op, SCHEDOP_yield } from '@proxeny/abi';
import { type NativeCode, Netfront, type NetfrontOptions } from '@proxeny/pv-guest';
import { expect } from 'vitest';
import { makeCable } from '../../network/cable.js';
import type { EthernetFrame, NetworkPort } from '../../network/network-port.js';
import type { BackendMachine, TestGuest } from '../testing-machine.contract.js';
import { Netback } from './netback.js';

export const everything = {
  'feature-sg': 1,
  'feature-gso-tcpv4': 1,
  'feature-gso-tcpv6': 1,
};

export interface Plugged {
  readonly guest: TestGuest;
  readonly netback: Netback;
  readonly close: () => Promise<void>;
}

/** A guest whose netfront is connected to `network` when `body` runs. */
export function plug(
  machine: BackendMachine,
  id: number,
  network: NetworkPort,
  body: (front: Netfront) => NativeCode,
  options: NetfrontOptions = {},
): Plugged {
  const guest = machine.addGuest(
    function* (kernel) {
      const front = new Netfront(kernel, `/local/domain/${id}/device/vif/0`, options);
      expect(yield* front.connect()).toBe(true);
      yield* body(front);
    },
    { id },
  );
  const netback = new Netback({ host: machine.host, guestId: id, network });
  const backend = machine.addDevice(id, 'vif', 0, netback);
  return { guest, netback, close: () => backend.close() };
}

export async function finish(
  machine: BackendMachine,
  ...plugged: readonly Plugged[]
): Promise<void> {
  for (const { guest } of plugged) await machine.runGuest(guest);
  for (const { close } of plugged) await close();
  expect(machine.host.grants.count).toBe(0);
  expect([...machine.hostDomain.events.open()]).toEqual([]);
  expect(machine.store.watchCount).toBe(0);
}

/** Puts bytes in granted pages of the guest's; their references. */
export function place(front: Netfront, bytes: Uint8Array): number[] {
  const count = Math.max(1, Math.ceil(bytes.byteLength / 4096));
  const address = front.kernel.takePages(count);
  front.kernel.guest.write(address, bytes);
  return Array.from({ length: count }, (_, i) =>
    front.kernel.grants.grant(0, address + i * 4096, true),
  );
}

export function* waitUntil(front: Netfront, isSo: () => boolean): NativeCode {
  while (!isSo()) yield* front.kernel.guest.hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

/** A port whose frames a test sees. */
export function listener(): { port: NetworkPort; far: NetworkPort; heard: EthernetFrame[] } {
  const [port, far] = makeCable();
  const heard: EthernetFrame[] = [];
  far.listen((frame) => heard.push(frame));
  return { port, far, heard };
}
