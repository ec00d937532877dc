// Consoles: Xen's own, by HYPERVISOR_console_io(cmd, count, buffer), and the ring a domain shares with its console's back-end.
// xen.h, io/console.h. In the ring, consumer and producer counts run freely; `in` goes to the guest.
import { array, struct, u32 } from '@proxeny/memory';
import { char } from './scalar.js';

export const CONSOLEIO_write = 0;
/** Result: how many bytes were read. */
export const CONSOLEIO_read = 1;

export const xencons_interface = struct('xencons_interface', {
  in: array(char, 1024),
  out: array(char, 2048),
  in_cons: u32,
  in_prod: u32,
  out_cons: u32,
  out_prod: u32,
});
