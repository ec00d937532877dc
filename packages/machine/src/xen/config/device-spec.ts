// The strings by which xl describes a disk or a network interface, as records. xl-disk-configuration(5), xl-network-configuration(5).

/** A problem in a string; whoever has the string says where it stands. */
export class DeviceSpecError extends Error {
  override readonly name = 'DeviceSpecError';
}

const DISK_POSITIONS = ['target', 'format', 'vdev', 'access'] as const;
const DISK_FLAGS: Readonly<Record<string, readonly [string, string | boolean]>> = {
  cdrom: ['devtype', 'cdrom'],
  discard: ['discard', true],
  'no-discard': ['discard', false],
};
/** What our back-ends do anyway, or what changes nothing for the guest. */
const DISK_IGNORED: ReadonlySet<string> = new Set(['direct-io-safe', 'trusted', 'untrusted']);

/**
 * A DISKSPEC: `target, format, vdev, access` by place or by name, and flags; `target=` takes the rest of the string.
 * @throws DeviceSpecError
 */
export function parseDiskSpec(text: string): Record<string, string | boolean> {
  const disk: Record<string, string | boolean> = {};
  let position = 0;
  let rest = text;
  while (rest !== '') {
    const parameter = /^\s*([^,]*)/.exec(rest)?.[1].trimEnd() ?? '';
    const [, key, value] = /^([a-z][a-z0-9_-]*)\s*=\s*(.*)$/s.exec(parameter) ?? [];
    if (key === 'target') {
      setOnce(disk, 'target', rest.slice(rest.indexOf('=') + 1).trim());
      break;
    }
    if (key !== undefined) setOnce(disk, key, value);
    else if (DISK_FLAGS[parameter] !== undefined) setOnce(disk, ...DISK_FLAGS[parameter]);
    else if (!DISK_IGNORED.has(parameter)) {
      while (position < 4 && disk[DISK_POSITIONS[position]] !== undefined) position++;
      const name = DISK_POSITIONS[position++];
      if (name === undefined) throw new DeviceSpecError(`'${parameter}' is one parameter too many`);
      if (parameter !== '') disk[name] = parameter;
    }
    const comma = rest.indexOf(',');
    rest = comma < 0 ? '' : rest.slice(comma + 1);
  }
  return disk;
}

/**
 * A VIFSPEC: names and values with commas between; may be empty.
 * @throws DeviceSpecError
 */
export function parseVifSpec(text: string): Record<string, string | number | boolean> {
  const vif: Record<string, string | number | boolean> = {};
  for (const part of text.split(',')) {
    const parameter = part.trim();
    if (parameter === '' || parameter === 'trusted' || parameter === 'untrusted') continue;
    const [, key, value] = /^([a-z_]+)\s*=\s*(.*)$/s.exec(parameter) ?? [];
    if (key === undefined) {
      throw new DeviceSpecError(`'${parameter}' has no value; write it like bridge=xenbr0`);
    }
    setOnce(vif, key, key === 'mtu' && /^\d+$/.test(value) ? Number(value) : value);
  }
  return vif;
}

function setOnce(
  record: Record<string, string | number | boolean>,
  key: string,
  value: string | number | boolean,
): void {
  if (record[key] !== undefined) throw new DeviceSpecError(`${key} is given twice`);
  record[key] = value;
}
