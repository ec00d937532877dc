// Where this PC's devices sit: the one place where devices, ACPI tables, MP table and board wiring take their numbers from.
// They follow the 440FX + PIIX machine that firmware and kernels know, so that SeaBIOS programs what the tables say.

/** The local APIC page (IA32_APIC_BASE's reset value). */
export const LAPIC_BASE = 0xfee00000;
export const LAPIC_BYTE_LENGTH = 0x1000;
export const IOAPIC_BASE = 0xfec00000;
export const IOAPIC_BYTE_LENGTH = 0x1000;
/** Virtio devices in memory: a page for each, above the I/O APIC's, and the pins of the I/O APIC that no ISA interrupt has. */
export const VIRTIO_MMIO_BASE = 0xfec10000;
export const VIRTIO_MMIO_BYTE_LENGTH = 0x1000;
export const VIRTIO_MMIO_FIRST_PIN = 16;
/** First port of the PIIX4 power management block; SeaBIOS moves it here when it finds an ACPI table loader file. */
export const ACPI_PM_BASE = 0x600;
/** The system control interrupt is wired to this ISA interrupt, level, active high. */
export const SCI_IRQ = 9;
/** PIIX APM control port: the FADT's SMI_CMD. */
export const SMI_COMMAND_PORT = 0xb2;
export const ACPI_ENABLE_COMMAND = 0xf1;
export const ACPI_DISABLE_COMMAND = 0xf0;
/** SLP_TYP of S5 (soft off): what \_S5 says and what the PM1 control block takes for power off. */
export const S5_SLEEP_TYPE = 0;
export const RESET_CONTROL_PORT = 0xcf9;
/** Written to {@link RESET_CONTROL_PORT} for a full reset. */
export const RESET_CONTROL_VALUE = 0x06;
/** Device number of the PIIX ISA bridge on bus 0; PCI interrupt swizzling counts from it. */
export const ISA_BRIDGE_DEVICE = 1;
/** ISA interrupt behind PIRQA, PIRQB, PIRQC and PIRQD, as firmware programs the PIIX. All are level-triggered. */
export const PCI_IRQS: readonly [number, number, number, number] = [10, 10, 11, 11];

/** Which of PIRQA-D (0-3) the pin (0 is INTA#) of a device on bus 0 is wired to. */
export function pirqOf(device: number, pin: number): number {
  return (device + pin - ISA_BRIDGE_DEVICE) & 3;
}
