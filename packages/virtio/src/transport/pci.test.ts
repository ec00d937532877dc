import { FlatMemory } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { pciRegisters } from '../testing/driver-registers.js';
import { EchoDevice } from '../testing/echo-device.js';
import { PciTransport } from './pci.js';
import { MSIX_PENDING_AT, MSIX_TABLE_AT } from './pci-layout.js';
import { transportContract } from './transport.contract.js';

transportContract('PCI with INTx', (options) => pciRegisters(options, false));
transportContract('PCI with MSI-X', (options) => pciRegisters(options, true));

function plugged() {
  const device = new EchoDevice();
  const sent: number[][] = [];
  const levels: boolean[] = [];
  const transport = new PciTransport({
    ...{ device, memory: new FlatMemory(0x1000), classCode: 0x010000 },
    intx: (level) => levels.push(level),
    sendMessage: (...message) => sent.push(message),
  });
  return { device, transport, sent, levels };
}

describe('a virtio PCI function', () => {
  it('is a modern one, and lists where its structures are', () => {
    const { transport } = plugged();
    expect(transport.identity).toMatchObject({ vendorId: 0x1af4, deviceId: 0x107f, revision: 1 });
    const [msix, ...structures] = transport.capabilities;
    expect([msix.id, msix.body[0]]).toEqual([0x11, 2]);
    expect(structures.map(({ id, body }) => [id, body[0], body[1]])).toEqual([
      [9, 16, 1],
      [9, 20, 2],
      [9, 16, 3],
      [9, 16, 4],
      [9, 20, 5],
    ]);
    for (const { body, writable } of transport.capabilities)
      expect(writable).toHaveLength(body.length);
  });

  it('shows its BAR through the window, one aligned access at a time', () => {
    const { transport } = plugged();
    transport.writeWindow(0, 0x14, 1, 1);
    expect(transport.readWindow(0, 0x14, 1)).toBe(1);
    for (const [bar, offset, length] of [
      [1, 0x14, 1],
      [0, 0x14, 3],
      [0, 0x15, 2],
      [0, 0x8000, 4],
      [0, 0xffff_fffc, 4],
    ]) {
      transport.writeWindow(bar, offset, length, 0);
      expect(transport.readWindow(bar, offset, length)).toBe(0);
    }
    expect(transport.readBar(0x14, 1)).toBe(1);
  });

  it('reads fields of the common structure only as wide as they are', () => {
    const { transport } = plugged();
    expect(transport.readBar(0x12, 2)).toBe(2);
    expect(transport.readBar(0x12, 1)).toBe(0);
    expect(transport.readBar(0x10, 4)).toBe(0);
    transport.writeBar(0x14, 4, 1);
    expect(transport.readBar(0x14, 1)).toBe(0);
  });
});

describe('MSI-X', () => {
  const entry = (transport: PciTransport, vector: number, isMasked: boolean): void => {
    [0xfee01000, 0, 0x40 + vector, Number(isMasked)].forEach((value, i) => {
      transport.writeBar(MSIX_TABLE_AT + 16 * vector + 4 * i, 4, value);
    });
  };

  it('holds a masked vector back, once, until the mask goes', () => {
    const { transport, sent } = plugged();
    entry(transport, 1, true);
    transport.writeMessageControl(0x8000);
    transport.msix.trigger(1);
    transport.msix.trigger(1);
    expect(sent).toEqual([]);
    expect(transport.readBar(MSIX_PENDING_AT, 4)).toBe(2);
    entry(transport, 1, false);
    expect(sent).toEqual([[0xfee01000, 0, 0x41]]);
    expect(transport.readBar(MSIX_PENDING_AT, 4)).toBe(0);
    transport.writeMessageControl(0xc000);
    transport.msix.trigger(1);
    expect(sent).toHaveLength(1);
    transport.writeMessageControl(0x8000);
    expect(sent).toHaveLength(2);
  });

  it('sends nothing while it is off, and takes no vector that is not in its table', () => {
    const { transport, sent } = plugged();
    entry(transport, 0, false);
    transport.msix.trigger(0);
    transport.writeMessageControl(0x8000);
    transport.msix.trigger(3);
    transport.msix.trigger(0xffff);
    expect(sent).toEqual([]);
    transport.writeBar(0x10, 2, 3);
    expect(transport.readBar(0x10, 2)).toBe(0xffff);
    transport.writeBar(0x10, 2, 2);
    expect(transport.readBar(0x10, 2)).toBe(2);
    expect(transport.msix.control).toBe(0x8002);
  });

  it('takes INTx back when it is switched on', () => {
    const { device, transport, levels } = plugged();
    transport.control.chooseWord(1, 1);
    for (const status of [1, 3, 11, 15]) transport.control.writeStatus(status);
    device.driver?.configChanged();
    expect(levels.at(-1)).toBe(true);
    transport.writeMessageControl(0x8000);
    expect(levels.at(-1)).toBe(false);
  });
});
