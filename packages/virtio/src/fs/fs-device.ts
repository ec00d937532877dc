// FsDevice: the file system device: a folder of the host's under a tag, by the FUSE protocol. VIRTIO 1.2 §5.11. There is no DAX.
import type { FileSystem } from '../files/file-system.js';
import { MessageDevice } from '../files/message-device.js';
import {
  VIRTIO_FS_CONFIG_BYTES,
  VIRTIO_FS_NUM_REQUEST_QUEUES,
  VIRTIO_FS_TAG_BYTES,
  VIRTIO_ID_FS,
} from '../spec/fs.js';
import { FuseServer, MAX_MESSAGE_BYTES } from './fuse-server.js';

/** Of the queue for urgent requests, and of the one for all others. */
const QUEUE_SIZE = 128;

export interface FsDeviceOptions {
  /** What the guest mounts it by: at most 36 bytes of UTF-8. */
  readonly tag: string;
  /** Asked within slices: what takes long holds the guest. */
  readonly files: FileSystem;
}

export class FsDevice extends MessageDevice {
  constructor({ tag, files }: FsDeviceOptions) {
    const kind = {
      ...{ name: 'virtio file system device', deviceId: VIRTIO_ID_FS, features: 0n },
      ...{ queueSizes: [QUEUE_SIZE, QUEUE_SIZE], maxBytes: MAX_MESSAGE_BYTES },
    };
    super({ ...kind, config: configOf(tag) }, new FuseServer(files));
  }
}

function configOf(tag: string): Uint8Array {
  const bytes = new TextEncoder().encode(tag);
  if (bytes.length === 0 || bytes.length > VIRTIO_FS_TAG_BYTES)
    throw new RangeError(`a tag has 1 to ${VIRTIO_FS_TAG_BYTES} bytes`);
  const config = new Uint8Array(VIRTIO_FS_CONFIG_BYTES);
  config.set(bytes);
  new DataView(config.buffer).setUint32(VIRTIO_FS_NUM_REQUEST_QUEUES, 1, true);
  return config;
}
