// FrontDevice: what every front-end of a native kernel stands on, and its half of the meeting in xenstore. io/xenbus.h.
import {
  __HYPERVISOR_sched_op,
  SCHEDOP_yield,
  XEN_IO_PROTO_ABI_X86_32,
  XEN_IO_PROTO_ABI_X86_64,
  XenbusStateClosed,
  XenbusStateClosing,
  XenbusStateConnected,
  XenbusStateInitialised,
  XenbusStateInitialising,
} from '@proxeny/abi';
import type { GuestEvents } from './guest-events.js';
import type { GuestGrants } from './guest-grants.js';
import type { NativeCode } from './native-code.js';
import type { NativeGuest } from './native-guest.js';

/** A kernel's way to xenstore. */
export interface FrontStore {
  /** A node's value, null if there is none. */
  read(path: string): NativeCode<string | null>;
  write(path: string, value: string): NativeCode;
  remove(path: string): NativeCode;
}

/** What a kernel gives its front-ends. */
export interface FrontKernel {
  readonly guest: NativeGuest;
  readonly events: GuestEvents;
  readonly grants: GuestGrants;
  readonly store: FrontStore;
  /** Pages nobody else uses, that follow one another; the first one's address. */
  takePages(count: number): number;
}

export class FrontDevice {
  readonly kernel: FrontKernel;
  /** `device/vbd/51712`, in full or relative. */
  readonly path: string;
  backendPath = '';
  backendId = 0;

  constructor(kernel: FrontKernel, path: string) {
    this.kernel = kernel;
    this.path = path;
  }

  /** The names of the guest's own ring layout. */
  get protocol(): string {
    return this.kernel.guest.word === 32 ? XEN_IO_PROTO_ABI_X86_32 : XEN_IO_PROTO_ABI_X86_64;
  }

  /** Finds the back-end. */
  *find(): NativeCode {
    this.backendPath = (yield* this.read('backend')) ?? '';
    this.backendId = Number((yield* this.read('backend-id')) ?? 0);
  }

  read(name: string): NativeCode<string | null> {
    return this.kernel.store.read(`${this.path}/${name}`);
  }

  write(name: string, value: string | number): NativeCode {
    return this.kernel.store.write(`${this.path}/${name}`, String(value));
  }

  /** What the back-end wrote. */
  readBackend(name: string): NativeCode<string | null> {
    return this.kernel.store.read(`${this.backendPath}/${name}`);
  }

  *backendState(): NativeCode<number> {
    return Number((yield* this.readBackend('state')) ?? 0);
  }

  /** Waits until the back-end is in one of `states`; which. */
  *waitForBackend(...states: readonly number[]): NativeCode<number> {
    for (;;) {
      const state = yield* this.backendState();
      if (states.includes(state)) return state;
      yield* this.kernel.guest.hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    }
  }

  /** Says by `ready` that all is written, and waits for the back-end; false if it will not connect. */
  *meet(ready: number = XenbusStateInitialised): NativeCode<boolean> {
    yield* this.write('state', ready);
    const state = yield* this.waitForBackend(
      XenbusStateConnected,
      XenbusStateClosing,
      XenbusStateClosed,
    );
    if (state !== XenbusStateConnected) return false;
    if (ready !== XenbusStateConnected) yield* this.write('state', XenbusStateConnected);
    return true;
  }

  /** Ends the connection, as GRUB does, and leaves the device to whoever comes next. */
  *part(names: readonly string[]): NativeCode {
    yield* this.write('state', XenbusStateClosed);
    yield* this.waitForBackend(XenbusStateClosed);
    for (const name of names) yield* this.kernel.store.remove(`${this.path}/${name}`);
    yield* this.write('state', XenbusStateInitialising);
  }
}
