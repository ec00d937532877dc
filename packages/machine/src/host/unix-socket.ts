// Unix sockets: what is common to all that listen at one.
import { connect } from 'node:net';

/** The longest path that a socket can have on Linux and macOS, in bytes. */
export const SOCKET_PATH_MAX_BYTES = 103;

/** Whether a process listens at a path. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
