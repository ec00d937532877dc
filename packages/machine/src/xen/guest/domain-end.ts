// How a domain that has shut down ended. sched.h, SHUTDOWN_*.
import {
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
} from '@proxeny/abi';
import type { Domain } from '@proxeny/hv-core';
import type { MachineEnd } from '../../machine-end.js';
import { crashText } from './crash-text.js';

export function endOf(domain: Domain): MachineEnd {
  const crash = (message: string): MachineEnd => ({ reason: 'crash', code: 0, message });
  switch (domain.shutdownReason) {
    case SHUTDOWN_poweroff:
    case SHUTDOWN_suspend:
      return { reason: 'poweroff', code: 0, message: '' };
    case SHUTDOWN_reboot:
      return { reason: 'reset', code: 0, message: '' };
    case SHUTDOWN_watchdog:
      return { ...crash('its watchdog was not fed'), isWatchdog: true };
    case SHUTDOWN_crash:
      return crash(crashText(domain));
    default:
      return crash(`it shut down with the unknown reason ${domain.shutdownReason}`);
  }
}

/** Why it has shut down, for the hypervisor's log. */
export function shutdownText(domain: Domain): string {
  const names = ['power off', 'reboot', 'suspend', 'crash', 'watchdog', 'soft reset'];
  const reason = domain.shutdownReason ?? -1;
  const name = names[reason] ?? `unknown reason ${reason}`;
  return reason === SHUTDOWN_crash ? `${name}: ${crashText(domain)}` : name;
}
