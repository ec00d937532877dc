// The handshake of NBD, in its fixed newstyle form: what the server has and the client wants, until an export is chosen.
import { BlockError } from '../block-backend.js';
import type { ByteStream } from './byte-stream.js';
import {
  HANDSHAKE_FIXED_NEWSTYLE,
  HANDSHAKE_NO_ZEROES,
  information,
  MAX_MESSAGE_BYTES,
  MAX_TRANSFER_BYTES,
  NBD_MAGIC,
  OPTION_ERROR,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  option,
  optionErrors,
  optionReply,
} from './protocol.js';

/** An export that was chosen. */
export interface NbdExport {
  readonly byteLength: number;
  /** See `exportFlag`. */
  readonly flags: number;
  /** Transfers start and end at multiples of it. */
  readonly minBlockBytes: number;
  readonly maxTransferBytes: number;
}

/** For messages: which server and export. */
type Failure = (what: string) => BlockError;

const ERROR_UNSUPPORTED = OPTION_ERROR + 1;
const ERROR_UNKNOWN = OPTION_ERROR + 6;
const PADDING_BYTES = 124;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Chooses an export.
 * @param where the server and export, for messages
 * @throws BlockError `not-found` or `io`, or what the stream rejects with
 */
export async function negotiate(
  stream: ByteStream,
  name: string,
  where: string,
): Promise<NbdExport> {
  const fail: Failure = (what) => new BlockError('io', `${where}: ${what}`);
  const hello = viewOf(await stream.take(18));
  if (hello.getBigUint64(0) !== NBD_MAGIC) throw fail('is no NBD server');
  if (hello.getBigUint64(8) !== OPTION_MAGIC)
    throw fail('the server speaks only the old NBD handshake, which is not supported');
  const flags = hello.getUint16(16);
  if ((flags & HANDSHAKE_FIXED_NEWSTYLE) === 0)
    throw fail('the server lacks the fixed newstyle handshake of NBD');
  const reply = new Uint8Array(4);
  viewOf(reply).setUint32(0, flags & (HANDSHAKE_FIXED_NEWSTYLE | HANDSHAKE_NO_ZEROES));
  stream.send(reply);
  await askForStructuredReplies(stream, fail);
  const chosen = await go(stream, name, where, fail);
  return chosen ?? (await exportName(stream, name, (flags & HANDSHAKE_NO_ZEROES) !== 0, fail));
}

function sendOption(stream: ByteStream, number: number, data: Uint8Array): void {
  const bytes = new Uint8Array(16 + data.byteLength);
  const view = viewOf(bytes);
  view.setBigUint64(0, OPTION_MAGIC);
  view.setUint32(8, number);
  view.setUint32(12, data.byteLength);
  bytes.set(data, 16);
  stream.send(bytes);
}

interface OptionReply {
  readonly type: number;
  readonly data: Uint8Array;
}

async function takeReply(stream: ByteStream, number: number, fail: Failure): Promise<OptionReply> {
  const head = viewOf(await stream.take(20));
  const byteLength = head.getUint32(16);
  const isGood =
    head.getBigUint64(0) === OPTION_REPLY_MAGIC &&
    head.getUint32(8) === number &&
    byteLength <= MAX_MESSAGE_BYTES;
  if (!isGood) throw fail('the server does not keep to the NBD protocol');
  return { type: head.getUint32(12), data: await stream.take(byteLength) };
}

/** They are optional: replies tell by themselves which kind they are. */
async function askForStructuredReplies(stream: ByteStream, fail: Failure): Promise<void> {
  sendOption(stream, option.structuredReply, new Uint8Array(0));
  await takeReply(stream, option.structuredReply, fail);
}

/** Null: the server does not know this option. */
async function go(
  stream: ByteStream,
  name: string,
  where: string,
  fail: Failure,
): Promise<NbdExport | null> {
  const nameBytes = new TextEncoder().encode(name);
  const data = new Uint8Array(4 + nameBytes.byteLength + 4);
  const view = viewOf(data);
  view.setUint32(0, nameBytes.byteLength);
  data.set(nameBytes, 4);
  view.setUint16(4 + nameBytes.byteLength, 1);
  view.setUint16(6 + nameBytes.byteLength, information.blockSize);
  sendOption(stream, option.go, data);
  let chosen: NbdExport | null = null;
  let sizes = { minBlockBytes: 1, maxTransferBytes: MAX_TRANSFER_BYTES };
  for (;;) {
    const reply = await takeReply(stream, option.go, fail);
    if (reply.type === optionReply.ack && chosen) return { ...chosen, ...sizes };
    if (reply.type === ERROR_UNSUPPORTED) return null;
    if (reply.type >= OPTION_ERROR) throw refusal(reply, where);
    const info = viewOf(reply.data);
    if (reply.type !== optionReply.info || reply.data.byteLength < 2)
      throw fail('the server does not keep to the NBD protocol');
    const kind = info.getUint16(0);
    if (kind === information.export && reply.data.byteLength >= 12)
      chosen = exportOf(info.getBigUint64(2), info.getUint16(10), fail);
    if (kind === information.blockSize && reply.data.byteLength >= 14) {
      const most = Math.min(info.getUint32(10), MAX_TRANSFER_BYTES);
      sizes = { minBlockBytes: info.getUint32(2), maxTransferBytes: most };
    }
  }
}

function refusal(reply: OptionReply, where: string): BlockError {
  const reason = optionErrors[reply.type - OPTION_ERROR - 1] ?? `error ${reply.type}`;
  const text = new TextDecoder().decode(reply.data).replace(/\p{Cc}/gu, ' ');
  const kind = reply.type === ERROR_UNKNOWN ? 'not-found' : 'io';
  return new BlockError(kind, `${where}: ${reason}${text === '' ? '' : ` (${text})`}`);
}

/** The older way, in which a server refuses by closing the connection. */
async function exportName(
  stream: ByteStream,
  name: string,
  hasNoPadding: boolean,
  fail: Failure,
): Promise<NbdExport> {
  sendOption(stream, option.exportName, new TextEncoder().encode(name));
  const reply = viewOf(await stream.take(10));
  if (!hasNoPadding) await stream.take(PADDING_BYTES);
  return exportOf(reply.getBigUint64(0), reply.getUint16(8), fail);
}

function exportOf(byteLength: bigint, flags: number, fail: Failure): NbdExport {
  if (byteLength > BigInt(Number.MAX_SAFE_INTEGER)) throw fail('the export is too large');
  return {
    byteLength: Number(byteLength),
    flags,
    minBlockBytes: 1,
    maxTransferBytes: MAX_TRANSFER_BYTES,
  };
}
