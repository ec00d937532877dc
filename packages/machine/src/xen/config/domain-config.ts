// DomainConfiguration: what a machine of several domains is built from, made of a YAML file or of xl configuration files. Paths are as written
// in the file: whoever reads them knows what they are relative to.
import type { ConfigError } from '../../config.js';
import { checkDocument } from './config-check.js';
import { type ConfigDocument, type ConfigPath, errorAt } from './config-document.js';
import type { EventAction, RawDisk, RawDomain, RawVif } from './domain-schema.js';
import { parseXlDocument } from './xl-document.js';
import { parseYamlDocument } from './yaml-document.js';

export interface DiskConfiguration {
  /** Path of the image. */
  readonly target: string;
  readonly format: 'raw' | 'qcow2';
  /** `xvda`. */
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly isCdrom: boolean;
  /** A virtio device on a channel rather than a Xen block device. */
  readonly isVirtio: boolean;
  readonly mayDiscard: boolean;
}

export interface InterfaceConfiguration {
  readonly mac?: string;
  readonly bridge?: string;
  readonly ip?: string;
  /** The most it sends; the credit for that is renewed every `intervalUs`. */
  readonly rate?: { readonly bytesPerSecond: number; readonly intervalUs: number };
  readonly mtu?: number;
  readonly name?: string;
}

export interface DomainConfiguration {
  readonly name: string;
  readonly uuid?: string;
  readonly type: 'pv' | 'pvh' | 'pc' | 'auto';
  readonly kernel: string;
  readonly ramdisk?: string;
  readonly commandLine: string;
  readonly memoryBytes: number;
  readonly maxMemoryBytes: number;
  readonly vcpus: number;
  readonly maxVcpus: number;
  readonly cpuWeight: number;
  /** Percent of one CPU; 0: no cap. */
  readonly capPercent: number;
  readonly disks: readonly DiskConfiguration[];
  readonly interfaces: readonly InterfaceConfiguration[];
  readonly onPoweroff: EventAction;
  readonly onReboot: EventAction;
  readonly onWatchdog: EventAction;
  readonly onCrash: EventAction;
  readonly maxGrantFrames?: number;
  readonly maxEventChannels?: number;
}

const MIB = 1 << 20;
const DEFAULT_INTERVAL_US = 50_000;

/** A configuration file, read. */
export interface DomainConfigFile {
  readonly domains: readonly DomainConfiguration[];
  /** The error of a domain's field, or of an item of it, that starts with file, line and column. */
  errorAt(domain: number, path: ConfigPath, what: string): ConfigError;
}

/**
 * The domains a configuration file describes: one in an xl file, one or more in a YAML file.
 * @param file its name, for messages
 * @param format default: by its name, YAML for .yaml, .yml and .json
 * @throws ConfigError whose message starts with file, line and column
 */
export function readDomainConfig(
  text: string,
  file: string,
  format: 'yaml' | 'xl' = /\.(ya?ml|json)$/i.test(file) ? 'yaml' : 'xl',
): DomainConfigFile {
  const document = format === 'yaml' ? parseYamlDocument(text, file) : parseXlDocument(text, file);
  return {
    domains: domainsOf(document),
    errorAt: (domain, path, what) => errorAt(document, ['domains', domain, ...path], what),
  };
}

/** The domains alone; see {@link readDomainConfig}. @throws ConfigError */
export function parseDomainConfig(text: string, file: string): readonly DomainConfiguration[] {
  return readDomainConfig(text, file).domains;
}

function domainsOf(document: ConfigDocument): DomainConfiguration[] {
  const domains = checkDocument(document);
  for (const [i, { name }] of domains.entries()) {
    if (domains.findIndex((other) => other.name === name) < i) {
      throw errorAt(document, ['domains', i, 'name'], `another domain is called ${name} too`);
    }
  }
  return domains.map((domain, i) => resolve(document, domain, i));
}

function resolve(document: ConfigDocument, raw: RawDomain, index: number): DomainConfiguration {
  const fail = (field: string, what: string): never => {
    throw errorAt(document, ['domains', index, field], what);
  };
  const { memory, maxmem = memory, vcpus, maxvcpus = vcpus } = raw;
  if (maxmem < memory) fail('maxmem', `${maxmem} is less than memory, ${memory}`);
  if (maxvcpus < vcpus) fail('maxvcpus', `${maxvcpus} is less than vcpus, ${vcpus}`);
  if (raw.cmdline !== undefined && (raw.root !== undefined || raw.extra !== undefined)) {
    fail(
      raw.root === undefined ? 'extra' : 'root',
      'cmdline is the whole command line: leave one of them out',
    );
  }
  const disks = raw.disk.map((disk) => resolveDisk(disk as RawDisk));
  for (const [i, { name }] of disks.entries()) {
    if (disks.findIndex((other) => other.name === name) < i) {
      throw errorAt(document, ['domains', index, 'disk', i], `another disk is called ${name} too`);
    }
  }
  return {
    name: raw.name,
    type: raw.type,
    kernel: raw.kernel,
    commandLine: commandLine(raw),
    memoryBytes: memory * MIB,
    maxMemoryBytes: maxmem * MIB,
    vcpus,
    maxVcpus: maxvcpus,
    cpuWeight: raw.cpu_weight,
    capPercent: raw.cap,
    disks,
    interfaces: raw.vif.map((vif) => resolveInterface(vif as RawVif)),
    onPoweroff: raw.on_poweroff,
    onReboot: raw.on_reboot,
    onWatchdog: raw.on_watchdog,
    onCrash: raw.on_crash,
    ...(raw.uuid === undefined ? {} : { uuid: raw.uuid.toLowerCase() }),
    ...(raw.ramdisk === undefined ? {} : { ramdisk: raw.ramdisk }),
    ...(raw.max_grant_frames === undefined ? {} : { maxGrantFrames: raw.max_grant_frames }),
    ...(raw.max_event_channels === undefined ? {} : { maxEventChannels: raw.max_event_channels }),
  };
}

function commandLine({ cmdline, root, extra }: RawDomain): string {
  if (cmdline !== undefined) return cmdline;
  return [root === undefined ? '' : `root=${root}`, extra ?? '']
    .filter((part) => part !== '')
    .join(' ');
}

function resolveDisk(disk: RawDisk): DiskConfiguration {
  const isCdrom = disk.devtype === 'cdrom';
  const access = disk.access ?? (isCdrom ? 'ro' : 'rw');
  return {
    target: disk.target,
    format: disk.format,
    name: disk.vdev,
    isReadOnly: access === 'ro' || access === 'r',
    isCdrom,
    isVirtio: disk.specification === 'virtio',
    mayDiscard: disk.discard,
  };
}

function resolveInterface(vif: RawVif): InterfaceConfiguration {
  const { rate, vifname, mac, bridge, ip, mtu } = vif;
  return {
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(bridge === undefined ? {} : { bridge }),
    ...(ip === undefined ? {} : { ip }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(vifname === undefined ? {} : { name: vifname }),
    ...(rate === undefined ? {} : { rate: resolveRate(rate) }),
  };
}

/** `10Mb/s@20ms`; units are powers of 1000, B for bytes and b for bits. */
function resolveRate(text: string): { bytesPerSecond: number; intervalUs: number } {
  const [, amount = '0', unit = '', kind = 'B', interval, scale = 'us'] =
    /^(\d+)([GMK]?)([Bb])\/s(?:@(\d+)(ms|us|s))?$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };
  const scales: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6 };
  const perSecond = Number(amount) * (units[unit] ?? 1);
  return {
    bytesPerSecond: kind === 'b' ? Math.floor(perSecond / 8) : perSecond,
    intervalUs:
      interval === undefined ? DEFAULT_INTERVAL_US : Number(interval) * (scales[scale] ?? 1),
  };
}
