import {
  NETIF_RSP_ERROR,
  NETIF_RSP_NULL,
  NETIF_RSP_OKAY,
  NETTXF_extra_info,
  NETTXF_more_data,
  XEN_NETIF_GSO_TYPE_TCPV4,
} from '@proxeny/abi';
import { Netfront } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { makeLoopback } from '../../network/cable.js';
import { plainFrame } from '../../network/network-port.js';
import { udpFrame } from '../../network/testing-frames.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { Netback } from './netback.js';
import { finish, listener, place, plug } from './testing-plugged.contract.js';

describe("netback and a front-end's mistakes", () => {
  it('what makes no sense is answered with an error, and sent nowhere', async () => {
    const machine = new BackendMachine();
    const { port, heard } = listener();
    const plugged = plug(machine, 1, port, function* (front) {
      const [gref] = place(front, udpFrame(4, 100)) as [number];
      const slot = { gref, offset: 0, size: 100, flags: 0 };
      const more = { ...slot, flags: NETTXF_more_data };
      const cases: (readonly (typeof slot)[])[] = [
        [{ ...slot, size: 13 }],
        [{ ...slot, gref: 900 }],
        [{ ...slot, gref: 0xffff_ffff }],
        [{ ...slot, offset: 4000 }],
        [{ ...slot, offset: 0xffff, size: 0xffff }],
        [{ ...slot, size: 4097 }],
        [more, { ...slot, size: 101 }],
        [
          { ...more, size: 5000 },
          { ...slot, offset: 4096, size: 100 },
        ],
        [{ ...more, size: 2000 }, ...Array.from({ length: 19 }, () => more), slot],
      ];
      for (const slots of cases) {
        front.putSlots(slots);
        const statuses = yield* front.flush();
        expect(statuses).toEqual(slots.map(() => NETIF_RSP_ERROR));
      }
      for (const segment of [
        { type: XEN_NETIF_GSO_TYPE_TCPV4, size: 0 },
        { type: 9, size: 100 },
        { type: XEN_NETIF_GSO_TYPE_TCPV4, size: 100 }, // UDP, cut in the midst of its header
      ]) {
        front.putSlots([{ ...slot, size: 36, flags: NETTXF_extra_info }], segment);
        expect(yield* front.flush()).toEqual([NETIF_RSP_ERROR, NETIF_RSP_NULL]);
      }
      front.putSlots([slot]);
      expect(yield* front.flush()).toEqual([NETIF_RSP_OKAY]);
    });
    await finish(machine, plugged);
    expect(heard.length).toBe(1);
    expect(plugged.netback.statistics.txErrors).toBe(12);
  });

  it('an offered page that may not be written makes its frame an error, and the next one goes on', async () => {
    const machine = new BackendMachine();
    const { port, far } = listener();
    const plugged = plug(machine, 1, port, function* (front) {
      expect((yield* front.receive()).bytes.byteLength).toBe(0);
      expect((yield* front.receive()).bytes.byteLength).toBe(60);
    });
    await machine.run(() => plugged.netback.queueCount === 1);
    const { entries } = plugged.guest.domain.grants;
    const firstOffered = 8 + 2;
    const { view } = machine.hypervisor.memory;
    view.setUint16(entries.addressOf(firstOffered), 0, true);
    far.send(plainFrame(new Uint8Array(60)));
    far.send(plainFrame(new Uint8Array(60)));
    await finish(machine, plugged);
    expect(plugged.netback.statistics).toMatchObject({ rxErrors: 1, rxPackets: 1 });
  });

  it.each([
    ['request-rx-copy', '0', /request-rx-copy/],
    ['feature-rx-notify', '0', /feature-rx-notify/],
    ['tx-ring-ref', '1', /tx-ring-ref/],
    ['rx-ring-ref', '', /rx-ring-ref/],
    ['event-channel', '77', /event-channel/],
    ['multi-queue-num-queues', '3', /multi-queue/],
  ])(
    'a front-end that writes %s = "%s" is refused, with a reason for the tools',
    async (name, value, reason) => {
      const machine = new BackendMachine();
      const guest = machine.addGuest(
        function* (kernel) {
          const { write } = kernel.store;
          kernel.store.write = (path, text) =>
            write(path, path.endsWith(`/${name}`) ? value : text);
          const front = new Netfront(kernel, '/local/domain/1/device/vif/0', {
            keys: { 'multi-queue-num-queues': 1 },
          });
          expect(yield* front.connect()).toBe(false);
        },
        { id: 1 },
      );
      const netback = new Netback({ host: machine.host, guestId: 1, network: makeLoopback() });
      machine.addDevice(1, 'vif', 0, netback);
      await machine.runGuest(guest);
      expect(machine.store.read('/local/domain/0/error/backend/vif/1/0/error')).toMatch(reason);
      expect(machine.host.grants.count).toBe(0);
      expect([...machine.hostDomain.events.open()]).toEqual([]);
    },
  );
});
