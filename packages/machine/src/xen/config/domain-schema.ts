// What a domain's configuration may hold, with the names of xl.cfg(5). The schema says what is valid; domain-config.ts makes what a machine
// is built from of it.
import { z } from 'zod';

const action = z.enum(['destroy', 'restart', 'preserve']);

const diskSchema = z
  .strictObject({
    target: z.string().min(1).describe('Path of the image file or block device.'),
    format: z.enum(['raw', 'qcow2']).default('raw').describe('Format of the image.'),
    vdev: z
      .string()
      .regex(/^(?:(?:xvd|sd|hd)[a-z]{1,3}\d{0,3}|d\d{1,6}(?:p\d{1,3})?)$/, 'a name such as xvda')
      .describe('What the guest calls it: xvda, xvdb1.'),
    access: z.enum(['rw', 'ro', 'w', 'r']).optional().describe('rw, or ro for read only.'),
    devtype: z.enum(['disk', 'cdrom']).default('disk'),
    specification: z
      .enum(['xen', 'virtio'])
      .default('xen')
      .describe('How the guest reaches it: as a Xen block device, or virtio over event channels.'),
    discard: z.boolean().default(true).describe('Whether the guest may discard blocks.'),
  })
  .describe('A disk of the guest.');

const vifSchema = z
  .strictObject({
    mac: z
      .string()
      .regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i, 'six pairs of hexadecimal digits with colons')
      .optional()
      .describe('The MAC address; one of Xen’s if absent.'),
    bridge: z.string().min(1).optional().describe('The network it is connected to.'),
    ip: z.string().min(1).optional(),
    rate: z
      .string()
      .regex(/^\d+(?:[GMK]?[Bb])\/s(?:@\d+(?:ms|us|s))?$/, 'a rate such as 10Mb/s or 1MB/s@20ms')
      .optional()
      .describe(
        'The most it sends: bytes (B) or bits (b) a second, and how often the credit is renewed.',
      ),
    mtu: z.int().min(68).max(65535).optional(),
    vifname: z.string().min(1).optional(),
  })
  .describe('A network interface of the guest.');

export const domainSchema = z
  .strictObject({
    name: z.string().min(1).max(255).describe('The domain’s name, which no other has.'),
    uuid: z
      .string()
      .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a UUID')
      .optional(),
    type: z
      .enum(['pv', 'pvh', 'pc', 'auto'])
      .default('auto')
      .describe('The kind of guest; auto looks at the kernel.'),
    kernel: z.string().min(1).describe('Path of the kernel image.'),
    ramdisk: z.string().min(1).optional().describe('Path of the initial RAM disk.'),
    cmdline: z.string().optional().describe('The kernel’s command line; excludes root and extra.'),
    root: z.string().optional().describe('Becomes root=… on the command line.'),
    extra: z.string().optional().describe('Appended to the command line.'),
    memory: z.int().min(1).max(4096).default(128).describe('Memory in MiB.'),
    maxmem: z.int().min(1).max(4096).optional().describe('What it may grow to, in MiB.'),
    vcpus: z.int().min(1).max(512).default(1).describe('Virtual CPUs online at start.'),
    maxvcpus: z.int().min(1).max(512).optional().describe('Virtual CPUs it can bring online.'),
    cpu_weight: z.int().min(1).max(65535).default(256).describe('Its share of contended CPUs.'),
    cap: z.int().min(0).default(0).describe('The most CPU it gets, in percent of one; 0: no cap.'),
    disk: z.array(z.union([z.string(), diskSchema])).default([]),
    vif: z.array(z.union([z.string(), vifSchema])).default([]),
    on_poweroff: action.default('destroy'),
    on_reboot: action.default('restart'),
    on_watchdog: action.default('destroy'),
    on_crash: action.default('destroy'),
    max_grant_frames: z.int().min(1).max(65535).optional(),
    max_event_channels: z.int().min(1).max(131071).optional().describe('The highest port.'),
  })
  .describe('A domain, with the names of xl.cfg.');

export const configSchema = z.strictObject({
  domains: z.array(domainSchema).min(1).describe('The domains of the machine.'),
});

export type RawDomain = z.output<typeof domainSchema>;
export type RawDisk = z.output<typeof diskSchema>;
export type RawVif = z.output<typeof vifSchema>;
export type EventAction = z.output<typeof action>;

/** Names that an object at a place in the schema has; for "did you mean". */
export function fieldsOf(place: 'file' | 'domain' | 'disk' | 'vif'): string[] {
  const schemas = { file: configSchema, domain: domainSchema, disk: diskSchema, vif: vifSchema };
  return Object.keys(schemas[place].shape);
}

/** Whether a domain's field takes a number. */
export function isNumberField(name: string): boolean {
  const field = domainSchema.shape[name as keyof typeof domainSchema.shape];
  return field !== undefined && unwrapped(field) instanceof z.ZodNumber;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** The JSON Schema of configuration files, for editors. */
export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
