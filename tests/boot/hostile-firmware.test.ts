// Firmware and kernels made of random bytes: whatever they do, nothing is thrown and the machine stays in order.
import { Machine } from '@proxeny/machine';
import { cpuModel, EXIT_HALT, EXIT_SHUTDOWN } from '@proxeny/vcpu-x86';
import { describe, expect, it } from 'vitest';
import { smallKernel } from './run-command.js';

const MIB = 1 << 20;
const ROM_SIZE = 0x10000;
const SLICES = 8;
const SLICE_INSTRUCTIONS = 4000;

/** xorshift32: the same bytes in every run. */
function randomBytes(seed: number, length: number): Uint8Array {
  let x = (seed * 2654435761) | 1;
  return Uint8Array.from({ length }, () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 24;
  });
}

function machineWith(image: Uint8Array, firmware: boolean, model: string): Machine {
  const found = cpuModel(model);
  if (found === undefined) throw new Error(`there is no CPU model ${model}`);
  return new Machine({
    image,
    ...(firmware ? { protocol: 'firmware' as const } : {}),
    memoryBytes: 4 * MIB,
    model: found,
    // A seeded guest must do the same everywhere.
    randomU32: () => 4,
    wallClockMs: () => 0,
  });
}

/** Runs a few thousand instructions; the last exit. */
function runShortly(machine: Machine): number {
  let exit = -1;
  for (let i = 0; i < SLICES; i++) {
    machine.timers.runDue();
    exit = machine.cpu.run(SLICE_INSTRUCTIONS);
    if (exit === EXIT_SHUTDOWN || machine.ended !== null) break;
    if (exit === EXIT_HALT && !machine.cpu.canWake()) break;
  }
  return exit;
}

const models = ['486', 'pentium3', 'max'];

describe('random bytes', () => {
  it('as firmware, entered at the reset vector and by a jump into them, throw nothing', () => {
    const exits = new Map<number, number>();
    for (let seed = 1; seed <= 240; seed++) {
      const image = randomBytes(seed, ROM_SIZE);
      // Every other image begins with a near jump, so that not all of them die at once.
      if (seed % 2 === 0) image.set([0xe9, image[0], 0x80 | image[1]], ROM_SIZE - 16);
      const exit = runShortly(machineWith(image, true, models[seed % models.length]));
      exits.set(exit, (exits.get(exit) ?? 0) + 1);
    }
    expect([...exits.values()].reduce((a, b) => a + b)).toBe(240);
    // They did not all fall at the first hurdle.
    expect(exits.size).toBeGreaterThan(1);
  });

  it('as a 32-bit kernel whose exceptions lead into them again throw nothing', () => {
    // An IDT at 2 MiB with 256 interrupt gates to `random`, then on into it; segments from a small GDT.
    const prefix = `lgdt [gdtr]
      jmp 8:reload
      reload: mov eax, 16
      mov ds, ax
      mov es, ax
      mov ss, ax
      mov edi, 0x200000
      mov ecx, 256
      next: mov eax, random
      mov [edi], ax
      mov word [edi+2], 8
      mov word [edi+4], 0x8e00
      shr eax, 16
      mov [edi+6], ax
      add edi, 8
      dec ecx
      jnz next
      lidt [idtr]
      mov esp, 0x300000
      jmp random
      gdtr: dw 23
      dd gdt
      idtr: dw 2047
      dd 0x200000
      gdt: dd 0, 0, 0xffff, 0xcf9a00, 0xffff, 0xcf9200
      random: `;
    let executed = 0;
    for (let seed = 1; seed <= 120; seed++) {
      const bytes = [...randomBytes(seed, 2048)].join(', ');
      const machine = machineWith(smallKernel(`${prefix}db ${bytes}`), false, models[seed % 3]);
      runShortly(machine);
      executed += machine.cpu.counters.faults;
    }
    expect(executed).toBeGreaterThan(1000);
  });

  it('leave the run loop with an end that names where and why', async () => {
    const ends = [];
    for (let seed = 1; seed <= 12; seed++) {
      const machine = machineWith(randomBytes(seed, ROM_SIZE), true, 'max');
      const timer = setTimeout(() => machine.stop(), 100);
      ends.push(await machine.run());
      clearTimeout(timer);
    }
    expect(ends.length).toBe(12);
    for (const { reason, message } of ends)
      if (reason === 'crash') expect(message).toMatch(/^triple fault: .*rip [\da-f]+$/);
  });
});
