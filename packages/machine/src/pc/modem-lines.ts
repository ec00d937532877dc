// The modem inputs of a serial port, as a host sets them.
import { MSR_CTS, MSR_DCD, MSR_DSR, MSR_RI } from './uart-bits.js';

/** Modem inputs of the port; absent ones stay as they are. */
export interface ModemLines {
  readonly clearToSend?: boolean;
  readonly dataSetReady?: boolean;
  readonly ringIndicator?: boolean;
  readonly carrierDetect?: boolean;
}

/** The levels `current` (MSR bits 7-4) with those of `lines` changed. */
export function withModemLines(current: number, lines: ModemLines): number {
  return (
    pick(lines.clearToSend, current, MSR_CTS) |
    pick(lines.dataSetReady, current, MSR_DSR) |
    pick(lines.ringIndicator, current, MSR_RI) |
    pick(lines.carrierDetect, current, MSR_DCD)
  );
}

function pick(wanted: boolean | undefined, current: number, bit: number): number {
  return wanted === undefined ? current & bit : wanted ? bit : 0;
}
