// Configuration files on the command line: which arguments they are, and what they say.
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DomainConfigFile } from '@proxeny/machine';
import { readInputFile } from './input-file.js';

const SNIFFED_BYTES = 4096;
const YAML = /^\s*domains\s*:/m;
const XL = /^\s*(?:name|kernel|ramdisk|memory|type|builder|vcpus|disk|extra|cmdline)\s*=/m;

/** `yaml` or `xl` if the file says by its name, or a text by its contents, that it is a configuration; else null. */
export async function sniffConfig(path: string): Promise<'yaml' | 'xl' | null> {
  if (/\.(ya?ml|json)$/i.test(path)) return 'yaml';
  if (/\.cfg$/i.test(path)) return 'xl';
  const text = await firstText(path);
  if (text === null) return null;
  if (YAML.test(text)) return 'yaml';
  return XL.test(text) ? 'xl' : null;
}

/** The beginning of a text file; null for all else, and for what only {@link readInputFile} should touch. */
async function firstText(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null);
  try {
    if (!file || !(await file.stat()).isFile()) return null;
    const { bytesRead, buffer } = await file.read(new Uint8Array(SNIFFED_BYTES), 0, SNIFFED_BYTES);
    const text = new TextDecoder().decode(buffer.subarray(0, bytesRead), { stream: true });
    return /[^\P{Cc}\s]|\ufffd/u.test(text) ? null : text;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/**
 * Reads a configuration file.
 * @throws CommandError if it cannot be read, ConfigError that starts with file, line and column
 */
export async function readConfigFile(path: string): Promise<DomainConfigFile> {
  const bytes = await readInputFile(path, 'configuration');
  const format = (await sniffConfig(path)) ?? undefined;
  // Not before it is needed: it brings parsers that are as large as a machine.
  const { readDomainConfig } = await import('@proxeny/machine');
  return readDomainConfig(new TextDecoder().decode(bytes), basename(path), format);
}
