// The console device (VIRTIO 1.2 §5.3).
export const VIRTIO_ID_CONSOLE = 3;

/** Feature bits. */
export const VIRTIO_CONSOLE_F_SIZE = 0;
export const VIRTIO_CONSOLE_F_MULTIPORT = 1;
export const VIRTIO_CONSOLE_F_EMERG_WRITE = 2;

/** Configuration space (§5.3.4). */
export const CONSOLE_CONFIG_COLS = 0;
export const CONSOLE_CONFIG_ROWS = 2;
export const CONSOLE_CONFIG_MAX_PORTS = 4;
export const CONSOLE_CONFIG_EMERG_WR = 8;
export const CONSOLE_CONFIG_BYTES = 12;

/** A control message (§5.3.6.2): port (4), event (2), value (2), then what the event has. */
export const CONSOLE_CONTROL_BYTES = 8;
/** From the driver: it takes ports (1), or cannot (0). */
export const VIRTIO_CONSOLE_DEVICE_READY = 0;
/** To the driver: there is a port. */
export const VIRTIO_CONSOLE_PORT_ADD = 1;
/** From the driver: it has the port (1), or cannot (0). */
export const VIRTIO_CONSOLE_PORT_READY = 3;
/** To the driver: the port is a console. */
export const VIRTIO_CONSOLE_CONSOLE_PORT = 4;
/** To the driver: columns and rows follow. */
export const VIRTIO_CONSOLE_RESIZE = 5;
/** From either: its end is open (1) or closed (0). */
export const VIRTIO_CONSOLE_PORT_OPEN = 6;
/** To the driver: the port's name follows. */
export const VIRTIO_CONSOLE_PORT_NAME = 7;
