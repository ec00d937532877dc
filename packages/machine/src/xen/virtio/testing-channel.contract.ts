// A native guest with a virtio device on a channel, for tests of virtioback.
import { type NativeCode, VirtioChannel } from '@proxeny/pv-guest';
import type { VirtioDevice } from '@proxeny/virtio';
import { expect } from 'vitest';
import { BackendMachine, type TestGuest } from '../testing-machine.contract.js';
import { Virtioback } from './virtioback.js';

export const FRONT = '/local/domain/1/device/virtio/0';
export const BACK = '/local/domain/0/backend/virtio/1/0';

export interface OnChannel {
  readonly machine: BackendMachine;
  readonly virtioback: Virtioback;
  readonly guest: TestGuest;
  /** Why the device needed resets. */
  readonly failures: string[];
  readonly close: () => Promise<void>;
}

/** A guest whose driver has met the back-end of `device` when `body` runs. */
export function onChannel(
  device: VirtioDevice,
  body: (channel: VirtioChannel) => NativeCode,
): OnChannel {
  const machine = new BackendMachine();
  const guest = machine.addGuest(
    function* (kernel) {
      const channel = new VirtioChannel(kernel, FRONT);
      expect(yield* channel.connect()).toBe(true);
      yield* body(channel);
    },
    { id: 1 },
  );
  const failures: string[] = [];
  const onFailure = (reason: string) => failures.push(reason);
  const virtioback = new Virtioback({ host: machine.host, guestId: 1, device, onFailure });
  const backend = machine.addDevice(1, 'virtio', 0, virtioback);
  return { machine, virtioback, guest, failures, close: () => backend.close() };
}

/** Runs the guest to its end, closes, and checks that nothing of it is left. */
export async function finish(running: OnChannel): Promise<void> {
  await running.machine.runGuest(running.guest);
  await running.close();
  expectNothingHeld(running);
}

/** Nothing of the guest's is held; it goes without a trace. */
export function expectNothingHeld({ machine, virtioback, guest }: OnChannel): void {
  expect(virtioback.memory.pageCount).toBe(0);
  machine.expectNothingHeld(guest.domain);
}

/** A page of the guest's for buffers, which the device is lent: its addresses for both, with `bytes` in it. */
export function lentPage(channel: VirtioChannel, bytes: Uint8Array, isReadOnly = false) {
  const page = channel.kernel.takePages(1);
  channel.kernel.guest.write(page, bytes);
  const at = channel.pages.lend(page, isReadOnly);
  return {
    page,
    at,
    range: (offset: number, byteLength: number) => ({ at: at + offset, byteLength }),
  };
}
