// Rings between the halves of a split driver: one page (or more) with 64 bytes of indexes, then slots. io/ring.h.
// The front-end produces requests, the back-end responses, in the same slots. Indexes run freely, modulo 2^32; slot = index mod size.
// `*_event` asks the other side for a notification once its index passes it: notify if new − event < new − old, modulo 2^32.
import {
  array,
  type LayoutType,
  type Members,
  type StructType,
  struct,
  u8,
  u32,
  union,
} from '@proxeny/memory';

/** Bytes before the first slot. */
export const SRING_HEADER_BYTES = 64;

/** What every shared ring begins with. */
export const sring_header = struct('sring_header', {
  req_prod: u32,
  req_event: u32,
  rsp_prod: u32,
  rsp_event: u32,
  pvt: union('', {
    netif: struct('', { smartpoll_active: u8 }),
    tapif_user: struct('', { msg: u8 }),
    pvt_pad: array(u8, 4),
  }),
  __pad: array(u8, 44),
});

/** A slot: a request or its response. */
export function sring_entry<Request extends LayoutType, Response extends LayoutType>(
  name: string,
  request: Request,
  response: Response,
): StructType<{ readonly req: Request; readonly rsp: Response } & Members> {
  return union(`${name}_sring_entry`, { req: request, rsp: response });
}

/** Slots in a ring of `ringBytes`: as many as fit, rounded down to a power of two. */
export function sring_size(ringBytes: number, slotBytes: number): number {
  const slots = Math.floor((ringBytes - SRING_HEADER_BYTES) / slotBytes);
  return slots < 1 ? 0 : 2 ** Math.floor(Math.log2(slots));
}
