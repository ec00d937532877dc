// `--vsock [CID:]PATH`: Unix sockets for a PC's guest, which knows them as vsock.
import { type PcVsock, VsockSockets } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';

/** The address of a guest that is given none: the first one. */
const DEFAULT_CID = 3;
const MAX_CID = 0xffff_fffe;

export interface OpenVsock {
  readonly vsock?: PcVsock;
  close(): void;
}

/** Listens at the path. @throws CommandError that says why not */
export async function openVsock(text: string | undefined): Promise<OpenVsock> {
  if (text === undefined) return { close: () => {} };
  const [, cid, path = ''] = /^(?:(\d+):)?(.+)$/.exec(text) ?? [];
  const guestCid = cid === undefined ? DEFAULT_CID : Number(cid);
  if (path === '') throw usageError(`--vsock '${text}': write it as PATH or CID:PATH`);
  if (guestCid < DEFAULT_CID || guestCid > MAX_CID)
    throw usageError(`--vsock '${text}': a guest's address is ${DEFAULT_CID} to ${MAX_CID}`);
  try {
    const host = await VsockSockets.listen(path);
    return { vsock: { guestCid, host }, close: () => host.close() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isTaken = code === 'EADDRINUSE';
    throw usageError(
      `--vsock '${text}': ${isTaken ? 'the path is in use; name another, or remove it' : message}`,
    );
  }
}
