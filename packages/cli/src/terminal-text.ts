// What a guest prints, without what commands a terminal.

/** Control sequences of terminals (ECMA-48 §5.4): colours, cursor movements, queries. */
export const CONTROL_SEQUENCE: RegExp = new RegExp(
  `${String.fromCharCode(0x1b)}\\[[0-?]*[ -/]*[@-~]`,
  'g',
);

/** A line without control sequences and other control characters but tabs. */
export function plainText(line: string): string {
  return line.replace(CONTROL_SEQUENCE, '').replace(/(?!\t)\p{Cc}/gu, '');
}
