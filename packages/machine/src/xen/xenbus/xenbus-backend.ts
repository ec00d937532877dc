// XenbusBackend: the back-end's side of the meeting of two drivers in xenstore: `state` nodes that each writes for the other to see.
// io/xenbus.h. Every kind of device goes through it; what it is comes as a XenbusDevice.
//
// The back-end waits in InitWait until the front-end is Initialised (or Connected), then connects and becomes Connected. It follows the
// front-end to Closing and Closed, and a front-end that starts again from Initialising finds it in InitWait.
// Front-ends look at what is in the directory as soon as they see a state, so a state is written after all that it stands for.
import {
  XenbusStateClosed,
  XenbusStateClosing,
  XenbusStateConnected,
  XenbusStateInitialised,
  XenbusStateInitialising,
  XenbusStateInitWait,
  XenbusStateUnknown,
} from '@proxeny/abi';
import type { BackendHost } from '../backend-host.js';
import { decimal } from './frontend-keys.js';

/** Nodes to write: name and value. */
export type XenbusKeys = Readonly<Record<string, string | number>>;

/** One device of a back-end. */
export interface XenbusDevice {
  /** What the front-end may know before it connects. */
  announce(): XenbusKeys;
  /** What it may know once connected; asked for before `connect`. */
  describe(): XenbusKeys;
  /** Reads what the front-end has written and connects; or says why not, having taken nothing. */
  connect(frontendPath: string): string | null;
  /** Lets go of everything of the front-end's at once; done when the host is done too. Not connected: does nothing. */
  disconnect(): Promise<void>;
}

export interface XenbusBackendOptions {
  readonly host: BackendHost;
  readonly device: XenbusDevice;
  /** As `/local/domain/0/backend/vbd/1/51712`. */
  readonly backendPath: string;
  /** As `/local/domain/1/device/vbd/51712`. */
  readonly frontendPath: string;
}

export class XenbusBackend {
  readonly #options: XenbusBackendOptions;
  #state: number = XenbusStateInitialising;
  #unwatch: (() => void) | null = null;
  #isDisconnecting = false;
  #isClosed = false;

  /** Its directories must be there. */
  constructor(options: XenbusBackendOptions) {
    this.#options = options;
  }

  /** XenbusState*. */
  get state(): number {
    return this.#state;
  }

  /** Announces the device and waits for the front-end. */
  start(): void {
    const { host, device, frontendPath } = this.#options;
    this.#write(device.announce());
    this.#enter(XenbusStateInitWait);
    this.#unwatch = host.store.watch(`${frontendPath}/state`, () => this.#follow());
  }

  /** Asks the front-end to give the device up; it stays until that has done so. */
  requestDetach(): void {
    if (this.#isClosed) return;
    this.#write({ online: 0 });
    if (this.#state === XenbusStateConnected || this.#state === XenbusStateInitWait)
      this.#enter(XenbusStateClosing);
  }

  /** Ends at once, whatever the front-end does: the guest is gone, or the machine stops. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch?.();
    await this.#options.device.disconnect();
  }

  #follow(): void {
    if (this.#isClosed || this.#isDisconnecting) return;
    const { host, frontendPath } = this.#options;
    const theirs = decimal(host.store.read(`${frontendPath}/state`)) ?? XenbusStateUnknown;
    switch (theirs) {
      case XenbusStateInitialising:
        if (this.#state === XenbusStateClosed) this.#enter(XenbusStateInitWait);
        break;
      case XenbusStateInitialised:
      case XenbusStateConnected:
        if (this.#state === XenbusStateInitWait || this.#state === XenbusStateClosed)
          this.#connect();
        break;
      case XenbusStateClosing:
        if (this.#state !== XenbusStateClosed) this.#enter(XenbusStateClosing);
        break;
      case XenbusStateClosed:
        if (this.#state !== XenbusStateClosed) this.#disconnect();
        break;
      case XenbusStateUnknown:
        // The directory is gone, or is not there yet.
        if (this.#state === XenbusStateConnected || this.#state === XenbusStateClosing)
          this.#disconnect();
        break;
      default:
    }
  }

  #connect(): void {
    const { device, frontendPath } = this.#options;
    const keys = device.describe();
    const problem = device.connect(frontendPath);
    if (problem !== null) {
      this.#fail(problem);
      return;
    }
    this.#write(keys);
    this.#enter(XenbusStateConnected);
  }

  /** The front-end wrote what makes no sense: says so where tools look for it, and gives up until it starts again. */
  #fail(problem: string): void {
    const { host, backendPath } = this.#options;
    const node = backendPath.replace(/^(\/local\/domain\/\d+)\//, '$1/error/');
    host.store.write(`${node}/error`, problem);
    this.#enter(XenbusStateClosing);
  }

  #disconnect(): void {
    this.#isDisconnecting = true;
    const done = (): void => {
      this.#isDisconnecting = false;
      if (this.#isClosed) return;
      this.#enter(XenbusStateClosed);
      this.#follow();
      this.#options.host.wake();
    };
    this.#options.device.disconnect().then(done, done);
  }

  #enter(state: number): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#write({ state });
  }

  /** Not if the directory is gone: a write would bring it back. */
  #write(keys: XenbusKeys): void {
    const { host, backendPath } = this.#options;
    if (host.store.read(`${backendPath}/frontend`) === null) return;
    for (const [name, value] of Object.entries(keys))
      host.store.write(`${backendPath}/${name}`, String(value));
  }
}
