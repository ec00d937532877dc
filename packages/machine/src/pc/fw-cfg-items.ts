// The keys of fw_cfg's well-known items and the bytes of those a PC has (QEMU's docs/specs/fw_cfg; numbers little-endian).

export const FW_CFG_SIGNATURE = 0x00;
export const FW_CFG_ID = 0x01;
export const FW_CFG_UUID = 0x02;
export const FW_CFG_RAM_SIZE = 0x03;
export const FW_CFG_NOGRAPHIC = 0x04;
export const FW_CFG_NB_CPUS = 0x05;
export const FW_CFG_KERNEL_ADDR = 0x07;
export const FW_CFG_KERNEL_SIZE = 0x08;
export const FW_CFG_INITRD_ADDR = 0x0a;
export const FW_CFG_INITRD_SIZE = 0x0b;
export const FW_CFG_BOOT_MENU = 0x0e;
export const FW_CFG_MAX_CPUS = 0x0f;
export const FW_CFG_KERNEL_DATA = 0x11;
export const FW_CFG_INITRD_DATA = 0x12;
export const FW_CFG_CMDLINE_ADDR = 0x13;
export const FW_CFG_CMDLINE_SIZE = 0x14;
export const FW_CFG_CMDLINE_DATA = 0x15;
export const FW_CFG_SETUP_ADDR = 0x16;
export const FW_CFG_SETUP_SIZE = 0x17;
export const FW_CFG_SETUP_DATA = 0x18;
export const FW_CFG_FILE_DIR = 0x19;
export const FW_CFG_FILE_FIRST = 0x20;
export const FW_CFG_IRQ0_OVERRIDE = 0x8002;

export const E820_RAM = 1;

/** One range of the guest-physical memory map. */
export interface E820Range {
  readonly address: number;
  readonly byteLength: number;
  /** {@link E820_RAM}, or 2 for reserved. */
  readonly kind: number;
}

/** A kernel for a boot ROM that loads it over fw_cfg. Addresses are where the ROM puts the parts. */
export interface FwCfgKernel {
  readonly setup: Uint8Array;
  readonly setupAddress: number;
  readonly kernel: Uint8Array;
  readonly kernelAddress: number;
  readonly initrd: Uint8Array;
  readonly initrdAddress: number;
  /** Without the terminating zero. */
  readonly commandLine: string;
  readonly commandLineAddress: number;
}

/** What the items say about the machine. */
export interface FwCfgMachine {
  readonly ramBytes: number;
  readonly cpuCount: number;
  /** RAM and reserved ranges; SeaBIOS adds RAM that its CMOS reading did not show. */
  readonly e820: readonly E820Range[];
  /** Open Firmware style device paths in order of preference, such as `/pci@i0cf8/scsi@3/disk@0,0`. */
  readonly bootOrder?: readonly string[];
  /** How long SeaBIOS offers its boot menu; no menu when left out. */
  readonly bootMenuWaitMs?: number;
  readonly kernel?: FwCfgKernel;
}

/** What takes items. */
interface ItemSink {
  addItem(key: number, bytes: Uint8Array): void;
  addFile(name: string, bytes: Uint8Array): void;
}

/** Adds the items of a machine. */
export function addMachineItems(fwCfg: ItemSink, machine: FwCfgMachine): void {
  fwCfg.addItem(FW_CFG_UUID, new Uint8Array(16));
  fwCfg.addItem(FW_CFG_RAM_SIZE, numbers(8, machine.ramBytes));
  fwCfg.addItem(FW_CFG_NOGRAPHIC, numbers(2, 1));
  fwCfg.addItem(FW_CFG_NB_CPUS, numbers(2, machine.cpuCount));
  fwCfg.addItem(FW_CFG_MAX_CPUS, numbers(2, machine.cpuCount));
  fwCfg.addItem(FW_CFG_IRQ0_OVERRIDE, numbers(4, 1));
  fwCfg.addItem(FW_CFG_BOOT_MENU, numbers(2, machine.bootMenuWaitMs === undefined ? 0 : 1));
  fwCfg.addFile('etc/e820', e820Bytes(machine.e820));
  fwCfg.addFile('etc/boot-cpus', numbers(2, machine.cpuCount));
  if (machine.bootMenuWaitMs !== undefined) {
    fwCfg.addFile('etc/boot-menu-wait', numbers(4, machine.bootMenuWaitMs));
  }
  if (machine.bootOrder !== undefined) {
    fwCfg.addFile('bootorder', text(`${machine.bootOrder.join('\n')}\0`));
  }
  if (machine.kernel !== undefined) addKernelItems(fwCfg, machine.kernel);
}

function addKernelItems(fwCfg: ItemSink, kernel: FwCfgKernel): void {
  const commandLine = text(`${kernel.commandLine}\0`);
  fwCfg.addItem(FW_CFG_KERNEL_ADDR, numbers(4, kernel.kernelAddress));
  fwCfg.addItem(FW_CFG_KERNEL_SIZE, numbers(4, kernel.kernel.length));
  fwCfg.addItem(FW_CFG_KERNEL_DATA, kernel.kernel);
  fwCfg.addItem(FW_CFG_INITRD_ADDR, numbers(4, kernel.initrdAddress));
  fwCfg.addItem(FW_CFG_INITRD_SIZE, numbers(4, kernel.initrd.length));
  fwCfg.addItem(FW_CFG_INITRD_DATA, kernel.initrd);
  fwCfg.addItem(FW_CFG_CMDLINE_ADDR, numbers(4, kernel.commandLineAddress));
  fwCfg.addItem(FW_CFG_CMDLINE_SIZE, numbers(4, commandLine.length));
  fwCfg.addItem(FW_CFG_CMDLINE_DATA, commandLine);
  fwCfg.addItem(FW_CFG_SETUP_ADDR, numbers(4, kernel.setupAddress));
  fwCfg.addItem(FW_CFG_SETUP_SIZE, numbers(4, kernel.setup.length));
  fwCfg.addItem(FW_CFG_SETUP_DATA, kernel.setup);
}

/** 20 bytes a range: address, length, type. */
function e820Bytes(ranges: readonly E820Range[]): Uint8Array {
  const bytes = new Uint8Array(20 * ranges.length);
  ranges.forEach((range, i) => {
    bytes.set(numbers(8, range.address), 20 * i);
    bytes.set(numbers(8, range.byteLength), 20 * i + 8);
    bytes.set(numbers(4, range.kind), 20 * i + 16);
  });
  return bytes;
}

function numbers(size: 2 | 4 | 8, value: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = value;
  for (let i = 0; i < size; i++) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
