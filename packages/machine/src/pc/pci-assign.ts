// What firmware does for PCI when there is no firmware (a kernel booted directly): addresses for BARs, interrupt lines, decoders on.

import type { AddressWindow } from './acpi-dsdt.js';
import { PCI_IRQS, pirqOf } from './board-addresses.js';
import {
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_INTERRUPT_LINE,
} from './pci-device.js';
import type { PciHost } from './pci-host.js';

/** Where BARs may go, both ends included. */
export interface PciWindows {
  readonly io: AddressWindow;
  readonly memory: AddressWindow;
}

/** Places every BAR, largest first, and sets interrupt line registers. Throws when a window is too small. */
export function assignPciResources(host: PciHost, windows: PciWindows): void {
  const functions = host.functions();
  const requests = functions.flatMap(({ pci }) => pci.bars.map((bar) => ({ pci, bar })));
  requests.sort((a, b) => b.bar.byteLength - a.bar.byteLength);
  const next = { io: windows.io.first, memory: windows.memory.first };
  for (const { pci, bar } of requests) {
    const window = windows[bar.space];
    const base = Math.ceil(next[bar.space] / bar.byteLength) * bar.byteLength;
    if (base + bar.byteLength - 1 > window.last) {
      throw new RangeError(
        `${pci.name}: BAR ${bar.index} (${bar.byteLength} bytes of ${bar.space} space) does not fit the PCI window; add fewer devices`,
      );
    }
    next[bar.space] = base + bar.byteLength;
    const at = 0x10 + 4 * bar.index;
    pci.writeConfig(at, 4, base % 2 ** 32);
    if (bar.is64) pci.writeConfig(at + 4, 4, Math.floor(base / 2 ** 32));
  }
  for (const { device, pci } of functions) {
    const pin = pci.interruptPin;
    // A line that was preset (the SCI of the power management function) is wired otherwise and stays.
    if (pin !== 0 && pci.configAt(PCI_INTERRUPT_LINE, 1) === 0) {
      pci.writeConfig(PCI_INTERRUPT_LINE, 1, PCI_IRQS[pirqOf(device, pin - 1)]);
    }
    const spaces = pci.bars.map((bar) =>
      bar.space === 'io' ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY,
    );
    const command = spaces.reduce((all, bit) => all | bit, pci.configAt(PCI_COMMAND, 2));
    pci.writeConfig(PCI_COMMAND, 2, command);
  }
}
