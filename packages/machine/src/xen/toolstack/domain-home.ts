// What a domain finds about itself in the store, as xl writes it: /local/domain/<id>, which is the control domain's with a few places
// that are the domain's own, and /vm/<uuid>. docs/misc/xenstore-paths.pandoc.
import type { StoreClient, StoreNodes } from '../store/store-client.js';
import { homePath } from '../store/store-path.js';

/** Places that a domain may write, below its home. */
const WRITABLE = [
  'device/suspend/event-channel',
  'control/shutdown',
  'control/feature-poweroff',
  'control/feature-reboot',
  'control/feature-suspend',
  'control/sysrq',
  'data',
  'drivers',
  'feature',
  'attr',
  'error',
];

/** A ring page and the guest's port for it, as the guest is told. */
export interface GuestRing {
  /** Machine frame of a paravirtual guest, guest frame of others. */
  readonly frame: number;
  readonly port: number;
}

export interface DomainEntries {
  readonly id: number;
  readonly name: string;
  /** In the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx. */
  readonly uuid: string;
  readonly type: 'pv' | 'pvh';
  /** What the domain has now, and may have, in KiB. */
  readonly memoryKiB: number;
  readonly maxMemoryKiB: number;
  /** One for each virtual CPU that the domain can have: whether it is online. */
  readonly cpusOnline: readonly boolean[];
  readonly store: GuestRing;
  /** Seconds since 1970. */
  readonly startTime: number;
  readonly kernel?: string;
  readonly ramdisk?: string;
  readonly commandLine?: string;
}

/** Makes a node with permissions of its own. */
export function makeWith(store: StoreNodes, path: string, permissions: readonly string[]): void {
  store.make(path);
  store.setPermissions(path, permissions);
}

/** Writes several values below `path`; null leaves one out. */
export function writeAll(
  store: StoreNodes,
  path: string,
  values: Readonly<Record<string, string | number | null | undefined>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) store.write(`${path}/${name}`, String(value));
  }
}

/** Lays out a new domain's home. The store must know the domain (`addDomain`); connect its ring afterwards. */
export function writeDomainHome(client: StoreClient, entries: DomainEntries): void {
  const { id, name, uuid, type, commandLine, kernel, ramdisk } = entries;
  const home = homePath(id);
  const vm = `/vm/${uuid}`;
  const readable = ['n0', `r${id}`];
  client.transact((store) => {
    store.remove(home);
    makeWith(store, home, readable);
    store.remove(vm);
    makeWith(store, vm, readable);
    store.write(`${home}/vm`, vm);
    store.write(`${home}/name`, name);
    for (const place of ['cpu', 'memory', 'device', 'control'])
      makeWith(store, `${home}/${place}`, readable);
    for (const place of WRITABLE) makeWith(store, `${home}/${place}`, [`n${id}`]);
    writeAll(store, vm, { name, uuid });
    writeAll(store, `${home}/control`, {
      'platform-feature-multiprocessor-suspend': 1,
      'platform-feature-xs_reset_watches': 1,
    });
  });
  client.transact((store) => {
    writeAll(store, home, {
      'memory/static-max': entries.maxMemoryKiB,
      'memory/target': entries.memoryKiB,
      'memory/videoram': 0,
      domid: id,
      'store/port': entries.store.port,
      'store/ring-ref': entries.store.frame,
    });
    for (const [cpu, isOnline] of entries.cpusOnline.entries())
      store.write(`${home}/cpu/${cpu}/availability`, isOnline ? 'online' : 'offline');
    const isPv = type === 'pv';
    writeAll(store, vm, {
      'image/ostype': isPv ? 'linux' : null,
      'image/kernel': isPv ? kernel : null,
      'image/ramdisk': isPv ? ramdisk : null,
      'image/cmdline': isPv ? commandLine : null,
      start_time: entries.startTime.toFixed(2),
    });
  });
}

/** Removes what {@link writeDomainHome} and devices left; call it when the domain is gone. */
export function removeDomainHome(client: StoreClient, id: number): void {
  const vm = client.read(`${homePath(id)}/vm`);
  client.transact((store) => {
    store.remove(homePath(id));
    if (vm?.startsWith('/vm/')) store.remove(vm);
  });
}
