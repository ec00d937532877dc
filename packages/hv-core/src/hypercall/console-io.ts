// console_io: the emergency console. A Xen without debugging refuses it to ordinary domains; so do we unless the host listens.
import {
  __HYPERVISOR_console_io,
  CONSOLEIO_read,
  CONSOLEIO_write,
  XEN_EFAULT,
  XEN_ENOSYS,
  XEN_EPERM,
} from '@proxeny/abi';
import type { Hypercall } from './hypercall.js';

/** Bytes taken at a time; a longer text goes on in the next round. */
const CHUNK_BYTES = 128;

export const consoleIo: Hypercall = {
  number: __HYPERVISOR_console_io,
  name: 'console_io',
  arguments: 3,
  decode: (call) => {
    const command = call.uint(0);
    const count = call.uint(1);
    const { onConsoleWrite } = call.hypervisor.options;
    if (command === CONSOLEIO_read) return call.domain.isPrivileged ? 0 : -XEN_EPERM;
    if (!onConsoleWrite) return -XEN_EPERM;
    if (command !== CONSOLEIO_write) return call.domain.isPrivileged ? -XEN_ENOSYS : -XEN_EPERM;
    const bytes = new Uint8Array(Math.min(count, CHUNK_BYTES));
    const address = call.pointer(2);
    if (!call.vcpu.access.copyFrom(address, bytes)) return -XEN_EFAULT;
    return () => {
      onConsoleWrite(call.domain, bytes);
      if (bytes.length === count) return 0;
      call.setArgument(1, count - bytes.length);
      call.setArgument(2, address + bytes.length);
      return call.restart();
    };
  },
};
