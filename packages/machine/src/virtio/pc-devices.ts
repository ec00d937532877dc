// PcDevices: the virtio devices of a PC, made of what its configuration asks for, as cards for its PCI bus or as registers in memory.
import {
  BlkDevice,
  ConsoleDevice,
  type ConsolePortOptions,
  type DeviceMemory,
  type FileSystem,
  FsDevice,
  NetDevice,
  P9Device,
  RngDevice,
  type VirtioDevice,
  VsockDevice,
  type VsockHost,
} from '@proxeny/virtio';
import type { NetworkPort } from '../network/network-port.js';
import { finishFrame } from '../network/offload.js';
import type { MmioCard } from '../pc/mmio-card.js';
import type { PciCard } from '../pc/pci-card.js';
import type { BlockBackend } from '../storage/block-backend.js';
import { BalloonControl, type PcBalloon } from './balloon-control.js';
import { PcDisplay, type PcDisplayOptions } from './pc-display.js';
import { virtioCard } from './virtio-card.js';
import { virtioMmio } from './virtio-mmio.js';

/** PCI class codes. */
const STORAGE = 0x010000;
const ETHERNET = 0x020000;
const COMMUNICATION = 0x078000;
const DISPLAY = 0x038000;
const KEYBOARD = 0x090000;
const OTHER = 0x00ff00;
/** Of a disk's data, moved within a slice: some hundred microseconds of the host's time, which other guests wait for. */
const PROMPT_BYTES = 2 << 20;

/** A disk of a PC. */
export interface PcDisk {
  readonly disk: BlockBackend;
  /** The guest may not change it. */
  readonly isReadOnly?: boolean;
  /** Its serial number: at most 20 ASCII characters. */
  readonly serial?: string;
}

/** A network card of a PC. */
export interface PcNetwork {
  /** What carries its frames, which may be unfinished (NetworkPort). It may send such frames too. */
  readonly port: NetworkPort;
  /** Six bytes. */
  readonly address: Uint8Array;
  /** The largest payload of a frame; default: 1,500, as drivers have it. */
  readonly mtu?: number;
}

/** How a guest speaks of shared files: by its 9p file system, or its virtiofs. */
export type ShareProtocol = '9p' | 'virtiofs';

/** A folder that a PC's guest mounts by a tag. */
export interface PcShare {
  readonly tag: string;
  readonly files: FileSystem;
  /** Default: 9p. */
  readonly protocol?: ShareProtocol;
}

/** The vsock of a PC. */
export interface PcVsock {
  /** The guest's address: 3 to 2^32 − 2. */
  readonly guestCid: number;
  /** Where its connections lead, and the host's come from. */
  readonly host: VsockHost;
}

/** Where a PC's virtio devices are: on the PCI bus, or in memory, where ACPI says so. */
export type VirtioTransport = 'pci' | 'mmio';

export interface PcDevicesOptions {
  readonly transport: VirtioTransport;
  readonly hasPackedRings: boolean;
  readonly disks: readonly PcDisk[];
  readonly networks: readonly PcNetwork[];
  readonly shares: readonly PcShare[];
  /** Ports of the console device; none: there is no such device. */
  readonly consolePorts: readonly ConsolePortOptions[];
  /** Fills bytes with randomness; null: there is no entropy device. */
  readonly entropy: ((target: Uint8Array) => void) | null;
  readonly vsock: PcVsock | null;
  readonly balloon: PcBalloon | null;
  /** Null: there is none. */
  readonly display: PcDisplayOptions | null;
  /** RAM. */
  readonly memory: DeviceMemory & { readonly byteLength: number };
  /** The host got something to do: the slice should end soon. Called within the slice. */
  readonly onStart: () => void;
  /** The host did something: the guest may go on. Called between slices. */
  readonly onCompletion: () => void;
  readonly onMessage: (message: string) => void;
}

export class PcDevices {
  /** Those on the PCI bus. */
  readonly cards: readonly PciCard[];
  /** Those in memory. */
  readonly mmioCards: readonly MmioCard[];
  readonly console: ConsoleDevice | null;
  readonly balloon: BalloonControl | null;
  readonly display: PcDisplay | null;
  readonly #disks: readonly BlkDevice[];
  readonly #networks: NetDevice[] = [];

  constructor(options: PcDevicesOptions) {
    const { disks, networks, shares, consolePorts, entropy, vsock, balloon, memory } = options;
    const { hasPackedRings, onStart, onCompletion, onMessage } = options;
    const named = (name: string, device: VirtioDevice, classCode: number) => ({
      ...{ name, device, classCode, memory, hasPackedRings },
      onFailure: (reason: string) =>
        onMessage(`${name} stopped until its driver resets it: ${reason}`),
    });
    this.#disks = disks.map(
      ({ disk, isReadOnly = false, serial = '' }) =>
        new BlkDevice({
          ...{ disk, isReadOnly, id: serial, promptBytes: PROMPT_BYTES },
          ...{ onStart, onCompletion },
        }),
    );
    this.console = consolePorts.length > 0 ? new ConsoleDevice({ ports: consolePorts }) : null;
    this.balloon = balloon && new BalloonControl(balloon, memory, onCompletion);
    this.display = options.display && new PcDisplay(options.display, onCompletion);
    const devices = [
      ...this.#disks.map((device, i) => named(`virtio disk ${i}`, device, STORAGE)),
      ...networks.map((network, i) => {
        const options = { ...network, finish: finishFrame, onCompletion };
        const device = new NetDevice({ ...options, sendsBetweenSlices: true });
        this.#networks.push(device);
        return named(`virtio network card ${i}`, device, ETHERNET);
      }),
      ...shares.map((share) => named(`virtio share ${share.tag}`, shareDevice(share), OTHER)),
      ...(this.console ? [named('virtio console', this.console, COMMUNICATION)] : []),
      ...(entropy ? [named('virtio entropy', new RngDevice({ fill: entropy }), OTHER)] : []),
      ...(vsock
        ? [named('virtio sockets', new VsockDevice({ ...vsock, onCompletion }), COMMUNICATION)]
        : []),
      ...(this.display
        ? [
            named('virtio display', this.display.graphics, DISPLAY),
            named('virtio keyboard', this.display.keyboard, KEYBOARD),
          ]
        : []),
      ...(this.balloon ? [named('virtio balloon', this.balloon.device, OTHER)] : []),
    ];
    const isMmio = options.transport === 'mmio';
    this.cards = isMmio ? [] : devices.map(virtioCard);
    this.mmioCards = isMmio ? devices.map(virtioMmio) : [];
  }

  /** The guest is about to run. */
  sliceBegins(): void {
    for (const disk of this.#disks) disk.sliceBegins();
  }

  /** The guest does not run for a while: what it was about to send leaves, and may bring it an interrupt. */
  sliceEnded(): void {
    for (const network of this.#networks) network.sliceEnded();
  }

  /** Requests are with the host. */
  get awaitHost(): boolean {
    for (const disk of this.#disks) if (disk.isBusy) return true;
    return false;
  }
}

function shareDevice({ protocol, ...share }: PcShare): VirtioDevice {
  return protocol === 'virtiofs' ? new FsDevice(share) : new P9Device(share);
}
