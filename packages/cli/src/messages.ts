// Our own words: one line each, on stderr.

/** Prints `proxeny: message`. */
export function say(message: string): void {
  process.stderr.write(`proxeny: ${message.replace(/\s*\n\s*/g, ' ')}\n`);
}
