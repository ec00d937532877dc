// Faults as text, for messages about a crash.
import type { FaultRecord } from '@proxeny/vcpu-x86';

const names: Readonly<Record<number, string>> = {
  0: '#DE',
  1: '#DB',
  3: '#BP',
  4: '#OF',
  5: '#BR',
  6: '#UD',
  7: '#NM',
  8: '#DF',
  10: '#TS',
  11: '#NP',
  12: '#SS',
  13: '#GP',
  14: '#PF',
  16: '#MF',
  17: '#AC',
  19: '#XM',
};
const hex = (v: number): string =>
  v < 0 ? BigInt.asUintN(64, BigInt(v)).toString(16) : v.toString(16);

/** `#PF(2) at ffff888000000000 rip 401000`. */
export function faultText(fault: FaultRecord): string {
  const { vector, errorCode } = fault;
  const code = errorCode >= 0 ? `(${errorCode.toString(16)})` : '';
  const at = vector === 14 ? ` at ${hex(fault.address)}` : '';
  return `${names[vector] ?? `vector ${vector}`}${code}${at} rip ${hex(fault.rip)}`;
}

/** The last four of them, oldest first. */
export function lastFaultsText(faults: readonly FaultRecord[]): string {
  return faults.slice(-4).map(faultText).join(', then ');
}
