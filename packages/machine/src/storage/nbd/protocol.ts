// The NBD protocol's numbers (the NetworkBlockDevice project's doc/proto.md): all fields are big-endian.

export const NBD_MAGIC = 0x4e42444d41474943n; // "NBDMAGIC"
export const OPTION_MAGIC = 0x49484156454f5054n; // "IHAVEOPT"
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Flags of the handshake, the same from both sides. */
export const HANDSHAKE_FIXED_NEWSTYLE = 1;
export const HANDSHAKE_NO_ZEROES = 2;

export const option = { exportName: 1, go: 7, structuredReply: 8 } as const;
export const optionReply = { ack: 1, info: 3 } as const;
/** Types of option replies from here on are errors. */
export const OPTION_ERROR = 0x8000_0000;
/** What they mean, from {@link OPTION_ERROR} + 1 on. */
export const optionErrors: readonly string[] = [
  'the server does not support it',
  'the server does not allow it',
  'the server takes it for invalid',
  'the server cannot do it',
  'the server wants TLS, which is not supported',
  'there is no such export',
  'the server is shutting down',
  'the server wants other block sizes',
];

export const information = { export: 0, blockSize: 3 } as const;

/** What an export can do. */
export const exportFlag = {
  readOnly: 1 << 1,
  flush: 1 << 2,
  trim: 1 << 5,
  writeZeroes: 1 << 6,
} as const;

export const command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
} as const;

export const REQUEST_BYTES = 28;
export const SIMPLE_REPLY_BYTES = 16;
export const STRUCTURED_REPLY_BYTES = 20;

/** The last chunk of a structured reply. */
export const CHUNK_DONE = 1;
export const chunk = { none: 0, data: 1, hole: 2 } as const;
/** Types of chunks from here on are errors: a number, the length of a text, the text. */
export const CHUNK_ERROR = 0x8000;

export const ERRNO_PERMISSION = 1;
export const ERRNO_NO_SPACE = 28;

/** The longest transfer that every server takes. */
export const MAX_TRANSFER_BYTES: number = 32 << 20;
/** No server has a reason to send more where no data are expected. */
export const MAX_MESSAGE_BYTES = 65536;
export const DEFAULT_PORT = 10809;
