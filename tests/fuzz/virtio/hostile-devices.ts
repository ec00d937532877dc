// The devices and transports that hostile drivers are set upon. What devices write into a guest has no byte that could be part of an
// address in the guarded part of its memory.
import { MemoryDisk } from '@proxeny/machine';
import type { FlatMemory, Gpa } from '@proxeny/memory';
import {
  BalloonDevice,
  BlkDevice,
  ChannelTransport,
  ConsoleDevice,
  type DeviceControl,
  FsDevice,
  GpuDevice,
  Keyboard,
  MmioTransport,
  NetDevice,
  type NetFrame,
  P9Device,
  PciTransport,
  RngDevice,
  type VirtioDevice,
  VsockDevice,
} from '@proxeny/virtio';
import { VIRTIO_CHANNEL_ACCESS_WRITE, VIRTIO_CHANNEL_ANSWER } from '@proxeny/virtio/driver';
import { HostileFiles } from './hostile-files.js';
import { GUEST_CID, HostilePeer, vsockPacket } from './hostile-peer.js';

const DISK_BYTES = 64 * 1024;
const MAX_TYPED = 4096;
/** Files that a server may hold for its client. */
const MAX_HELD = 20_000;
const MAX_VSOCK_CONNECTIONS = 256;

/** A device, and what makes things happen to it that its driver did not ask for. */
export interface HostileTarget {
  readonly device: VirtioDevice;
  /** Something comes from outside. */
  stir(value: number): void;
  /** The beginning of a buffer that means something to the device. */
  sense?(below: (count: number) => number): Uint8Array;
}

export const deviceMakers: Readonly<Record<string, () => HostileTarget>> = {
  sockets: vsock,
  block: () => {
    const disk = new MemoryDisk(new Uint8Array(DISK_BYTES).fill(0xff));
    return { device: new BlkDevice({ disk, queueCount: 2, id: 'serial' }), stir: () => {} };
  },
  network: () => {
    let receive: (frame: NetFrame) => void = () => {};
    const device = new NetDevice({
      address: Uint8Array.of(2, 0, 0, 0, 0, 1),
      finish: (frame) => [frame],
      port: {
        send: (frame) => receive(frame),
        listen: (receiver) => {
          receive = receiver ?? (() => {});
        },
      },
    });
    const frame = (byteLength: number): NetFrame => ({
      bytes: new Uint8Array(byteLength).fill(0xff),
      ...{ missingChecksum: null, isChecked: true, largeSegment: null },
    });
    return { device, stir: (value) => receive(frame(60 + (value % 3000))) };
  },
  console: () => {
    const port = (name: string) => ({ name, isConsole: true, onOutput: () => {} });
    const device = new ConsoleDevice({ ports: [port('one'), port('two')] });
    return {
      device,
      stir: (value) => {
        if (value % 5 === 0) device.resize(0xffff, 0xffff);
        else if (device.queuedInput(value & 1) < MAX_TYPED)
          device.send(value & 1, new Uint8Array(value % 200).fill(0xff));
      },
    };
  },
  balloon: () => {
    const device = new BalloonDevice({
      release: (at, byteLength) => {
        if (!(at >= 0 && byteLength > 0)) throw new Error(`${byteLength} bytes at ${at} are none`);
      },
    });
    return {
      device,
      stir: (value) => {
        device.setTarget(value);
        device.requestStatistics();
      },
    };
  },
  graphics: () => ({
    device: new GpuDevice({ width: 64, height: 48, maxResourceBytes: 1 << 16 }),
    stir: () => {},
    sense: graphicsRequest,
  }),
  keyboard: () => {
    const device = new Keyboard({ onEvent: () => {} });
    return { device, stir: () => void device.press('leftshift', 'a') };
  },
  entropy: () => ({
    device: new RngDevice({ fill: (target) => target.fill(0xff) }),
    stir: () => {},
  }),
  '9P': () => sharing((files) => new P9Device({ tag: 'a', files })),
  'file system': () => sharing((files) => new FsDevice({ tag: 'a', files })),
};

function sharing(make: (files: HostileFiles) => VirtioDevice): HostileTarget {
  const files = new HostileFiles();
  return {
    device: make(files),
    stir: () => {
      if (files.held > MAX_HELD) throw new Error(`${files.held} files are held`);
    },
  };
}

function vsock(): HostileTarget {
  const peer = new HostilePeer();
  const device = new VsockDevice({ guestCid: GUEST_CID, host: peer });
  return {
    device,
    stir: (value) => {
      if (device.connectionCount > MAX_VSOCK_CONNECTIONS)
        throw new Error(`${device.connectionCount} connections`);
      peer.stir(value);
    },
    sense: vsockPacket,
  };
}

/** A request for one of three resources of 8 × 4 pixels. */
function graphicsRequest(below: (count: number) => number): Uint8Array {
  const resource = 1 + below(3);
  const [x, y] = [below(5), below(3)];
  const rectangle = [x, y, 8 - x, 4 - y];
  const header = [0, 0, 0, 0, 0];
  const bodies: readonly (readonly [number, ...number[]])[] = [
    [0x100],
    [0x101, resource, 1 + below(4), 8, 4],
    [0x102, resource],
    [0x103, ...rectangle, 0, resource],
    [0x104, ...rectangle, resource],
    [0x105, ...rectangle, 0, 0, resource],
    [0x106, resource, 2, 0x10000 + below(0x4000), 0, 64, 0, 0x14000 + below(0x4000), 0, 64, 0],
    [0x107, resource],
    [0x300, 0, x, y, 0, resource, 0, 0],
  ];
  const [command, ...body] = bodies[below(bodies.length)];
  return new Uint8Array(Uint32Array.from([command, ...header, ...body]).buffer);
}

/** A transport's registers, whichever they are. */
export interface HostileTransport {
  readonly control: DeviceControl;
  readonly byteLength: number;
  read(offset: number, size: 1 | 2 | 4): number;
  write(offset: number, size: 1 | 2 | 4, value: number): void;
  save(): unknown;
  restore(state: unknown): void;
}

type TransportMaker = (device: VirtioDevice, memory: FlatMemory) => HostileTransport;

export const transportMakers: Readonly<Record<string, TransportMaker>> = {
  MMIO: (device, memory) => {
    const transport = new MmioTransport({ device, memory, interrupt: () => {} });
    return {
      control: transport.control,
      byteLength: transport.byteLength,
      read: (offset, size) => transport.readMmio(offset, size),
      write: (offset, size, value) => transport.writeMmio(offset, size, value),
      save: () => transport.save(),
      restore: (state) => transport.restore(state),
    };
  },
  PCI: (device, memory) => {
    const options = { device, memory, classCode: 0, intx: () => {}, sendMessage: () => {} };
    const transport = new PciTransport(options);
    transport.writeMessageControl(0x8000);
    return {
      control: transport.control,
      byteLength: transport.barBytes,
      read: (offset, size) => transport.readBar(offset, size),
      write: (offset, size, value) => transport.writeBar(offset, size, value),
      save: () => transport.save(),
      restore: (state) => transport.restore(state),
    };
  },
  channel: (device, memory) => {
    const transport = new ChannelTransport({
      ...{ device, memory },
      queueEvent: () => {},
      pageEvent: () => {},
    });
    transport.open(0);
    let id = 0;
    const request = (access: number, offset: number, value: number): number => {
      for (const [i, word] of [++id, access, offset, value].entries())
        memory.writeU32((4 * i) as Gpa, word);
      transport.serve();
      return memory.readU32(VIRTIO_CHANNEL_ANSWER as Gpa);
    };
    return {
      control: transport.control,
      byteLength: transport.byteLength,
      read: (offset, size) => request(size, offset, 0),
      write: (offset, size, value) =>
        void request(size | VIRTIO_CHANNEL_ACCESS_WRITE, offset, value),
      save: () => transport.save(),
      restore: (state) => transport.restore(state),
    };
  },
};
