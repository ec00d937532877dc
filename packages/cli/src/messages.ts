// Our own words: one line each, on stderr.

/** Prints `proxeny: message`. On a terminal in raw mode a line feed alone would not return to the first column. */
export function say(message: string): void {
  const line = `proxeny: ${message.replace(/\s*\n\s*/g, ' ')}`;
  process.stderr.write(`${line}${process.stderr.isTTY ? '\r\n' : '\n'}`);
}
