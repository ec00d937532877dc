// Who may do what to whom. One rule covers nearly all of it: a domain may act on itself, on its target (a device model on its guest),
// and, if privileged, on every domain. What goes beyond is listed by name.
import { DOMID_SELF, XEN_EPERM, XEN_ESRCH } from '@proxeny/abi';
import type { Domain } from './domain.js';

/** Whether `caller` may act on `target`. */
export function mayControl(caller: Domain, target: Domain): boolean {
  return caller === target || caller.isPrivileged || caller.target === target.id;
}

/** Whether `caller` may do to another what it may not do to itself, such as shutting it down from outside. */
export function mayManage(caller: Domain, target: Domain): boolean {
  return caller.isPrivileged || (caller !== target && caller.target === target.id);
}

/** The domain a hypercall names, or the errno if there is none or the caller has no right to it. */
export function findTarget(caller: Domain, id: number): Domain | number {
  const target = id === DOMID_SELF ? caller : caller.hypervisor.domain(id);
  if (!target) return -XEN_ESRCH;
  return mayControl(caller, target) ? target : -XEN_EPERM;
}
