// GuestPlan: what `run` is to run, read and checked, before anything is built.
import type { GuestSampler, PcConfig } from '@proxeny/machine/pc';
import type { HypercallTrace } from '@proxeny/machine/xen';
import type { ImageIdentity } from './block-cache.js';
import type { GuestBuilder } from './foreground-guest.js';
import type { OnControl } from './guest-control.js';
import type { GuestOptions } from './guest-options.js';
import type { GuestType } from './guest-type.js';
import type { OpenNetworks } from './network-option.js';

export interface GuestPlan {
  readonly build: GuestBuilder;
  readonly image: ImageIdentity;
  /** Whether other commands can ask it (`proxeny xs`). */
  readonly hasControl: boolean;
  /** The run is over: writes what is to be written of it. @throws CommandError */
  writeOutcome?(): Promise<void>;
  /** Lets go of what was opened. */
  close(): Promise<void>;
}

/** What looks on at the guests of a plan. */
export interface PlanWatchers {
  readonly onControl: OnControl;
  readonly observer?: HypercallTrace;
  readonly sampler?: GuestSampler;
}

export interface SingleOptions extends GuestOptions {
  readonly type: GuestType;
  readonly name?: string;
  readonly disk?: readonly string[];
  readonly rng?: boolean;
  readonly balloon?: true | string;
  readonly vsock?: string;
  readonly display?: string;
  readonly virtio?: string;
  readonly share?: readonly string[];
  /** `stdio`, `hvc`, `none`. */
  readonly serial?: string;
  readonly net?: readonly string[];
  readonly publish?: readonly string[];
  readonly trace?: string;
}

/** A single guest, before anything of it is opened. */
export interface SingleGuest {
  readonly options: SingleOptions;
  readonly identity: ImageIdentity;
  /** Read anew each time. */
  readonly config: () => Promise<PcConfig>;
  readonly networks: OpenNetworks;
}
