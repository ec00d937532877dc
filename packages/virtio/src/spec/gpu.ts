// The graphics device, as far as it draws in two dimensions (VIRTIO 1.2 §5.7).
export const VIRTIO_ID_GPU = 16;

/** Configuration space (§5.7.4). */
export const GPU_CONFIG_EVENTS_READ = 0;
export const GPU_CONFIG_EVENTS_CLEAR = 4;
export const GPU_CONFIG_NUM_SCANOUTS = 8;
export const GPU_CONFIG_BYTES = 16;
/** The display's size changed. */
export const VIRTIO_GPU_EVENT_DISPLAY = 1;

/** Every request and answer begins with: type (4), flags (4), fence (8), context (4), ring index (1), padding (3) (§5.7.6.7). */
export const GPU_HEADER_BYTES = 24;
export const GPU_HEADER_FLAGS = 4;
export const VIRTIO_GPU_FLAG_FENCE = 1;

/** Requests. What follows the header has 32-bit words, in this order. */
export const VIRTIO_GPU_CMD_GET_DISPLAY_INFO = 0x100;
/** Resource, format, width, height. */
export const VIRTIO_GPU_CMD_RESOURCE_CREATE_2D = 0x101;
/** Resource. */
export const VIRTIO_GPU_CMD_RESOURCE_UNREF = 0x102;
/** Rectangle, scanout, resource. */
export const VIRTIO_GPU_CMD_SET_SCANOUT = 0x103;
/** Rectangle, resource. */
export const VIRTIO_GPU_CMD_RESOURCE_FLUSH = 0x104;
/** Rectangle, offset (8), resource. */
export const VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D = 0x105;
/** Resource, count, then for each entry: address (8), length (4), padding (4). */
export const VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING = 0x106;
/** Resource. */
export const VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING = 0x107;
export const VIRTIO_GPU_CMD_UPDATE_CURSOR = 0x300;
export const VIRTIO_GPU_CMD_MOVE_CURSOR = 0x301;

/** The longest of them, without entries. */
export const GPU_REQUEST_BYTES = 56;
export const GPU_ENTRY_BYTES = 16;

/** Answers. */
export const VIRTIO_GPU_RESP_OK_NODATA = 0x1100;
/** For each of 16 scanouts: rectangle, enabled, flags. */
export const VIRTIO_GPU_RESP_OK_DISPLAY_INFO = 0x1101;
export const VIRTIO_GPU_RESP_ERR_UNSPEC = 0x1200;
export const VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY = 0x1201;
export const VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID = 0x1202;
export const VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID = 0x1203;
export const VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER = 0x1205;

export const VIRTIO_GPU_MAX_SCANOUTS = 16;
export const GPU_SCANOUT_INFO_BYTES = 24;

/** Formats of pixels, all of 4 bytes: where red, green and blue are (§5.7.6.8). */
export const gpuFormats: ReadonlyMap<number, readonly [red: number, green: number, blue: number]> =
  new Map([
    // B8G8R8A8, B8G8R8X8, A8R8G8B8, X8R8G8B8, R8G8B8A8, X8B8G8R8, A8B8G8R8, R8G8B8X8.
    [1, [2, 1, 0]],
    [2, [2, 1, 0]],
    [3, [1, 2, 3]],
    [4, [1, 2, 3]],
    [67, [0, 1, 2]],
    [68, [3, 2, 1]],
    [121, [3, 2, 1]],
    [134, [0, 1, 2]],
  ]);
