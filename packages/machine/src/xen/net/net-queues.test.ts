import { describe, expect, it } from 'vitest';
import { type EthernetFrame, MAX_FRAME_BYTES } from '../../network/network-port.js';
import { GrantedPages } from '../ring/granted-pages.js';
import { HostileGuest, TestRandom } from '../testing-hostile.contract.js';
import { BackendMachine } from '../testing-machine.contract.js';
import { NetStatistics } from './net-statistics.js';
import { RxQueue } from './rx-queue.js';
import { TX_SLOT_BYTES, TxQueue } from './tx-queue.js';

const TX = 1;
const RX = 2;
const TX_REF = 8;
const RX_REF = 9;
const FIRST_DATA = 4;
const DATA_PAGES = 6;
const FIRST_DATA_REF = 20;
const HEADER = 64;
const SLOTS = 256;

function connect() {
  const machine = new BackendMachine(32);
  const guest = new HostileGuest(machine, 1, 16);
  guest.grant(TX_REF, TX);
  guest.grant(RX_REF, RX);
  for (let i = 0; i < DATA_PAGES; i++)
    guest.grant(FIRST_DATA_REF + i, FIRST_DATA + i, i === DATA_PAGES - 1);
  const { host } = machine;
  const map = (ref: number): GrantedPages => {
    const pages = GrantedPages.map(host.grants, host.memory, 1, [ref]);
    if (!pages) throw new Error('the ring cannot be mapped');
    return pages;
  };
  const { port } = guest.bindPort();
  const statistics = new NetStatistics();
  const sent: EthernetFrame[] = [];
  const shared = { host, guestId: 1, port, statistics };
  const capabilities = { checksum: false, tcp4: false, tcp6: true };
  const rx = new RxQueue({ ...shared, pages: map(RX_REF), capabilities, canScatter: true });
  const send = (frame: EthernetFrame): void => {
    sent.push(frame);
    rx.deliver(frame);
  };
  const tx = new TxQueue({ ...shared, pages: map(TX_REF), send });
  const close = (): void => {
    tx.close();
    rx.close();
    port.close();
  };
  return { machine, guest, tx, rx, statistics, sent, close };
}

/** A slot that often makes sense. */
function writeTxSlot(view: DataView, at: number, random: TestRandom): void {
  view.setUint32(
    at,
    random.pick([FIRST_DATA_REF + random.below(DATA_PAGES), random.below(40)]),
    true,
  );
  view.setUint16(at + 4, random.pick([0, 0, random.below(4096), random.below(65536)]), true);
  view.setUint16(at + 6, random.pick([0, 1, 2, 4, 4, 8, random.below(16)]), true);
  view.setUint16(at + 8, random.below(65536), true);
  view.setUint16(at + 10, random.pick([60, 1514, 4000, random.below(65536)]), true);
}

describe('queues of a netfront', () => {
  it('answer any slots, touch only pages granted for writing, and leave none mapped', () => {
    const random = new TestRandom(7);
    let packets = 0;
    for (let round = 0; round < 50; round++) {
      const { machine, guest, tx, rx, statistics, sent, close } = connect();
      for (let step = 0; step < 4; step++) {
        for (let i = 0; i < DATA_PAGES; i++)
          random.fill(guest.page(FIRST_DATA + i).subarray(0, 80));
        const [txView, rxView] = [guest.view(TX), guest.view(RX)];
        for (let slot = 0; slot < 64; slot++) {
          writeTxSlot(txView, HEADER + slot * TX_SLOT_BYTES, random);
          rxView.setUint32(HEADER + slot * 8 + 4, FIRST_DATA_REF + random.below(DATA_PAGES), true);
        }
        const isForged = random.below(4) === 0;
        const ahead = random.pick([SLOTS + 1, 2 ** 31, random.below(2 ** 32)]);
        txView.setUint32(0, isForged ? ahead : step * 16, true);
        rxView.setUint32(0, isForged ? ahead : step * 16, true);
        guest.remember();
        tx.process();
        rx.process();
        expect(guest.findForeignWrite()).toBe(-1);
        if (!tx.isBroken) expect(txView.getUint32(8, true)).toBe(txView.getUint32(0, true));
      }
      for (const { bytes } of sent) expect(bytes.byteLength).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      packets += statistics.txPackets;
      close();
      expect(machine.host.grants.count).toBe(0);
    }
    expect(packets).toBeGreaterThan(30);
  });

  it('survive any bytes in their rings', () => {
    const random = new TestRandom(11);
    for (let round = 0; round < 30; round++) {
      const { machine, guest, tx, rx, close } = connect();
      random.fill(guest.page(TX));
      random.fill(guest.page(RX));
      guest.view(TX).setUint32(0, random.pick([guest.view(TX).getUint32(8, true), 200]), true);
      guest.view(RX).setUint32(0, random.pick([guest.view(RX).getUint32(8, true), 200]), true);
      guest.remember();
      tx.process();
      rx.process();
      expect(guest.findForeignWrite()).toBe(-1);
      close();
      expect(machine.host.grants.count).toBe(0);
    }
  });

  it('a packet that the ring ends in the midst of breaks the ring', () => {
    const { guest, tx, sent, close } = connect();
    const view = guest.view(TX);
    view.setUint32(HEADER, FIRST_DATA_REF, true);
    view.setUint16(HEADER + 6, 4, true);
    view.setUint16(HEADER + 10, 100, true);
    view.setUint32(0, 1, true);
    tx.process();
    expect(tx.isBroken).toBe(true);
    expect(sent).toEqual([]);
    close();
  });
});
