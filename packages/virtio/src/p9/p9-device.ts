// P9Device: the 9P transport device: a folder of the host's under a tag. VIRTIO 1.2 §5.9.
import type { FileSystem } from '../files/file-system.js';
import { MessageDevice } from '../files/message-device.js';
import { featureMask } from '../spec/feature.js';
import { VIRTIO_9P_F_MOUNT_TAG, VIRTIO_ID_9P } from '../spec/p9.js';
import { MAX_MESSAGE_BYTES, P9Server } from './p9-server.js';

const QUEUE_SIZE = 128;
const MAX_TAG_BYTES = 256;

export interface P9DeviceOptions {
  /** What the guest mounts it by. */
  readonly tag: string;
  /** Asked within slices: what takes long holds the guest. */
  readonly files: FileSystem;
}

export class P9Device extends MessageDevice {
  constructor({ tag, files }: P9DeviceOptions) {
    const kind = {
      ...{ name: 'virtio 9P device', deviceId: VIRTIO_ID_9P, maxBytes: MAX_MESSAGE_BYTES },
      ...{ features: featureMask(VIRTIO_9P_F_MOUNT_TAG), queueSizes: [QUEUE_SIZE] },
    };
    super({ ...kind, config: configOf(tag) }, new P9Server(files));
  }
}

/** The tag after its length in 2 bytes. */
function configOf(tag: string): Uint8Array {
  const bytes = new TextEncoder().encode(tag);
  if (bytes.length === 0 || bytes.length > MAX_TAG_BYTES)
    throw new RangeError(`a tag has 1 to ${MAX_TAG_BYTES} bytes`);
  const config = new Uint8Array(2 + bytes.length);
  new DataView(config.buffer).setUint16(0, bytes.length, true);
  config.set(bytes, 2);
  return config;
}
