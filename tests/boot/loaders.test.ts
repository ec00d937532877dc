// The loaders on real images out of Debian packages: what they find in them and how they place them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  elfNotes,
  type LoadedImage,
  type LoadRequest,
  loadImage,
  parseElf,
  parseSetupHeader,
  requiredCpuFeatures,
  sniffImage,
  sniffPayload,
  unpackKernelPayload,
} from '@proxeny/machine';
import { FlatMemory, type Gpa } from '@proxeny/memory';
import { describe, expect, it } from 'vitest';
import { debianKernel, debianPackage } from './debian-packages.js';
import { busyboxInitramfs } from './initramfs.js';

const MIB = 0x100000;

function read(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(...path)));
}

function load(ramMib: number, request: LoadRequest): LoadedImage & { memory: FlatMemory } {
  const memory = new FlatMemory(ramMib * MIB);
  return { memory, ...loadImage(memory, request) };
}

const kernels = [
  {
    name: 'linux-image-686',
    architecture: 'i386',
    features: ['fpu', 'cx8', 'cmov'],
    protocol: 'linux32',
  },
  {
    name: 'linux-image-686-pae',
    architecture: 'i386',
    features: ['fpu', 'pae', 'cx8', 'cmov'],
    protocol: 'linux32',
  },
  {
    name: 'linux-image-cloud-amd64',
    architecture: 'amd64',
    features: ['fpu', 'msr', 'pae', 'cx8', 'cmov', 'fxsr', 'sse', 'sse2', 'lm'],
    protocol: 'linux64',
  },
  {
    name: 'linux-image-amd64',
    architecture: 'amd64',
    features: ['fpu', 'msr', 'pae', 'cx8', 'cmov', 'fxsr', 'sse', 'sse2', 'lm'],
    protocol: 'linux64',
  },
] as const;

describe.each(kernels)('Debian $name', ({ name, architecture, features, protocol }) => {
  const image = read(debianKernel(name, architecture));

  it('tells which CPU features it needs', () => {
    expect(requiredCpuFeatures(parseSetupHeader(image))).toEqual(features);
    const request = { image, hasCpuFeature: (feature: string) => feature !== 'cmov' };
    expect(() => load(256, request)).toThrow(/needs the CPU feature cmov,/);
  });

  it('is loaded with its initrd at the top of memory', () => {
    const initrd = busyboxInitramfs({ architecture, init: 'exec sh' });
    const { memory, entry, placed, ...loaded } = load(256, { image, initrd });
    expect(sniffImage(image)).toBe('bzimage');
    expect(loaded.protocol).toBe(protocol);
    expect(entry.rip).toBe(16 * MIB + (protocol === 'linux64' ? 0x200 : 0));
    const header = parseSetupHeader(image);
    const inRam = memory.bytes.subarray(16 * MIB, 16 * MIB + header.kernel.length);
    expect(Buffer.compare(inRam, header.kernel)).toBe(0);
    const at = placed.find(({ what }) => what === 'initrd')?.start ?? 0;
    expect(at).toBe(256 * MIB - Math.ceil(initrd.length / 4096) * 4096);
    expect(Buffer.compare(memory.bytes.subarray(at, at + initrd.length), initrd)).toBe(0);
  });

  it('has a payload that unpacks to an ELF kernel with the same version text', () => {
    const header = parseSetupHeader(image);
    const payload = header.kernel.subarray(header.payloadOffset);
    expect(sniffPayload(payload)).toBe(name.includes('cloud') ? 'lz4-legacy' : 'xz');
    const vmlinux = unpackKernelPayload(header);
    const elf = parseElf(vmlinux);
    expect(elf.bits).toBe(architecture === 'amd64' ? 64 : 32);
    expect(header.kernelVersion).toMatch(/^6\.1\.0-/);
    const banner = `Linux version ${header.kernelVersion.split(' ')[0]} (`;
    expect(Buffer.from(vmlinux.buffer, vmlinux.byteOffset, vmlinux.length).includes(banner)).toBe(
      true,
    );
  });

  it('needs more memory than 16 MiB, and is cut off at no length unnoticed', () => {
    expect(() => load(16, { image })).toThrow(/just to start, .* give it at least \d+ MiB/);
    for (const part of [0.001, 0.1, 0.5, 0.99]) {
      const cut = image.subarray(0, Math.floor(image.length * part));
      expect(() => load(256, { image: cut })).toThrow(/is truncated/);
    }
  });
});

describe.each(['linux-image-cloud-amd64', 'linux-image-amd64'])('Debian %s by PVH', (name) => {
  it('is entered at the note of its unpacked payload', () => {
    const image = read(debianKernel(name, 'amd64'));
    const elf = parseElf(unpackKernelPayload(parseSetupHeader(image)));
    const note = elfNotes(elf).find(({ owner, type }) => owner === 'Xen' && type === 18);
    const expected = Buffer.from(note?.description ?? []).readUInt32LE(0);
    const { entry, memory } = load(256, { image, protocol: 'pvh', commandLine: 'quiet' });
    expect(entry).toMatchObject({ mode: 'protected32', rip: expected });
    expect(expected).toBeGreaterThanOrEqual(16 * MIB);
    expect(memory.readU32((entry.registers.rbx ?? 0) as Gpa)).toBe(0x336ec578);
    // Linux' PVH entry begins with CLD.
    expect(memory.readU8(expected as Gpa)).toBe(0xfc);
  });
});

describe('other images', () => {
  it("the installer's kernel and initrd fit into 256 MiB", () => {
    const folder = join(
      debianPackage('debian-installer-12-netboot-i386', 'all'),
      'usr/lib/debian-installer/images/12/i386/text/debian-installer/i386',
    );
    const request = { image: read(folder, 'linux'), initrd: read(folder, 'initrd.gz') };
    const { protocol, placed } = load(256, request);
    expect(protocol).toBe('linux32');
    expect(placed.map(({ what }) => what)).toEqual(['kernel', 'initrd']);
    expect(() => load(48, request)).toThrow(/initrd \(\d+ MiB\) does not fit into 48 MiB/);
  });

  it('GNU Mach is a gzipped Multiboot ELF, linked high and entered low', () => {
    const folder = debianPackage('gnumach-image-1.8-486', 'i386');
    const image = read(folder, 'boot/gnumach-1.8-486.gz');
    expect(sniffImage(image)).toBe('compressed');
    const { protocol, entry, memory } = load(64, { image, commandLine: 'console=com0' });
    expect(protocol).toBe('multiboot');
    expect(entry.rip).toBe(0x1000000);
    expect(memory.readU32(0x1000004 as Gpa)).toBe(0x1badb002);
  });

  it.each([
    ['boot/memtest86+ia32.bin', 'linux32', MIB],
    ['boot/memtest86+x64.bin', 'linux64', MIB + 0x200],
  ] as const)('memtest86+ %s is entered by %s', (file, protocol, rip) => {
    const image = read(debianPackage('memtest86+', 'amd64'), file);
    const loaded = load(16, { image });
    expect(loaded.protocol).toBe(protocol);
    expect(loaded.entry.rip).toBe(rip);
  });

  it.each(['bios.bin', 'bios-256k.bin', 'bios-microvm.bin'])('SeaBIOS %s is firmware', (file) => {
    const image = read(debianPackage('seabios', 'all'), 'usr/share/seabios', file);
    expect(sniffImage(image)).toBe('firmware');
    const { memory, roms, entry } = load(16, { image });
    expect(entry).toMatchObject({ mode: 'real', rip: 0xfff0 });
    expect(roms[0].start + image.length).toBe(2 ** 32);
    const shadow = memory.bytes.subarray(0xe0000, MIB);
    expect(Buffer.compare(shadow, image.subarray(-0x20000))).toBe(0);
  });
});
