// The 2-level event ABI: bitmaps of pending and masked ports in shared_info, and in each vcpu_info a selector with a bit for every
// word of the pending bitmap. event_channel.h, "2-level ABI". A domain starts with it.
import { EVTCHN_2L_NR_CHANNELS, shared_info, vcpu_info } from '@proxeny/abi';
import type { Maddr } from '@proxeny/memory';
import type { Domain } from '../domain.js';
import type { EventDelivery } from './delivery.js';
import type { EventChannel } from './event-channel.js';

export class TwoLevelDelivery implements EventDelivery {
  readonly portLimit: number;
  readonly #domain: Domain;
  readonly #pendingOffset: number;
  readonly #maskOffset: number;
  readonly #selectorOffset: number;

  constructor(domain: Domain) {
    const { fields } = shared_info.of(domain.word);
    this.#domain = domain;
    this.portLimit = EVTCHN_2L_NR_CHANNELS[domain.word];
    this.#pendingOffset = fields.evtchn_pending.offset;
    this.#maskOffset = fields.evtchn_mask.offset;
    this.#selectorOffset = vcpu_info.of(domain.word).fields.evtchn_pending_sel.offset;
  }

  get #pending(): Maddr {
    return (this.#domain.sharedInfo + this.#pendingOffset) as Maddr;
  }

  get #mask(): Maddr {
    return (this.#domain.sharedInfo + this.#maskOffset) as Maddr;
  }

  setPending(channel: EventChannel): void {
    const { memory } = this.#domain.hypervisor;
    if (memory.testAndSet(this.#pending, channel.port)) return;
    if (!memory.testBit(this.#mask, channel.port)) this.#select(channel);
    this.#domain.wakePollers(channel.port);
  }

  clearPending(channel: EventChannel): void {
    this.#domain.hypervisor.memory.testAndClear(this.#pending, channel.port);
  }

  isPending(channel: EventChannel): boolean {
    return this.#domain.hypervisor.memory.testBit(this.#pending, channel.port);
  }

  isMasked(channel: EventChannel): boolean {
    return this.#domain.hypervisor.memory.testBit(this.#mask, channel.port);
  }

  unmask(channel: EventChannel): void {
    const { memory } = this.#domain.hypervisor;
    const wasMasked = memory.testAndClear(this.#mask, channel.port);
    if (wasMasked && memory.testBit(this.#pending, channel.port)) this.#select(channel);
  }

  #select(channel: EventChannel): void {
    const vcpu = this.#domain.vcpus[channel.notifyVcpu];
    if (!vcpu) return;
    const word = Math.floor(channel.port / this.#domain.word);
    const selector = (vcpu.info + this.#selectorOffset) as Maddr;
    if (!this.#domain.hypervisor.memory.testAndSet(selector, word)) vcpu.markEventsPending();
  }
}
