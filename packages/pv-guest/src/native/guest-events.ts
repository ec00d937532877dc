// GuestEvents: a native kernel's event channels without interrupts: it looks whether a port is pending, and polls. event_channel.h, sched.h.
import {
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_close,
  EVTCHNOP_send,
  evtchn_alloc_unbound,
  evtchn_close,
  evtchn_send,
  SCHEDOP_poll,
  sched_poll,
  shared_info,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  xen_add_to_physmap,
} from '@proxeny/abi';
import type { NativeCode } from './native-code.js';
import type { NativeGuest } from './native-guest.js';

const PAGE_BYTES = 4096;
/** In the scratch page, behind the records of hypercalls. */
const PORT_LIST_OFFSET = 0xf00;

export class GuestEvents {
  readonly #guest: NativeGuest;
  readonly #sharedInfo: number;

  private constructor(guest: NativeGuest, sharedInfo: number) {
    this.#guest = guest;
    this.#sharedInfo = sharedInfo;
  }

  /** Maps shared_info at a page of a translated guest that is free. */
  static *setUp(guest: NativeGuest, address: number): NativeCode<GuestEvents> {
    const { result } = yield* guest.memoryOp(XENMEM_add_to_physmap, xen_add_to_physmap, {
      domid: DOMID_SELF,
      space: XENMAPSPACE_shared_info,
      gpfn: address / PAGE_BYTES,
    });
    if (result !== 0) throw new Error(`shared_info cannot be mapped: ${result}`);
    return new GuestEvents(guest, address);
  }

  /** A port that domain `remote` may bind to. */
  *allocate(remote: number): NativeCode<number> {
    const made = yield* this.#guest.eventChannelOp(EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, {
      dom: DOMID_SELF,
      remote_dom: remote,
    });
    if (made.result !== 0) throw new Error(`no event channel: ${made.result}`);
    return made.get('port');
  }

  *send(port: number): NativeCode {
    yield* this.#guest.eventChannelOp(EVTCHNOP_send, evtchn_send, { port });
  }

  *close(port: number): NativeCode {
    yield* this.#guest.eventChannelOp(EVTCHNOP_close, evtchn_close, { port });
  }

  /** Whether the port is pending; it is not any more. */
  take(port: number): boolean {
    const { evtchn_pending } = shared_info.of(this.#guest.word).fields;
    const at = this.#sharedInfo + evtchn_pending.offset + (port >>> 5) * 4;
    const word = this.#guest.read32(at);
    const bit = 1 << (port & 31);
    if ((word & bit) === 0) return false;
    this.#guest.write32(at, (word & ~bit) >>> 0);
    return true;
  }

  /** Sleeps until the port is pending, and takes it. */
  *wait(port: number): NativeCode {
    const list = this.#guest.scratch + PORT_LIST_OFFSET;
    while (!this.take(port)) {
      this.#guest.write32(list, port);
      yield* this.#guest.schedOp(SCHEDOP_poll, sched_poll, { ports: list, nr_ports: 1 });
    }
  }
}
