// Boots one guest in v86, its first serial port on stdout: node v86-runner.mjs '{"folder", "firmware", "memoryBytes", ...guest}'.
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const options = JSON.parse(process.argv[2]);
const { folder, firmware, memoryBytes, kind, kernel, initrd, commandLine } = options;
const { V86 } = await import(pathToFileURL(join(folder, 'build/libv86.mjs')).href);

/** A file as v86 takes it. */
function file(path) {
  const { buffer, byteOffset, length } = readFileSync(path);
  return { buffer: buffer.slice(byteOffset, byteOffset + length) };
}

const emulator = new V86({
  wasm_path: join(folder, 'build/v86.wasm'),
  memory_size: memoryBytes,
  vga_memory_size: 2 << 20,
  bios: file(join(firmware, 'bios.bin')),
  vga_bios: file(join(firmware, 'vgabios-stdvga.bin')),
  ...(kind === 'multiboot'
    ? { multiboot: file(kernel) }
    : { bzimage: file(kernel), initrd: file(initrd), cmdline: commandLine }),
  ...{ autostart: true, disable_speaker: true, disable_keyboard: true, disable_mouse: true },
});
const line = [];
emulator.add_listener('serial0-output-byte', (byte) => {
  line.push(byte);
  if (byte === 10) writeSync(1, Uint8Array.from(line.splice(0)));
});
