// TxQueue: the ring of a netfront through which the guest sends. io/netif.h.
// Every packet is copied out of the guest's pages at once, so each slot is answered in the pass that takes it. What makes no sense is
// answered with an error, slot by slot, and sent nowhere.
import {
  NETIF_RSP_ERROR,
  NETIF_RSP_NULL,
  NETIF_RSP_OKAY,
  NETTXF_csum_blank,
  NETTXF_data_validated,
  NETTXF_extra_info,
  NETTXF_more_data,
  netif_extra_info,
  netif_tx_request,
  netif_tx_response,
  netif_tx_sring_entry,
  XEN_NETIF_EXTRA_FLAG_MORE,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_EXTRA_TYPE_MAX,
  XEN_NETIF_EXTRA_TYPE_NONE,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
  XEN_NETIF_NR_SLOTS_MIN,
} from '@proxeny/abi';
import type { HostPort } from '@proxeny/hv-core';
import {
  ETHERNET_HEADER_BYTES,
  type EthernetFrame,
  type LargeSegment,
} from '../../network/network-port.js';
import { findChecksum } from '../../network/offload.js';
import type { BackendHost } from '../backend-host.js';
import { BackRing } from '../ring/back-ring.js';
import type { GrantedPages } from '../ring/granted-pages.js';
import type { NetStatistics } from './net-statistics.js';

const request = netif_tx_request.of(64);
const response = netif_tx_response.of(64);
const extra = netif_extra_info.of(64);
export const TX_SLOT_BYTES: number = netif_tx_sring_entry.of(64).byteLength;

/** Data of a packet in one granted page. */
interface Fragment {
  readonly ref: number;
  readonly offset: number;
  readonly size: number;
}

/** One packet's slots, decoded. */
interface Packet {
  /** For the responses: each slot's id, or -1 for extra information. */
  readonly ids: number[];
  readonly fragments: Fragment[];
  readonly flags: number;
  largeSegment: LargeSegment | null;
  isRight: boolean;
}

export interface TxQueueOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  readonly pages: GrantedPages;
  readonly port: HostPort;
  readonly statistics: NetStatistics;
  readonly send: (frame: EthernetFrame) => void;
}

export class TxQueue {
  readonly #options: TxQueueOptions;
  readonly #ring: BackRing;
  readonly #slot: Uint8Array = new Uint8Array(TX_SLOT_BYTES);
  readonly #view: DataView = new DataView(this.#slot.buffer);
  readonly #answer: Uint8Array = new Uint8Array(response.byteLength);
  readonly #answerView: DataView = new DataView(this.#answer.buffer);
  #isClosed = false;

  constructor(options: TxQueueOptions) {
    this.#options = options;
    this.#ring = new BackRing(options.pages, TX_SLOT_BYTES);
  }

  get isBroken(): boolean {
    return this.#ring.isBroken;
  }

  /** Sends all that waits. */
  process(): void {
    if (this.#isClosed) return;
    do {
      while (this.#ring.waiting > 0 && this.#sendNext());
    } while (!this.#ring.isBroken && this.#ring.armRequestEvent());
    if (this.#ring.publish()) this.#options.port.notify();
  }

  close(): void {
    this.#isClosed = true;
    this.#options.pages.release();
  }

  /** False if the ring ends in the midst of a packet, which it then does for good. */
  #sendNext(): boolean {
    const packet = this.#take();
    if (!packet) {
      this.#ring.isBroken = true;
      return false;
    }
    const frame = packet.isRight ? this.#gather(packet) : null;
    for (const id of packet.ids) this.#respond(id, frame ? NETIF_RSP_OKAY : NETIF_RSP_ERROR);
    const { statistics, send } = this.#options;
    if (!frame) {
      statistics.txErrors++;
      return true;
    }
    statistics.txPackets++;
    statistics.txBytes += frame.bytes.byteLength;
    send(frame);
    return true;
  }

  #respond(id: number, status: number): void {
    response.fields.id.set(this.#answerView, 0, id < 0 ? 0 : id);
    response.fields.status.set(this.#answerView, 0, id < 0 ? NETIF_RSP_NULL : status);
    this.#ring.answer(this.#answer);
  }

  /** Takes all slots of a packet; null if they are not all there. A longer packet than the ring is not. */
  #take(): Packet | null {
    if (!this.#ring.take(this.#slot)) return null;
    const { gref, offset, flags, id, size } = request.fields;
    const total = size.get(this.#view);
    const first = { ref: gref.get(this.#view), offset: offset.get(this.#view) };
    const packet: Packet = {
      ids: [id.get(this.#view)],
      fragments: [],
      flags: flags.get(this.#view),
      largeSegment: null,
      isRight: total >= ETHERNET_HEADER_BYTES,
    };
    if ((packet.flags & NETTXF_extra_info) !== 0 && !this.#takeExtras(packet)) return null;
    const rest: Fragment[] = [];
    let hasMore = (packet.flags & NETTXF_more_data) !== 0;
    let firstSize = total;
    while (hasMore) {
      if (!this.#ring.take(this.#slot)) return null;
      packet.ids.push(id.get(this.#view));
      const part = size.get(this.#view);
      rest.push({ ref: gref.get(this.#view), offset: offset.get(this.#view), size: part });
      firstSize -= part;
      hasMore = (flags.get(this.#view) & NETTXF_more_data) !== 0;
    }
    if (firstSize < 0 || rest.length >= XEN_NETIF_NR_SLOTS_MIN) packet.isRight = false;
    if (packet.isRight) packet.fragments.push({ ...first, size: firstSize }, ...rest);
    return packet;
  }

  /** Takes slots of extra information; false if they are not all there. */
  #takeExtras(packet: Packet): boolean {
    const { type, flags, u } = extra.fields;
    let hasMore = true;
    while (hasMore) {
      if (!this.#ring.take(this.#slot)) return false;
      packet.ids.push(-1);
      const kind = type.get(this.#view);
      if (kind === XEN_NETIF_EXTRA_TYPE_NONE || kind >= XEN_NETIF_EXTRA_TYPE_MAX)
        packet.isRight = false;
      if (kind === XEN_NETIF_EXTRA_TYPE_GSO) {
        const { gso } = u.fields;
        const protocol = gso.fields.type.get(this.#view);
        const size = gso.fields.size.get(this.#view);
        const isKnown =
          protocol === XEN_NETIF_GSO_TYPE_TCPV4 || protocol === XEN_NETIF_GSO_TYPE_TCPV6;
        if (!isKnown || size === 0) packet.isRight = false;
        else
          packet.largeSegment = {
            protocol: protocol === XEN_NETIF_GSO_TYPE_TCPV4 ? 'tcp4' : 'tcp6',
            size,
          };
      }
      hasMore = (flags.get(this.#view) & XEN_NETIF_EXTRA_FLAG_MORE) !== 0;
    }
    return true;
  }

  /** Copies a packet out of the guest's pages; null if one of them does not allow that. */
  #gather(packet: Packet): EthernetFrame | null {
    const { host, guestId } = this.#options;
    let total = 0;
    for (const { size } of packet.fragments) total += size;
    const bytes = new Uint8Array(total);
    let done = 0;
    for (const { ref, offset, size } of packet.fragments) {
      const target = bytes.subarray(done, done + size);
      if (host.grants.copyFrom(guestId, ref, offset, target) !== 0) return null;
      done += size;
    }
    const isBlank = (packet.flags & NETTXF_csum_blank) !== 0 || packet.largeSegment !== null;
    const missingChecksum = isBlank ? findChecksum(bytes) : null;
    // A large segment is one of TCP, or none that can be cut.
    if (packet.largeSegment && !missingChecksum) return null;
    return {
      bytes,
      missingChecksum,
      isChecked: isBlank || (packet.flags & NETTXF_data_validated) !== 0,
      largeSegment: packet.largeSegment,
    };
  }
}
