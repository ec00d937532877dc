// RxQueue: the ring of a netfront through which the guest receives: it offers pages, frames are copied into them. io/netif.h.
// A frame waits until the guest has offered all the slots it needs; what waits is bounded, and what comes on top is lost.
import {
  NETIF_RSP_ERROR,
  NETRXF_csum_blank,
  NETRXF_data_validated,
  NETRXF_extra_info,
  NETRXF_more_data,
  netif_extra_info,
  netif_rx_request,
  netif_rx_response,
  netif_rx_sring_entry,
  XEN_NETIF_EXTRA_TYPE_GSO,
  XEN_NETIF_GSO_TYPE_TCPV4,
  XEN_NETIF_GSO_TYPE_TCPV6,
} from '@proxeny/abi';
import type { HostPort } from '@proxeny/hv-core';
import { PAGE_SIZE } from '@proxeny/memory';
import { type EthernetFrame, MAX_FRAME_BYTES } from '../../network/network-port.js';
import { finishFrame, type OffloadCapabilities } from '../../network/offload.js';
import type { BackendHost } from '../backend-host.js';
import { BackRing } from '../ring/back-ring.js';
import type { GrantedPages } from '../ring/granted-pages.js';
import type { NetStatistics } from './net-statistics.js';

const request = netif_rx_request.of(64);
const response = netif_rx_response.of(64);
const extra = netif_extra_info.of(64);
export const RX_SLOT_BYTES: number = netif_rx_sring_entry.of(64).byteLength;

const MAX_WAITING_FRAMES = 1024;
const MAX_WAITING_BYTES = 1 << 20;

export interface RxQueueOptions {
  readonly host: BackendHost;
  readonly guestId: number;
  readonly pages: GrantedPages;
  readonly port: HostPort;
  readonly statistics: NetStatistics;
  readonly capabilities: OffloadCapabilities;
  /** The guest takes frames of several pages (feature-sg). */
  readonly canScatter: boolean;
}

export class RxQueue {
  readonly #options: RxQueueOptions;
  readonly #ring: BackRing;
  readonly #waiting: EthernetFrame[] = [];
  #waitingBytes = 0;
  readonly #slot: Uint8Array = new Uint8Array(RX_SLOT_BYTES);
  readonly #view: DataView = new DataView(this.#slot.buffer);
  readonly #answer: Uint8Array = new Uint8Array(RX_SLOT_BYTES);
  readonly #answerView: DataView = new DataView(this.#answer.buffer);
  #isClosed = false;

  constructor(options: RxQueueOptions) {
    this.#options = options;
    this.#ring = new BackRing(options.pages, RX_SLOT_BYTES);
  }

  get isBroken(): boolean {
    return this.#ring.isBroken;
  }

  /** Takes a frame for the guest, or loses it. */
  deliver(frame: EthernetFrame): void {
    if (this.#isClosed) return;
    const { capabilities, statistics } = this.#options;
    for (const each of finishFrame(frame, capabilities)) {
      if (this.#mayTake(each.bytes.byteLength)) {
        this.#waiting.push(each);
        this.#waitingBytes += each.bytes.byteLength;
      } else {
        // Nor is there room for what else the frame would be cut into.
        statistics.rxDropped++;
        break;
      }
    }
    this.process();
  }

  #mayTake(byteLength: number): boolean {
    return (
      !this.#ring.isBroken &&
      byteLength <= (this.#options.canScatter ? MAX_FRAME_BYTES : PAGE_SIZE) &&
      this.#waiting.length < MAX_WAITING_FRAMES &&
      this.#waitingBytes + byteLength <= MAX_WAITING_BYTES
    );
  }

  /** Gives the guest what waits, as far as it has offered slots. */
  process(): void {
    if (this.#isClosed) return;
    let given = 0;
    for (let next = this.#waiting[given]; next; next = this.#waiting[given]) {
      const needed = slotsOf(next);
      // The guest tells when it has offered enough.
      if (!this.#ring.armRequestEvent(needed)) break;
      this.#give(next);
      this.#waitingBytes -= next.bytes.byteLength;
      given++;
    }
    this.#waiting.splice(0, given);
    if (this.#ring.publish()) this.#options.port.notify();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#options.pages.release();
  }

  #give(frame: EthernetFrame): void {
    const { statistics } = this.#options;
    const { bytes, largeSegment } = frame;
    let flags = 0;
    if (frame.missingChecksum) flags = NETRXF_csum_blank | NETRXF_data_validated;
    else if (frame.isChecked) flags = NETRXF_data_validated;
    let isWhole = true;
    for (let done = 0; done < bytes.byteLength || done === 0; done += PAGE_SIZE) {
      const part = bytes.subarray(done, done + PAGE_SIZE);
      const isFirst = done === 0;
      const hasExtra = isFirst && largeSegment !== null;
      const hasMore = done + PAGE_SIZE < bytes.byteLength;
      let own = isFirst ? flags : 0;
      if (hasMore) own |= NETRXF_more_data;
      if (hasExtra) own |= NETRXF_extra_info;
      if (!this.#givePart(part, own)) isWhole = false;
      if (hasExtra) this.#giveSegmentInfo(largeSegment.protocol, largeSegment.size);
    }
    if (!isWhole) statistics.rxErrors++;
    else {
      statistics.rxPackets++;
      statistics.rxBytes += bytes.byteLength;
    }
  }

  /** Fills one offered page; false if it cannot be written, which its response says. */
  #givePart(part: Uint8Array, flags: number): boolean {
    const { host, guestId } = this.#options;
    this.#ring.take(this.#slot);
    const ref = request.fields.gref.get(this.#view);
    const isDone = host.grants.copyTo(guestId, ref, 0, part) === 0;
    const { fields } = response;
    this.#answer.fill(0);
    fields.id.set(this.#answerView, 0, request.fields.id.get(this.#view));
    fields.flags.set(this.#answerView, 0, flags);
    fields.status.set(this.#answerView, 0, isDone ? part.byteLength : NETIF_RSP_ERROR);
    this.#ring.answer(this.#answer);
    return isDone;
  }

  /** Takes a slot for the extra information that the frame is a large segment. */
  #giveSegmentInfo(protocol: 'tcp4' | 'tcp6', size: number): void {
    this.#ring.take(this.#slot);
    const { type, u } = extra.fields;
    const { gso } = u.fields;
    this.#answer.fill(0);
    type.set(this.#answerView, 0, XEN_NETIF_EXTRA_TYPE_GSO);
    gso.fields.size.set(this.#answerView, 0, size);
    const kind = protocol === 'tcp4' ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    gso.fields.type.set(this.#answerView, 0, kind);
    this.#ring.answer(this.#answer);
  }
}

/** A slot for each page, and one for what kind of large segment it is. */
function slotsOf(frame: EthernetFrame): number {
  const pages = Math.max(1, Math.ceil(frame.bytes.byteLength / PAGE_SIZE));
  return pages + (frame.largeSegment ? 1 : 0);
}
