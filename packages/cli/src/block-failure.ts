// What a BlockError means for the command's exit code.
import type { BlockError } from '@proxeny/machine/pc';
import { EXIT_CONFLICT, EXIT_FAILURE, EXIT_NOT_FOUND } from './exit-code.js';

export function exitCodeOf({ kind }: BlockError): number {
  if (kind === 'not-found') return EXIT_NOT_FOUND;
  return kind === 'exists' || kind === 'locked' ? EXIT_CONFLICT : EXIT_FAILURE;
}
