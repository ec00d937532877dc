// A PC: one vCPU, memory, board, and the run loop that gives them time. Host events (input) enter only between slices, and no
// slice survives an await.
import type { Gpa } from '@proxeny/memory';
import {
  BlockCache,
  type CpuModel,
  EXIT_HALT,
  EXIT_REQUESTED,
  EXIT_SHUTDOWN,
  PROFILE_SIZE,
  type RegionLibrary,
  VCPU_SIZE,
  X86Cpu,
} from '@proxeny/vcpu-x86';
import type { ConsoleDevice, ConsolePortOptions } from '@proxeny/virtio';
import { checkCardCount, checkMemoryBytes, checkMmioCards } from './config.js';
import { lastFaultsText } from './fault-text.js';
import type { GuestSampler } from './guest-sampler.js';
import { HostClock } from './host/clock.js';
import { hostRandomFill, hostRandomU32 } from './host/random.js';
import { firmwareRam, PCI_HOLE_START } from './loader/e820.js';
import { loadImage } from './loader/image.js';
import type { BootModule, BootProtocol } from './loader/load-request.js';
import type { MachineEnd } from './machine-end.js';
import {
  type MachineStatistics,
  machineStatistics,
  measuringOptions,
} from './machine-statistics.js';
import { acpiLoaderFiles } from './pc/acpi-loader.js';
import { buildAcpiTables } from './pc/acpi-tables.js';
import { addMachineItems } from './pc/fw-cfg-items.js';
import { buildMpTable } from './pc/mp-table.js';
import { PcBoard, SERIAL_PORTS } from './pc-board.js';
import { PcMemory } from './pc-memory.js';
import { processLibrary } from './process-library.js';
import { RunLoop, type SlicedMachine } from './run-loop.js';
import { TimerQueue } from './timer-queue.js';
import type { BalloonControl, PcBalloon } from './virtio/balloon-control.js';
import {
  PcDevices,
  type PcDisk,
  type PcNetwork,
  type PcShare,
  type PcVsock,
  type VirtioTransport,
} from './virtio/pc-devices.js';
import type { PcDisplay, PcDisplayOptions } from './virtio/pc-display.js';

const MIB = 1 << 20;
const CPU_BASE = 0x10000;
const ARENA_SIZE = 16 * MIB;
/** ACPI tables: the low part of the firmware area, where guests look for the RSDP. */
const ACPI_BASE = 0xe0000;
const MP_BASE = 0xf0000;
const SLICE_MS = 1;

/** What a PC is built from. */
export interface PcConfig {
  /** Kernel or firmware image. */
  readonly image: Uint8Array;
  readonly imageName?: string;
  readonly protocol?: BootProtocol;
  readonly initrd?: Uint8Array;
  readonly commandLine?: string;
  /** Multiboot or PVH modules, after the initrd. */
  readonly modules?: readonly BootModule[];
  /** RAM in bytes, a multiple of 1 MiB. */
  readonly memoryBytes: number;
  readonly model: CpuModel;
  /** Virtio disks, in the order the guest numbers them: vda, vdb … Who gave them closes them. */
  readonly disks?: readonly PcDisk[];
  /** Virtio network cards, likewise: eth0, eth1 … */
  readonly networks?: readonly PcNetwork[];
  /** Folders, which the guest mounts by their tags: `mount -t 9p -o trans=virtio TAG`. */
  readonly shares?: readonly PcShare[];
  /** Ports of a virtio console device: the first console is hvc0. */
  readonly consolePorts?: readonly ConsolePortOptions[];
  /** A virtio entropy device, which gives the host's randomness. */
  readonly hasEntropy?: boolean;
  /** A virtio socket device: streams between the guest and the host. */
  readonly vsock?: PcVsock;
  /** A virtio balloon, which takes memory from the guest and tells how it fares. */
  readonly balloon?: PcBalloon;
  /** A virtio display with a keyboard. */
  readonly display?: PcDisplayOptions;
  /** Where all of these are; default: on the PCI bus. */
  readonly virtioTransport?: VirtioTransport;
  /** They offer packed rings beside split ones; default: true. */
  readonly hasPackedRings?: boolean;
  /** A message about a device that its driver mistreated. */
  readonly onMessage?: (message: string) => void;
  /** Bytes that leave serial port `index` (0 is COM1). */
  readonly onSerial?: (index: number, byte: number) => void;
  /** Bytes written to port 0xE9 or 0x402. */
  readonly onDebug?: (byte: number) => void;
  /** Asked between slices: a promise holds the guest and its time (its output is not taken fast enough) until it resolves. */
  readonly hold?: () => Promise<void> | null;
  readonly wallClockMs?: () => number;
  /** Randomness of RDRAND and RDSEED: 32 bits, unsigned. Default: the host's. */
  readonly randomU32?: () => number;
  /** Compiled code shared with other machines; default: those of the process. */
  readonly library?: RegionLibrary;
  /** Executions of a block before it is compiled; Infinity: never. */
  readonly hotThreshold?: number;
  /** Measures where the time goes. */
  readonly sampler?: GuestSampler;
  /** Count how often each instruction form runs (tools/profile-forms.ts); slow. */
  readonly profile?: boolean;
}

export class Machine implements SlicedMachine {
  readonly cpu: X86Cpu;
  readonly memory: PcMemory;
  readonly board: PcBoard;
  readonly clock: HostClock = new HostClock(() => this.workDone());
  readonly timers: TimerQueue = new TimerQueue(this.clock);
  readonly blocks: BlockCache;
  private readonly devices: PcDevices;
  private end: MachineEnd | null = null;
  private readonly sampler: GuestSampler | null;
  private readonly loop = new RunLoop(this);
  private readonly input: Uint8Array[][] = [[], [], [], []];
  readonly hold: () => Promise<void> | null;
  /** Instructions a millisecond, measured: sizes the slices. */
  private speed = 20_000;
  /** Instructions of all slices so far, with what is left of the current one. */
  private granted = 0;

  constructor(config: PcConfig) {
    // Closures live as long as the board: none may hold `config`, and with it the images.
    const { memoryBytes, onSerial, onDebug } = config;
    checkMemoryBytes(memoryBytes);
    this.hold = config.hold ?? (() => null);
    this.sampler = config.sampler ?? null;
    const arena = CPU_BASE + Math.ceil(VCPU_SIZE / 65536) * 65536;
    const ramBase = arena + ARENA_SIZE;
    const romBase = ramBase + memoryBytes;
    const romRoom = config.protocol === 'firmware' || config.image.length <= 4 * MIB ? 4 * MIB : 0;
    const profile = romBase + romRoom;
    const end = profile + (config.profile ? PROFILE_SIZE : 0);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) });
    const blocks = new BlockCache(memory, arena, ramBase);
    this.blocks = blocks;
    this.memory = new PcMemory(memory, ramBase, memoryBytes, (at, length) =>
      blocks.written(at, length, 'device'),
    );
    this.devices = new PcDevices({
      transport: config.virtioTransport ?? 'pci',
      hasPackedRings: config.hasPackedRings ?? true,
      disks: config.disks ?? [],
      networks: config.networks ?? [],
      shares: config.shares ?? [],
      consolePorts: config.consolePorts ?? [],
      entropy: config.hasEntropy ? hostRandomFill : null,
      vsock: config.vsock ?? null,
      balloon: config.balloon ?? null,
      display: config.display ?? null,
      memory: this.memory,
      onStart: () => this.cpu.requestExit(),
      onCompletion: () => this.loop.wake(),
      onMessage: config.onMessage ?? (() => {}),
    });
    checkCardCount(this.devices.cards.length);
    checkMmioCards(this.devices.mmioCards.length, config.model.features.has('apic'));
    const below4GiB = Math.min(memoryBytes, PCI_HOLE_START);
    const firmware = config.protocol === 'firmware';
    this.board = new PcBoard({
      timers: this.timers,
      memory: this.memory,
      ram: { below4GiB, above4GiB: memoryBytes - below4GiB },
      apic: config.model.features.has('apic'),
      x2apic: config.model.features.has('x2apic'),
      tscHz: 1e9,
      firmware,
      cards: this.devices.cards,
      mmioCards: this.devices.mmioCards,
      pciWindow: this.pciWindow(memoryBytes),
      wallClockMs: config.wallClockMs ?? (() => Date.now()),
      transmit: (index, byte) => onSerial?.(index, byte),
      debug: (byte) => onDebug?.(byte),
      powerOff: () => this.finish({ reason: 'poweroff', code: 0, message: '' }),
      reset: () => this.finish({ reason: 'reset', code: 0, message: '' }),
      debugExit: (code) => this.finish({ reason: 'exit', code, message: '' }),
      setA20: (open) => {
        this.cpu.core.mmu.a20 = open;
        this.cpu.core.forgetJumps();
      },
      interrupt: (level) => this.cpu.setInterruptLine(level),
      nmi: () => this.cpu.raiseNmi(),
      init: () => {},
    });
    const { board } = this;
    this.cpu = new X86Cpu({
      memory,
      base: CPU_BASE,
      blocks,
      model: config.model,
      stage: this.memory,
      library: config.library ?? processLibrary,
      ...(config.hotThreshold === undefined ? {} : { hotThreshold: config.hotThreshold }),
      ...(config.profile ? { profile } : {}),
      ...measuringOptions(config.sampler),
      platform: {
        portRead: (port, size) => board.ports.read(port, size),
        portWrite: (port, size, value) => board.ports.write(port, size, value),
        mmioRead: (at, size) => board.mmio.read(at, size),
        mmioWrite: (at, size, value) => board.mmio.write(at, size, value),
        acknowledgeInterrupt: () => board.acknowledge(),
        nowNs: () => this.clock.nowNs(),
        randomU32: config.randomU32 ?? hostRandomU32,
        readTaskPriority: () => (board.lapic ? board.lapic.taskPriority >> 4 : 0),
        writeTaskPriority: (value) => {
          if (board.lapic) board.lapic.taskPriority = value << 4;
        },
        readMsr: (index, out) => {
          const msr = board.lapicMsr;
          if (!msr?.owns(index) || !msr.read(index)) return false;
          out[0] = msr.low;
          out[1] = msr.high;
          return true;
        },
        writeMsr: (index, low, high) =>
          board.lapicMsr?.owns(index) === true && board.lapicMsr.write(index, low, high),
      },
    });
    this.load(config, memory, romBase, firmware);
  }

  /** Below the APICs, above RAM; SeaBIOS wants it from 2 GiB on. */
  private pciWindow(memoryBytes: number): { first: number; last: number } {
    return { first: memoryBytes <= 0x80000000 ? 0x80000000 : PCI_HOLE_START, last: 0xfebfffff };
  }
  private load(
    config: PcConfig,
    memory: WebAssembly.Memory,
    romBase: number,
    firmware: boolean,
  ): void {
    const pciWindow = this.pciWindow(config.memoryBytes);
    const acpi = buildAcpiTables({
      base: ACPI_BASE,
      cpuCount: 1,
      pciWindow,
      serialPorts: SERIAL_PORTS.slice(0, 2),
      keyboard: true,
      virtioMmioCount: this.devices.mmioCards.length,
    });
    const apic = this.board.lapic !== null;
    if (firmware) {
      const e820 = firmwareRam(config.memoryBytes);
      addMachineItems(this.board.fwCfg, { ramBytes: config.memoryBytes, cpuCount: 1, e820 });
      for (const file of acpiLoaderFiles(acpi)) this.board.fwCfg.addFile(file.name, file.bytes);
    } else if (apic) {
      this.memory.copyTo(ACPI_BASE as Gpa, acpi.bytes);
      this.memory.copyTo(
        MP_BASE as Gpa,
        buildMpTable({ base: MP_BASE, cpuCount: 1, cpuSignature: 0x6f1, cpuFeatures: 0 }),
      );
    }
    const loaded = loadImage(this.memory, {
      image: config.image,
      ...(config.imageName === undefined ? {} : { imageName: config.imageName }),
      ...(config.initrd === undefined ? {} : { initrd: config.initrd }),
      ...(config.commandLine === undefined ? {} : { commandLine: config.commandLine }),
      ...(config.protocol === undefined ? {} : { protocol: config.protocol }),
      ...(config.modules === undefined ? {} : { modules: config.modules }),
      ...(apic ? { acpiRsdp: ACPI_BASE } : {}),
      hasCpuFeature: (name) => config.model.features.has(name),
    });
    let at = romBase;
    for (const rom of loaded.roms) {
      new Uint8Array(memory.buffer).set(rom.bytes, at);
      this.memory.addRom(rom.start / 4096, Math.ceil(rom.bytes.length / 4096), at / 4096);
      at += Math.ceil(rom.bytes.length / 4096) * 4096;
    }
    this.cpu.start(loaded.entry);
  }

  /** Bytes typed at serial port `index`; queued without loss, delivered as the guest's FIFO has room. */
  send(index: number, bytes: Uint8Array): void {
    this.input[index].push(bytes);
    this.loop.wake();
  }
  /** Bytes given to {@link send} that serial port `index` has not taken yet. */
  queuedInput(index: number): number {
    return this.input[index].reduce((sum, bytes) => sum + bytes.length, 0);
  }
  /** The virtio console device, for its state; null if there is none. */
  get virtioConsole(): ConsoleDevice | null {
    return this.devices.console;
  }
  /** Bytes typed at a port of the virtio console; they wait until the guest takes them. */
  sendToPort(port: number, bytes: Uint8Array): void {
    this.devices.console?.send(port, bytes);
    this.loop.wake();
  }
  /** The virtio balloon; null if there is none. */
  get balloon(): BalloonControl | null {
    return this.devices.balloon;
  }
  /** The virtio display and its keyboard; null if there is none. */
  get display(): PcDisplay | null {
    return this.devices.display;
  }
  /** How the machine has ended; null while it has not. */
  get ended(): MachineEnd | null {
    return this.end;
  }
  /** Ends the machine from outside. */
  stop(): void {
    this.finish({ reason: 'stopped', code: 0, message: '' });
  }

  /** What the guest and its CPU did so far. */
  get statistics(): MachineStatistics {
    const { cpu, sampler } = this;
    return machineStatistics(this.workDone(), sampler, cpu.engine, [cpu]);
  }
  /** Instructions executed so far, about. */
  private workDone(): number {
    return this.granted === 0 ? 0 : this.granted - this.cpu.budgetLeft;
  }
  private finish(end: MachineEnd): void {
    this.end ??= end;
    this.cpu.requestExit();
    this.loop.wake();
  }

  private drainInput(): void {
    this.input.forEach((queue, index) => {
      while (queue.length > 0) {
        const taken = this.board.uarts[index].receive(queue[0]);
        if (taken < queue[0].length) {
          queue[0] = queue[0].subarray(taken);
          return;
        }
        queue.shift();
      }
    });
  }

  /** Runs until the guest powers off, resets, crashes or {@link stop}. */
  async run(): Promise<MachineEnd> {
    await this.loop.run();
    return this.end as MachineEnd;
  }
  get isOver(): boolean {
    return this.end !== null;
  }
  get awaitsHost(): boolean {
    return this.devices.awaitHost;
  }
  runSlice(): number {
    this.timers.runDue();
    this.drainInput();
    this.devices.console?.resumeOutput();
    const now = performance.now();
    const untilTimerMs = (this.timers.nextDeadlineNs() - this.clock.nowNs()) / 1e6;
    const slice = Math.max(
      1000,
      Math.floor(this.speed * Math.min(SLICE_MS, Math.max(untilTimerMs, 0.05))),
    );
    this.granted = this.workDone() + slice;
    this.devices.sliceBegins();
    const exit = this.cpu.run(slice);
    const spent = performance.now() - now;
    this.devices.sliceEnded();
    this.sampler?.sliceEnded(this.cpu, spent);
    if (exit === EXIT_HALT) return this.idle();
    if (exit === EXIT_SHUTDOWN) this.crash();
    else if (exit !== EXIT_REQUESTED && spent > 0.01) {
      this.speed += (Math.min(slice / spent, 2_000_000) - this.speed) * 0.1;
    }
    return 0;
  }
  /** The CPU is halted. When the next timer is due, or 0 if something woke it. */
  private idle(): number {
    this.clock.catchUp();
    this.timers.runDue();
    this.drainInput(); // the guest may have made room, and sleeps only because it waits for more
    const hasMore = this.cpu.canWake() || this.devices.console?.holdsOutput === true;
    return hasMore ? 0 : this.timers.nextDeadlineNs();
  }

  private crash(): void {
    const faults = lastFaultsText(this.cpu.recentFaults);
    this.finish({ reason: 'crash', code: 0, message: `triple fault: ${faults}` });
  }
}
