import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../config.js';
import { parseDomainConfig } from './domain-config.js';
import { configJsonSchema } from './domain-schema.js';

const MIB = 1 << 20;

function xl(...lines: string[]) {
  return parseDomainConfig(lines.join('\n'), 'vm.cfg')[0];
}

/** The message of the refusal of an otherwise whole xl file. */
function xlError(...lines: string[]): string {
  return messageOf(() => xl('name = "a"', 'kernel = "k"', ...lines));
}

function yamlError(...lines: string[]): string {
  return messageOf(() => parseDomainConfig(lines.join('\n'), 'vms.yaml'));
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'it was accepted';
}

describe('an xl configuration file', () => {
  it('describes one domain, with the defaults of xl', () => {
    const domain = xl(
      '# a guest',
      'name = "web"; type = "pvh"',
      "kernel = '/boot/vmlinuz' # as on the host",
      'ramdisk = "/boot/initrd.img"',
      'root = "/dev/xvda ro"',
      'extra = "console=hvc0"',
      'memory = 0x100',
      'maxmem = "512"',
      'vcpus = 02',
      'cpu_weight = 512',
      'cap = 25',
      'on_crash = "preserve"',
    );
    expect(domain).toEqual({
      name: 'web',
      type: 'pvh',
      kernel: '/boot/vmlinuz',
      ramdisk: '/boot/initrd.img',
      commandLine: 'root=/dev/xvda ro console=hvc0',
      memoryBytes: 256 * MIB,
      maxMemoryBytes: 512 * MIB,
      vcpus: 2,
      maxVcpus: 2,
      cpuWeight: 512,
      capPercent: 25,
      disks: [],
      interfaces: [],
      onPoweroff: 'destroy',
      onReboot: 'restart',
      onWatchdog: 'destroy',
      onCrash: 'preserve',
    });
  });

  it('is of type pv if it does not say, as in xl', () => {
    expect(xl('name="a"', 'kernel="k"').type).toBe('pv');
  });

  it('may spread a list over lines, end it with a comma, and append to it', () => {
    const domain = xl(
      'name = 1',
      'kernel = "k"',
      'disk = [',
      "  'a.img,qcow2,xvda,rw', # system",
      '  "b.iso,,xvdb,cdrom",',
      ']',
      "disk += [ 'format=raw, vdev=xvdc, access=ro, specification=virtio, target=/a, b' ]",
      'extra = "one "',
      'extra += "two"',
    );
    expect(domain.name).toBe('1');
    expect(domain.commandLine).toBe('one two');
    expect(domain.disks).toEqual([
      {
        target: 'a.img',
        format: 'qcow2',
        name: 'xvda',
        isReadOnly: false,
        isCdrom: false,
        isVirtio: false,
        mayDiscard: true,
      },
      {
        target: 'b.iso',
        format: 'raw',
        name: 'xvdb',
        isReadOnly: true,
        isCdrom: true,
        isVirtio: false,
        mayDiscard: true,
      },
      {
        target: '/a, b',
        format: 'raw',
        name: 'xvdc',
        isReadOnly: true,
        isCdrom: false,
        isVirtio: true,
        mayDiscard: true,
      },
    ]);
  });

  it('describes network interfaces by names and values, or not at all', () => {
    const spec = 'mac=00:16:3E:AA:bb:cc,bridge=xenbr0,rate=10Mb/s@20ms,mtu=1400,vifname=web0';
    expect(xl('name="a"', 'kernel="k"', `vif = [ '${spec}', '' ]`).interfaces).toEqual([
      {
        mac: '00:16:3e:aa:bb:cc',
        bridge: 'xenbr0',
        rate: { bytesPerSecond: 1_250_000, intervalUs: 20_000 },
        mtu: 1400,
        name: 'web0',
      },
      {},
    ]);
  });

  it.each([
    [
      'memory = ',
      '3:10: expected a string in quotes, a number or a list in brackets, not the end of file',
    ],
    ['memory 512', "3:8: expected = or +=, not '512'"],
    ['memory = 512 vcpus = 1', "3:14: expected a new line, not 'vcpus'"],
    ['disk = [ "a" "b" ]', "3:14: expected , or ], not 'b'"],
    ['extra = "a', '3:9: the string "a has no closing quote on its line'],
    ['Memory = 5', "3:1: 'Memory = 5': names are written in small letters"],
    [
      'memory = (1)',
      "3:10: '(1)' looks like Python; only strings, numbers and lists can be values",
    ],
    [
      'disk = ["a"]\ndisk += "b"',
      '4:6: a list can only be appended to a list, and a string to a string',
    ],
    [']', "3:1: expected a name such as memory, not ']'"],
  ])('with %j is refused where it cannot be read', (line, message) => {
    expect(xlError(line)).toBe(`vm.cfg:${message}`);
  });

  it.each([
    ['memroy = 5', '3:1: domains[0].memroy: there is no such field; did you mean memory?'],
    [
      'bootloader = "pygrub"',
      "3:1: domains[0].bootloader: xl's field of this name is not supported; leave it out",
    ],
    ['memory = "lots"', '3:1: domains[0].memory: expected a number, not "lots"'],
    ['memory = 0', '3:1: domains[0].memory: 0 is too small; the least is 1'],
    ['cpu_weight = 65536', '3:1: domains[0].cpu_weight: 65536 is too large; the most is 65535'],
    ['type = "hvm"', '3:1: domains[0].type: "hvm" is none of pv, pvh, pc, auto'],
    ['memory = 64\nmaxmem = 32', '4:1: domains[0].maxmem: 32 is less than memory, 64'],
    ['vcpus = 4; maxvcpus = 2', '3:12: domains[0].maxvcpus: 2 is less than vcpus, 4'],
    [
      'cmdline = "a"\nextra = "b"',
      '4:1: domains[0].extra: cmdline is the whole command line: leave one of them out',
    ],
    ['disk = "a"', '3:1: domains[0].disk: expected a list, not "a"'],
    ["disk = [ 'a.img,raw' ]", '3:10: domains[0].disk[0].vdev: this field is missing'],
    ["disk = [ 'a.img,vhd,xvda' ]", '3:10: domains[0].disk[0].format: "vhd" is none of raw, qcow2'],
    [
      "disk = [ 'a.img,,floppy' ]",
      '3:10: domains[0].disk[0].vdev: "floppy" is not a name such as xvda',
    ],
    ["disk = [ 'a,,xvda,w,more,b' ]", "3:10: domains[0].disk[0]: 'more' is one parameter too many"],
    [
      "disk = [ 'a,,xvda,acess=w' ]",
      '3:10: domains[0].disk[0].acess: there is no such field; did you mean access?',
    ],
    ["disk = [ 'vdev=xvda,vdev=xvdb' ]", '3:10: domains[0].disk[0]: vdev is given twice'],
    [
      "disk = [ 'a,,xvda',\n 'b,,xvda' ]",
      '4:2: domains[0].disk[1]: another disk is called xvda too',
    ],
    [
      "vif = [ 'bridge' ]",
      "3:9: domains[0].vif[0]: 'bridge' has no value; write it like bridge=xenbr0",
    ],
    [
      "vif = [ 'mac=1' ]",
      '3:9: domains[0].vif[0].mac: "1" is not six pairs of hexadecimal digits with colons',
    ],
    [
      "vif = [ 'script=x' ]",
      "3:9: domains[0].vif[0].script: xl's field of this name is not supported; leave it out",
    ],
  ])('with %j is refused with the place and the field', (line, message) => {
    expect(xlError(line)).toBe(`vm.cfg:${message}`);
  });

  it('needs a name and a kernel', () => {
    expect(messageOf(() => xl('kernel = "k"'))).toBe(
      'vm.cfg:1:1: domains[0].name: this field is missing',
    );
    expect(messageOf(() => xl('name = "a"'))).toMatch(/kernel: this field is missing/);
  });
});

describe('a YAML configuration file', () => {
  it('describes several domains, and devices as strings or as fields', () => {
    const domains = parseDomainConfig(
      [
        'domains:',
        '  - name: store',
        '    kernel: mini-os.gz',
        '    memory: 32',
        '  - name: web',
        '    type: pvh',
        '    kernel: vmlinuz',
        '    disk:',
        '      - web.img,,xvda',
        '      - { target: data.img, vdev: xvdb, access: ro, discard: false }',
        '    vif: [{ bridge: lan }]',
      ].join('\n'),
      'vms.yml',
    );
    expect(domains.map(({ name, type, memoryBytes }) => [name, type, memoryBytes / MIB])).toEqual([
      ['store', 'auto', 32],
      ['web', 'pvh', 128],
    ]);
    expect(domains[1].disks.map(({ name, isReadOnly }) => [name, isReadOnly])).toEqual([
      ['xvda', false],
      ['xvdb', true],
    ]);
    expect(domains[1].interfaces).toEqual([{ bridge: 'lan' }]);
  });

  it('may be JSON', () => {
    const json = JSON.stringify({ domains: [{ name: 'a', kernel: 'k' }] });
    expect(parseDomainConfig(json, 'vm.json')[0].name).toBe('a');
  });

  it('is refused with line, column and field of what is wrong', () => {
    const domain = ['domains:', '  - name: a', '    kernel: k'];
    expect(yamlError(...domain, '    memroy: 5')).toBe(
      'vms.yaml:4:5: domains[0].memroy: there is no such field; did you mean memory?',
    );
    expect(yamlError(...domain, '    memory: 1.5')).toBe(
      'vms.yaml:4:5: domains[0].memory: expected a whole number, not 1.5',
    );
    expect(yamlError(...domain, '    disk:', '      - { target: t, vdev: xvda, acces: ro }')).toBe(
      'vms.yaml:5:34: domains[0].disk[0].acces: there is no such field; did you mean access?',
    );
    expect(yamlError(...domain, '  - name: a', '    kernel: k')).toBe(
      'vms.yaml:4:5: domains[1].name: another domain is called a too',
    );
    expect(yamlError('domain: []')).toMatch(/^vms\.yaml:1:1: domains: this field is missing/);
    expect(yamlError('domains: []')).toBe('vms.yaml:1:1: domains: this must not be empty');
    expect(yamlError('- a')).toBe('vms.yaml:1:1: expected fields, not a list');
    expect(yamlError('')).toBe('vms.yaml:1:1: expected fields, not null');
    expect(yamlError('domains: [3]')).toBe('vms.yaml:1:11: domains[0]: expected fields, not 3');
  });

  it('is refused where it is no YAML', () => {
    expect(yamlError('domains:', '  - name: "a', '    kernel: k')).toMatch(
      /^vms\.yaml:3:14: Missing closing/,
    );
    expect(yamlError('name: a', 'name: b')).toMatch(/^vms\.yaml:2:1: Map keys must be unique/);
  });

  it('is refused when its aliases would grow without bound', () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [to, from] of ['ba', 'cb', 'dc', 'ed']) {
      lines.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`);
    }
    expect(yamlError(...lines)).toMatch(/^vms\.yaml:1:1: Excessive alias count/);
  });
});

describe('the JSON Schema of configuration files', () => {
  it('names the fields of a domain with their limits', () => {
    const schema = configJsonSchema() as {
      properties: {
        domains: { items: { properties: Record<string, object>; required: string[] } };
      };
    };
    const { properties, required } = schema.properties.domains.items;
    expect(properties).toMatchObject({
      memory: { type: 'integer', minimum: 1 },
      type: { enum: ['pv', 'pvh', 'pc', 'auto'], default: 'auto' },
    });
    expect(required).toEqual(['name', 'kernel']);
  });
});
