// What a guest's request to flush translations becomes.
import type { HypercallFrame } from './frame.js';

/** Of the calling vCPU, or of all of its domain; `address`: of that page alone. */
export function flushTranslations(call: HypercallFrame, isAll: boolean, address?: number): void {
  const { domain, vcpu } = call;
  if (address !== undefined) call.hypervisor.onTlbFlush?.(domain, isAll ? null : vcpu, address);
  else for (const each of isAll ? domain.vcpus : [vcpu]) each.flush();
}
