// The socket device (VIRTIO 1.2 §5.10).
export const VIRTIO_ID_VSOCK = 19;

/** Feature bits. */
export const VIRTIO_VSOCK_F_STREAM = 0;

/** Configuration space (§5.10.4): the guest's address, 64 bits of which 32 are used. */
export const VSOCK_CONFIG_BYTES = 8;

/** Addresses (§5.10.4): 0, 1 and 2 are reserved, 2 is the host. */
export const VSOCK_HOST_CID = 2;
export const VSOCK_FIRST_CID = 3;
export const VSOCK_LAST_CID = 0xffff_fffe;

/** The header of a packet (§5.10.6): addresses (8 each), ports, length (4 each), type, operation (2 each), flags, credit (4 each). */
export const VSOCK_HEADER_BYTES = 44;
export const VIRTIO_VSOCK_TYPE_STREAM = 1;

/** Operations. */
export const VIRTIO_VSOCK_OP_REQUEST = 1;
export const VIRTIO_VSOCK_OP_RESPONSE = 2;
export const VIRTIO_VSOCK_OP_RST = 3;
export const VIRTIO_VSOCK_OP_SHUTDOWN = 4;
export const VIRTIO_VSOCK_OP_RW = 5;
export const VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
export const VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;

/** Flags of SHUTDOWN: the sender receives no more, sends no more. */
export const VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE = 1;
export const VIRTIO_VSOCK_SHUTDOWN_F_SEND = 2;
export const VIRTIO_VSOCK_SHUTDOWN_F_BOTH = 3;

/** Events (§5.10.6.7): 32 bits each. The guest has other peers now: its connections are gone, its address may be another. */
export const VSOCK_EVENT_BYTES = 4;
export const VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;
