// A paravirtual device in the store: a front-end's directory in the guest's home and a back-end's in that of the domain that serves it,
// each of which names and may read the other. As xl writes them. io/xenbus.h.
import { XenbusStateInitialising } from '@proxeny/abi';
import type { StoreClient, StoreNodes } from '../store/store-client.js';
import { homePath } from '../store/store-path.js';
import { makeWith, writeAll } from './domain-home.js';

/** Which device it is: `vbd` or `vif`, or another that follows the rules. */
export interface DeviceName {
  readonly kind: string;
  /** The domain that uses it. */
  readonly domain: number;
  /** Its number among the domain's devices of that kind. */
  readonly id: number;
  /** The domain that serves it; the control domain if left out. */
  readonly backend?: number;
}

export type DeviceValues = Readonly<Record<string, string | number | null | undefined>>;

/**
 * What stands in the two directories, in order. What every device has comes first, unless it is given too: `backend-id` and `state` in
 * front, `frontend-id`, `online` and `state` at the back.
 */
export interface DeviceValueSets {
  /** The front-end's, which the guest may change. */
  readonly front: DeviceValues;
  /** In the front-end's directory, and not for the guest to change. */
  readonly fixedFront?: DeviceValues;
  readonly back: DeviceValues;
}

export function frontendPath({ kind, domain, id }: DeviceName): string {
  return `${homePath(domain)}/device/${kind}/${id}`;
}

export function backendPath({ kind, domain, id, backend = 0 }: DeviceName): string {
  return `${homePath(backend)}/backend/${kind}/${domain}/${id}`;
}

/** Makes the pair, both in state Initialising: the back-end's turn. Replaces an earlier one of the same name. */
export function addDevice(client: StoreClient, device: DeviceName, values: DeviceValueSets): void {
  const { domain, backend = 0 } = device;
  const frontend = frontendPath(device);
  const backendDirectory = backendPath(device);
  const guestOwned = [`n${domain}`, `r${backend}`];
  const backendOwned = [`n${backend}`, `r${domain}`];
  client.transact((store) => {
    store.remove(frontend);
    makeWith(store, frontend, guestOwned);
    store.write(`${frontend}/backend`, backendDirectory);
    const front = { 'backend-id': backend, state: XenbusStateInitialising };
    writeWith(store, frontend, completed(front, values.front), guestOwned);
    writeWith(store, frontend, values.fixedFront ?? {}, backendOwned);
    store.remove(backendDirectory);
    makeWith(store, backendDirectory, backendOwned);
    store.write(`${backendDirectory}/frontend`, frontend);
    const back = { 'frontend-id': domain, online: 1, state: XenbusStateInitialising };
    writeAll(store, backendDirectory, completed(back, values.back));
  });
}

/** `values` with what is missing of `common` before. */
function completed(common: DeviceValues, values: DeviceValues): DeviceValues {
  const missing = Object.entries(common).filter(([name]) => !Object.hasOwn(values, name));
  return { ...Object.fromEntries(missing), ...values };
}

/** Writes several values below `path`, with permissions of their own. */
export function writeWith(
  store: StoreNodes,
  path: string,
  values: DeviceValues,
  permissions: readonly string[],
): void {
  writeAll(store, path, values);
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) store.setPermissions(`${path}/${name}`, permissions);
  }
}

/** Removes the pair. A guest that still uses it must have been asked first, by the back-end's state. */
export function removeDevice(client: StoreClient, device: DeviceName): void {
  client.transact((store) => {
    store.remove(frontendPath(device));
    store.remove(backendPath(device));
  });
}
