// Where running machines are found: a folder of the user's own with one socket for each, named after it. Nobody else may enter it.
import { chmod, lstat, mkdir, readdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ControlError } from '../control-method.js';
import { SOCKET_PATH_MAX_BYTES } from './unix-socket.js';

const SUFFIX = '.sock';
const NAME = /^[A-Za-z0-9][-A-Za-z0-9_.]{0,63}$/;

/** `$PROXENY_RUNTIME_DIR`, or `proxeny` in `$XDG_RUNTIME_DIR`, or `proxeny-<uid>` in the temporary folder. */
export function controlFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { PROXENY_RUNTIME_DIR: own, XDG_RUNTIME_DIR: runtime } = environment;
  if (own) return own;
  return runtime ? join(runtime, 'proxeny') : join(tmpdir(), `proxeny-${userInfo().uid}`);
}

/**
 * Makes the folder if it is not there, and checks that it is ours alone.
 * @throws ControlError `bad-folder`
 */
export async function openControlFolder(folder: string): Promise<void> {
  const failure = await mkdir(folder, { mode: 0o700 }).catch((error: Error) => error);
  const status = await lstat(folder).catch(() => null);
  if (!status)
    throw new ControlError(
      'bad-folder',
      `cannot make the folder ${folder}: ${failure?.message ?? 'it has gone'}`,
    );
  const { uid } = userInfo();
  if (!status.isDirectory() || (uid >= 0 && status.uid !== uid))
    throw new ControlError('bad-folder', `${folder} is not a folder of this user's; remove it`);
  if ((status.mode & 0o077) !== 0) await chmod(folder, 0o700);
}

/**
 * The socket of machine `name`.
 * @throws ControlError `bad-name`
 */
export function socketPath(folder: string, name: string): string {
  if (!NAME.test(name))
    throw new ControlError(
      'bad-name',
      `'${name}' is no name for a machine: letters, digits, and - _ . after the first, at most 64`,
    );
  const path = join(folder, name + SUFFIX);
  if (Buffer.byteLength(path) > SOCKET_PATH_MAX_BYTES)
    throw new ControlError(
      'bad-name',
      `${path} is too long for a socket (${SOCKET_PATH_MAX_BYTES} bytes); choose a shorter name, or a shorter folder in PROXENY_RUNTIME_DIR`,
    );
  return path;
}

/** Names of machines that run, or did: some may not answer. */
export async function machineNames(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  const names = files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length));
  return names.filter((name) => NAME.test(name)).sort();
}
