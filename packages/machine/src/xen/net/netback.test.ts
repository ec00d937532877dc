import {
  NETIF_RSP_NULL,
  NETIF_RSP_OKAY,
  NETRXF_csum_blank,
  NETRXF_data_validated,
  NETTXF_csum_blank,
  NETTXF_data_validated,
  XEN_NETIF_GSO_TYPE_TCPV4,
} from '@proxeny/abi';
import type { NetfrontFrame } from '@proxeny/pv-guest';
import { describe, expect, it } from 'vitest';
import { makeLoopback } from '../../network/cable.js';
import { plainFrame } from '../../network/network-port.js';
import { NetworkSwitch } from '../../network/network-switch.js';
import { checksumIsRight, tcpFrame, udpFrame } from '../../network/testing-frames.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import {
  everything,
  finish,
  listener,
  place,
  plug,
  waitUntil,
} from './testing-plugged.contract.js';

describe('netback', () => {
  it.each([false, true])(
    'carries frames out and in; split event channels: %s',
    async (hasSplitChannels) => {
      const machine = new BackendMachine();
      const sent = [tcpFrame(4, 10), tcpFrame(6, 1400), udpFrame(4, 9000)];
      const received: NetfrontFrame[] = [];
      const plugged = plug(
        machine,
        1,
        makeLoopback(),
        function* (front) {
          for (const bytes of sent) {
            front.put(place(front, bytes), bytes.byteLength, NETTXF_data_validated);
            const statuses = yield* front.flush();
            expect(new Set(statuses)).toEqual(new Set([NETIF_RSP_OKAY]));
            received.push(yield* front.receive());
          }
          expect(yield* front.disconnect()).toBe(true);
        },
        { hasSplitChannels, keys: everything },
      );
      await finish(machine, plugged);
      expect(received.map(({ bytes }) => bytes)).toEqual(sent);
      expect(received[0]?.flags).toBe(NETRXF_data_validated);
      expect(plugged.netback.statistics).toMatchObject({ txPackets: 3, rxPackets: 3, txErrors: 0 });
    },
  );

  it('two guests talk through a switch', async () => {
    const machine = new BackendMachine();
    const network = new NetworkSwitch();
    let isReady = false;
    const rounds = 600; // rings of 256 slots go round twice
    const ask = plug(machine, 1, network.addPort(), function* (front) {
      const frame = udpFrame(4, 100);
      const [ref] = place(front, frame) as [number];
      yield* waitUntil(front, () => isReady);
      for (let i = 0; i < rounds; i++) {
        front.put([ref], frame.byteLength);
        yield* front.flush();
        expect((yield* front.receive()).bytes.byteLength).toBe(frame.byteLength);
      }
    });
    const answer = plug(machine, 2, network.addPort(), function* (front) {
      const address = front.kernel.takePages(1);
      const ref = front.kernel.grants.grant(0, address, true);
      isReady = true;
      for (let i = 0; i < rounds; i++) {
        const { bytes } = yield* front.receive();
        const reply = bytes.slice();
        reply.set(bytes.subarray(6, 12), 0);
        reply.set(bytes.subarray(0, 6), 6);
        front.kernel.guest.write(address, reply);
        front.put([ref], reply.byteLength);
        yield* front.flush();
      }
    });
    await finish(machine, ask, answer);
    expect(answer.netback.statistics).toMatchObject({ rxPackets: rounds, txPackets: rounds });
  });

  it('a large segment with a blank checksum reaches a guest that takes it whole', async () => {
    const machine = new BackendMachine();
    const bytes = tcpFrame(4, 30_000);
    const received: NetfrontFrame[] = [];
    const plugged = plug(
      machine,
      1,
      makeLoopback(),
      function* (front) {
        const segment = { type: XEN_NETIF_GSO_TYPE_TCPV4, size: 1448 };
        front.put(place(front, bytes), bytes.byteLength, NETTXF_csum_blank, segment);
        const statuses = yield* front.flush();
        expect(statuses.filter((status) => status === NETIF_RSP_NULL)).toHaveLength(1);
        received.push(yield* front.receive());
      },
      { keys: everything },
    );
    await finish(machine, plugged);
    expect(received[0]?.bytes).toEqual(bytes);
    expect(received[0]).toMatchObject({ segmentType: XEN_NETIF_GSO_TYPE_TCPV4, segmentSize: 1448 });
    expect((received[0]?.flags ?? 0) & NETRXF_csum_blank).toBe(NETRXF_csum_blank);
  });

  it('a large segment reaches a guest without offload as segments with right checksums', async () => {
    const machine = new BackendMachine();
    const { port, far } = listener();
    const received: NetfrontFrame[] = [];
    const plugged = plug(
      machine,
      1,
      port,
      function* (front) {
        for (let i = 0; i < 7; i++) received.push(yield* front.receive());
      },
      { keys: { 'feature-no-csum-offload': 1 } },
    );
    await machine.run(() => plugged.netback.queueCount === 1);
    const bytes = tcpFrame(4, 10_000);
    far.send({
      bytes,
      missingChecksum: { start: 34, offset: 16 },
      isChecked: true,
      largeSegment: { protocol: 'tcp4', size: 1448 },
    });
    await finish(machine, plugged);
    expect(received.every((frame) => checksumIsRight(frame.bytes))).toBe(true);
  });

  it('loses what the guest does not make room for, and gives the rest once it does', async () => {
    const machine = new BackendMachine();
    const { port, far } = listener();
    let isLate = false;
    const got: number[] = [];
    const plugged = plug(
      machine,
      1,
      port,
      function* (front) {
        yield* waitUntil(front, () => isLate);
        for (let i = 0; i < 1024; i++) got.push((yield* front.receive()).bytes[20] as number);
      },
      { rxPages: 4 },
    );
    await machine.run(() => plugged.netback.queueCount === 1);
    for (let i = 0; i < 1100; i++) far.send(plainFrame(new Uint8Array(60).fill(i & 0xff)));
    isLate = true;
    await finish(machine, plugged);
    expect(got).toEqual(Array.from({ length: 1024 }, (_, i) => i & 0xff));
    expect(plugged.netback.statistics.rxDropped).toBe(1100 - 1024 - 4);
  });

  it('a frame of several pages is lost for a guest that takes one', async () => {
    const machine = new BackendMachine();
    const { port, far } = listener();
    const plugged = plug(machine, 1, port, function* (front) {
      expect((yield* front.receive()).bytes.byteLength).toBe(60);
    });
    await machine.run(() => plugged.netback.queueCount === 1);
    far.send(plainFrame(new Uint8Array(4097)));
    far.send(plainFrame(new Uint8Array(60)));
    await finish(machine, plugged);
    expect(plugged.netback.statistics).toMatchObject({ rxDropped: 1, rxPackets: 1 });
  });
});
