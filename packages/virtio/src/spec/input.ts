// The input device (VIRTIO 1.2 §5.8); its events are Linux' own (include/uapi/linux/input-event-codes.h).
export const VIRTIO_ID_INPUT = 18;

/** Configuration space (§5.8.4): what to ask, about which part, and the answer's length and bytes. */
export const INPUT_CONFIG_SELECT = 0;
export const INPUT_CONFIG_SUBSEL = 1;
export const INPUT_CONFIG_SIZE = 2;
export const INPUT_CONFIG_DATA = 8;
export const INPUT_CONFIG_DATA_BYTES = 128;
export const INPUT_CONFIG_BYTES: number = INPUT_CONFIG_DATA + INPUT_CONFIG_DATA_BYTES;

export const VIRTIO_INPUT_CFG_ID_NAME = 0x01;
export const VIRTIO_INPUT_CFG_ID_SERIAL = 0x02;
/** Bus, vendor, product, version: two bytes each. */
export const VIRTIO_INPUT_CFG_ID_DEVIDS = 0x03;
/** Of the event type `subsel`: a bitmap of its codes. */
export const VIRTIO_INPUT_CFG_EV_BITS = 0x11;

/** Type (2), code (2), value (4). */
export const INPUT_EVENT_BYTES = 8;

export const BUS_VIRTUAL = 6;
export const EV_SYN = 0;
export const EV_KEY = 1;
export const EV_LED = 17;
export const EV_REP = 20;
