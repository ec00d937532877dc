// Programs of the host that tests compare us with: those that are installed, or Debian's with the libraries they need.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { debianPackage } from './debian-packages.js';

export interface DebianTool {
  /** What to run. */
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where the package is unpacked; '' is the host's own. */
  readonly root: string;
}

const ARCHITECTURE = 'x86_64-linux-gnu';

const found: Map<string, DebianTool> = new Map();

/**
 * A program that knows the option `--version`.
 * @param libraries packages of what it loads beside the C library
 */
export function debianTool(
  name: string,
  packageName: string,
  libraries: readonly string[],
): DebianTool {
  const tool = found.get(name) ?? locate(name, packageName, libraries);
  found.set(name, tool);
  return tool;
}

function locate(name: string, packageName: string, libraries: readonly string[]): DebianTool {
  if (spawnSync(name, ['--version']).status === 0)
    return { path: name, env: process.env, root: '' };
  const root = debianPackage(packageName, 'amd64');
  const folders = libraries.flatMap((library) => {
    const unpacked = debianPackage(library, 'amd64');
    return [`usr/lib/${ARCHITECTURE}`, `lib/${ARCHITECTURE}`].map((path) => join(unpacked, path));
  });
  const env = { ...process.env, LD_LIBRARY_PATH: folders.join(':') };
  const places = ['usr/bin', 'usr/sbin'].map((folder) => join(root, folder, name));
  const path = places.find((each) => spawnSync(each, ['--version'], { env }).status === 0);
  if (path === undefined) throw new Error(`Debian's ${packageName} has no ${name} that runs here`);
  return { path, env, root };
}
