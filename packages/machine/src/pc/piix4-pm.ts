// The PIIX4 power management function (82371AB function 3): says where the ACPI power management block sits in port space.
// The SMBus controller it also holds is not there; its base register is kept without effect.
import { ACPI_PM_BASE, SCI_IRQ } from './board-addresses.js';
import { PCI_INTERRUPT_LINE, PciDevice } from './pci-device.js';

const PMBASE = 0x40;
const DEVACTB = 0x58;
const APMC_EN = 0x02000000;
const PMREGMISC = 0x80;

/**
 * Makes the function. `moved` hears the first port of the 64-port block, or null while it is off: at once, and after each change.
 * With `enabled` the block starts at {@link ACPI_PM_BASE}, as firmware would place it.
 */
export function createPiix4Pm(moved: (base: number | null) => void, enabled: boolean): PciDevice {
  const pm = new PciDevice('PIIX4 power management', {
    vendorId: 0x8086,
    deviceId: 0x7113,
    classCode: 0x068000,
    revision: 3,
    interruptPin: 1,
  });
  pm.preset(PCI_INTERRUPT_LINE, 1, SCI_IRQ);
  pm.preset(0x06, 2, 0x0280);
  pm.preset(PMBASE, 4, (enabled ? ACPI_PM_BASE : 0) | 1);
  pm.allowWrites(PMBASE, 4, 0xffc0);
  pm.preset(PMREGMISC, 1, enabled ? 1 : 0);
  pm.allowWrites(PMREGMISC, 1, 1);
  // Says "SMIs on APM writes are set up already", so that firmware does not wait for a system management mode that is not there.
  pm.preset(DEVACTB, 4, APMC_EN);
  pm.preset(0x90, 4, 1);
  pm.allowWrites(0x90, 4, 0xfff0);
  pm.allowWrites(0xd2, 1, 0x0f);
  let at: number | null = null;
  const update = (): void => {
    const base = pm.configAt(PMBASE, 2) & 0xffc0;
    const next = (pm.configAt(PMREGMISC, 1) & 1) !== 0 && base !== 0 ? base : null;
    if (next === at) return;
    at = next;
    moved(next);
  };
  pm.onConfigWritten = update;
  update();
  return pm;
}
