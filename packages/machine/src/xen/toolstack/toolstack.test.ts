// Entries that the toolstack makes, as xl 4.17 was seen to write them: names, values, owners.
import { XS_READ, XS_WRITE } from '@proxeny/abi';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoreClient } from '../store/store-client.js';
import { StoreService } from '../store/store-service.js';
import { StoreGuest } from '../testing/store-guest.js';
import { addConsole } from './console-entry.js';
import { addDevice, backendPath, frontendPath, removeDevice } from './device-pair.js';
import { addDisk, diskDevice } from './disk-entry.js';
import { removeDomainHome, writeDomainHome } from './domain-home.js';
import { addNetwork } from './network-entry.js';

const uuid = 'ecbf78fe-ff55-4ea2-8796-166442be9e63';
let service: StoreService;
let client: StoreClient;

/** As `xenstore-ls -f -p` prints it. */
function dump(path: string): string[] {
  const own = `${path} = "${client.read(path)}"   (${client.permissions(path)?.join(',')})`;
  const below = client.list(path) ?? [];
  return [own, ...below.flatMap((name) => dump(`${path}/${name}`))];
}

beforeEach(() => {
  service = new StoreService();
  client = service.client();
  service.addDomain(1);
  writeDomainHome(client, {
    id: 1,
    name: 'guest',
    uuid,
    type: 'pv',
    memoryKiB: 262144,
    maxMemoryKiB: 262144,
    cpusOnline: [true],
    store: { port: 1, frame: 637441 },
    startTime: 1795890914.44,
    kernel: '/job/image',
    ramdisk: '/job/ramdisk',
    commandLine: 'console=hvc0',
  });
});

describe("a paravirtual domain's entries", () => {
  it('are those that xl writes, in its order, with its permissions', () => {
    addConsole(client, 1, { port: 2, frame: 637442 });
    expect(dump('/local/domain/1')).toEqual([
      '/local/domain/1 = ""   (n0,r1)',
      `/local/domain/1/vm = "/vm/${uuid}"   (n0,r1)`,
      '/local/domain/1/name = "guest"   (n0,r1)',
      '/local/domain/1/cpu = ""   (n0,r1)',
      '/local/domain/1/cpu/0 = ""   (n0,r1)',
      '/local/domain/1/cpu/0/availability = "online"   (n0,r1)',
      '/local/domain/1/memory = ""   (n0,r1)',
      '/local/domain/1/memory/static-max = "262144"   (n0,r1)',
      '/local/domain/1/memory/target = "262144"   (n0,r1)',
      '/local/domain/1/memory/videoram = "0"   (n0,r1)',
      '/local/domain/1/device = ""   (n0,r1)',
      '/local/domain/1/device/suspend = ""   (n0,r1)',
      '/local/domain/1/device/suspend/event-channel = ""   (n1)',
      '/local/domain/1/control = ""   (n0,r1)',
      '/local/domain/1/control/shutdown = ""   (n1)',
      '/local/domain/1/control/feature-poweroff = ""   (n1)',
      '/local/domain/1/control/feature-reboot = ""   (n1)',
      '/local/domain/1/control/feature-suspend = ""   (n1)',
      '/local/domain/1/control/sysrq = ""   (n1)',
      '/local/domain/1/control/platform-feature-multiprocessor-suspend = "1"   (n0,r1)',
      '/local/domain/1/control/platform-feature-xs_reset_watches = "1"   (n0,r1)',
      '/local/domain/1/data = ""   (n1)',
      '/local/domain/1/drivers = ""   (n1)',
      '/local/domain/1/feature = ""   (n1)',
      '/local/domain/1/attr = ""   (n1)',
      '/local/domain/1/error = ""   (n1)',
      '/local/domain/1/domid = "1"   (n0,r1)',
      '/local/domain/1/store = ""   (n0,r1)',
      '/local/domain/1/store/port = "1"   (n0,r1)',
      '/local/domain/1/store/ring-ref = "637441"   (n0,r1)',
      '/local/domain/1/console = ""   (n0,r1)',
      '/local/domain/1/console/backend = "/local/domain/0/backend/console/1/0"   (n0,r1)',
      '/local/domain/1/console/backend-id = "0"   (n1,r0)',
      '/local/domain/1/console/limit = "1048576"   (n0,r1)',
      '/local/domain/1/console/type = "xenconsoled"   (n0,r1)',
      '/local/domain/1/console/output = "pty"   (n0,r1)',
      '/local/domain/1/console/tty = ""   (n0,r1)',
      '/local/domain/1/console/port = "2"   (n0,r1)',
      '/local/domain/1/console/ring-ref = "637442"   (n0,r1)',
    ]);
    expect(dump('/vm')).toEqual([
      '/vm = ""   (n0)',
      `/vm/${uuid} = ""   (n0,r1)`,
      `/vm/${uuid}/name = "guest"   (n0,r1)`,
      `/vm/${uuid}/uuid = "${uuid}"   (n0,r1)`,
      `/vm/${uuid}/image = ""   (n0,r1)`,
      `/vm/${uuid}/image/ostype = "linux"   (n0,r1)`,
      `/vm/${uuid}/image/kernel = "/job/image"   (n0,r1)`,
      `/vm/${uuid}/image/ramdisk = "/job/ramdisk"   (n0,r1)`,
      `/vm/${uuid}/image/cmdline = "console=hvc0"   (n0,r1)`,
      `/vm/${uuid}/start_time = "1795890914.44"   (n0,r1)`,
    ]);
  });

  it('go with the domain', () => {
    const guest = new StoreGuest(service, 1);
    expect(guest.ask(XS_WRITE, 'data/x\0y')).toBe('OK\0');
    service.removeDomain(1);
    removeDomainHome(client, 1);
    expect(client.list('/local/domain')).toEqual([]);
    expect(client.list('/vm')).toEqual([]);
  });
});

describe('a device', () => {
  const device = { kind: 'vbd', domain: 1, id: 51712 };

  it('is a pair that can be read from the other side, and each writes its own', () => {
    const guest = new StoreGuest(service, 1);
    addDisk(client, {
      domain: 1,
      id: 51712,
      name: 'xvda',
      parameters: '/dev/vdb',
      isReadOnly: false,
    });
    expect(guest.ask(XS_READ, 'device/vbd/51712/state\0')).toBe('1');
    expect(dump('/local/domain/1/device/vbd')).toEqual([
      '/local/domain/1/device/vbd = ""   (n0,r1)',
      '/local/domain/1/device/vbd/51712 = ""   (n1,r0)',
      '/local/domain/1/device/vbd/51712/backend = "/local/domain/0/backend/vbd/1/51712"   (n1,r0)',
      '/local/domain/1/device/vbd/51712/backend-id = "0"   (n1,r0)',
      '/local/domain/1/device/vbd/51712/state = "1"   (n1,r0)',
      '/local/domain/1/device/vbd/51712/virtual-device = "51712"   (n1,r0)',
      '/local/domain/1/device/vbd/51712/device-type = "disk"   (n1,r0)',
      '/local/domain/1/device/vbd/51712/trusted = "1"   (n1,r0)',
    ]);
    expect(dump('/local/domain/0/backend/vbd')).toEqual([
      '/local/domain/0/backend/vbd = ""   (n0)',
      '/local/domain/0/backend/vbd/1 = ""   (n0)',
      '/local/domain/0/backend/vbd/1/51712 = ""   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/frontend = "/local/domain/1/device/vbd/51712"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/params = "/dev/vdb"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/frontend-id = "1"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/online = "1"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/removable = "0"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/bootable = "1"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/state = "1"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/dev = "xvda"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/type = "phy"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/mode = "w"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/device-type = "disk"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/discard-enable = "1"   (n0,r1)',
      '/local/domain/0/backend/vbd/1/51712/specification = "xen"   (n0,r1)',
    ]);
    const backend = guest.ask(XS_READ, 'device/vbd/51712/backend\0');
    expect(backend).toBe(backendPath(device));
    expect(guest.ask(XS_READ, `${backend}/state\0`)).toBe('1');
    expect(guest.ask(XS_READ, `${backend}/frontend\0`)).toBe(frontendPath(device));
    expect(guest.ask(XS_WRITE, 'device/vbd/51712/state\x003')).toBe('OK\0');
    expect(guest.ask(XS_WRITE, 'device/vbd/51712/ring-ref\x008')).toBe('OK\0');
    expect(guest.ask(XS_WRITE, `${backend}/state\x004`)).toBe('EACCES\0');
  });

  it('replaces an earlier one of its name, and is removed with both its sides', () => {
    addDevice(client, device, { front: { old: 1 }, back: {} });
    addDevice(client, device, { front: {}, back: {} });
    expect(client.list(frontendPath(device))).toEqual(['backend', 'backend-id', 'state']);
    removeDevice(client, diskDevice({ domain: 1, id: 51712 }));
    expect(client.list(frontendPath(device))).toBeNull();
    expect(client.list(backendPath(device))).toBeNull();
  });

  it('for a network has an MTU that the guest cannot change', () => {
    const guest = new StoreGuest(service, 1);
    addNetwork(client, { domain: 1, id: 0, mac: '00:16:3e:00:00:01' });
    expect(guest.ask(XS_READ, 'device/vif/0/mac\0')).toBe('00:16:3e:00:00:01');
    expect(guest.ask(XS_READ, 'device/vif/0/mtu\0')).toBe('1500');
    expect(guest.ask(XS_WRITE, 'device/vif/0/mtu\x009000')).toBe('EACCES\0');
  });
});
