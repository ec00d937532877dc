// `--balloon [SIZE]`: a PC's balloon, and what it leaves of the guest's memory.
import type { PcBalloon } from '@proxeny/machine/pc';
import { usageError } from './command-error.js';
import { parseSize } from './quantity.js';

/** @param text true: the guest keeps all. @throws CommandError */
export function balloonOption(
  text: true | string | undefined,
  memoryBytes: number,
): PcBalloon | undefined {
  if (text === undefined || text === true) return text && {};
  return { targetBytes: balloonBytes(text, '--balloon', memoryBytes) };
}

/** The size of a balloon that leaves the guest `text` of its memory. @throws CommandError; `option` names where the text stood */
export function balloonBytes(text: string, option: string, memoryBytes: number): number {
  const leftBytes = parseSize(text, option);
  if (leftBytes < 0 || leftBytes > memoryBytes)
    throw usageError(`${option} '${text}': the guest has ${memoryBytes / 2 ** 20}M; ask for less`);
  return memoryBytes - leftBytes;
}
