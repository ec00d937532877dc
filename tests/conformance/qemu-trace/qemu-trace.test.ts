// Runs a hand-assembled firmware in QEMU and checks the gdb client, the log parser and the
// lock-step comparer against what the program must do. Skipped without qemu-system-x86.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CpuSnapshot, linearRip } from './cpu-snapshot.js';
import { describeDivergence, type LockStepSubject, mayDiffer, runLockStep } from './lock-step.js';
import { QemuGdb, type QemuOptions } from './qemu-gdb.js';
import { parseQemuLog, QemuLogReference } from './qemu-log.js';

const available: boolean = spawnSync('qemu-system-i386', ['--version']).status === 0;

/** 64 KiB of firmware: reset vector → F000:0000, then the program, then `jmp $`. */
function firmware(): Uint8Array {
  const image = new Uint8Array(0x1_0000);
  image.set([0xea, 0x00, 0x00, 0x00, 0xf0], 0xfff0); // jmp f000:0000
  image.set([
    ...[0xb8, 0x34, 0x12], //             0: mov ax, 1234h
    ...[0x8e, 0xd8], //                   3: mov ds, ax
    ...[0xb9, 0x05, 0x00], //             5: mov cx, 5
    ...[0xbf, 0x00, 0x01], //             8: mov di, 100h
    ...[0xf3, 0xaa], //                   b: rep stosb
    ...[0x0f, 0x31], //                   d: rdtsc
    ...[0x66, 0x40], //                   f: inc eax
    ...[0x31, 0xc0], //                  11: xor ax, ax
    ...[0xeb, 0xfe], //                  13: jmp $
  ]);
  return image;
}

/** States of one machine played back as our own, changed by `tamper`. */
class Playback implements LockStepSubject {
  readonly adopted: CpuSnapshot[] = [];
  #at = 0;
  readonly #states: readonly CpuSnapshot[];

  constructor(states: readonly CpuSnapshot[]) {
    this.#states = states;
  }

  next(): IteratorResult<CpuSnapshot> {
    const value = this.#states[this.#at++];
    return value ? { done: false, value } : { done: true, value: undefined };
  }

  adopt(registers: CpuSnapshot): void {
    this.adopted.push(registers);
  }
}

describe.skipIf(!available)('QEMU as a reference', () => {
  let directory = '';
  let bios = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'proxeny-trace-'));
    bios = join(directory, 'bios.bin');
    writeFileSync(bios, firmware());
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const running: QemuGdb[] = [];
  async function start(options: QemuOptions): Promise<QemuGdb> {
    const qemu = await QemuGdb.start(options);
    running.push(qemu);
    return qemu;
  }
  afterEach(async () => {
    for (const qemu of running.splice(0)) await qemu.close();
  });

  async function record(bits: 32 | 64, steps: number): Promise<CpuSnapshot[]> {
    const qemu = await start({ bits, bios });
    const states = [await qemu.snapshot()];
    while (states.length <= steps) states.push(await qemu.step());
    return states;
  }

  it.each([32, 64] as const)(
    'single-steps a %i-bit machine from the reset vector',
    async (bits) => {
      const states = await record(bits, 6);
      expect(states[0]).toMatchObject({ rip: 0xfff0n, cs: 0xf000n, cr0: 0x6000_0010n, rflags: 2n });
      expect(states[2]).toMatchObject({ rip: 3n, rax: 0x1234n });
      expect(states[3].ds).toBe(0x1234n);
      expect(states[6]).toMatchObject({ rip: 0xbn, rdi: 0x101n }); // one iteration of REP STOSB
      expect(linearRip(states[6])).toBe(0xf_000bn);
    },
  );

  it('runs to a breakpoint, reads memory there, and gives up after a timeout', async () => {
    const qemu = await start({ bits: 32, bios });
    expect(await qemu.runTo(0xf_000dn)).toBe(true);
    expect(await qemu.snapshot()).toMatchObject({ rip: 0xdn, rcx: 0n, rdi: 0x105n });
    expect(await qemu.code({ rip: 0xdn, cs: 0xf000n, cr0: 0n })).toHaveLength(15);
    expect(await qemu.readMemory(0xf_000dn, 2)).toEqual(Uint8Array.of(0x0f, 0x31));
    expect(await qemu.runTo(0x5_0000n, 300)).toBe(false);
    expect(await qemu.snapshot()).toMatchObject({ rip: 0x13n });
  });

  it('agrees with itself, a whole REP as one step, and adopts the result of RDTSC', async () => {
    const states = await record(32, 13);
    const ours = states
      .filter((state, i) => !(state.rip === 0xbn && states[i - 1].rip === 0xbn))
      .map((state) => (state.rip === 0xfn ? { ...state, rax: 1n, rdx: 2n } : state));
    const qemu = await start({ bits: 32, bios });
    const subject = new Playback(ours.slice(0, 8));
    const report = await runLockStep(qemu, subject, { maximumInstructions: 100 });
    expect(report).toMatchObject({ end: 'subject ended', adoptions: 1, instructions: 7 });
    expect(subject.adopted[0].rip).toBe(0xfn);
  });

  it('names the first instruction and registers that differ', async () => {
    const states = await record(32, 4);
    const qemu = await start({ bits: 32, bios });
    const wrong = states.map((state, i) => (i === 4 ? { ...state, rcx: 6n } : state));
    const report = await runLockStep(qemu, new Playback(wrong), { maximumInstructions: 100 });
    expect(report.divergence).toMatchObject({ index: 3 });
    const text = describeDivergence(report.divergence as NonNullable<typeof report.divergence>);
    expect(text).toContain('f000:000f0005  b9 05 00');
    expect(text).toContain('rcx       reference 00000005, ours 00000006 (before 00000000)');
  });

  it('reads the same states from the log as from the gdb port', async () => {
    const log = join(directory, 'log');
    const qemu = spawn(
      'qemu-system-i386',
      [
        ...['-accel', 'tcg', '-display', 'none', '-nodefaults', '-bios', bios, '-singlestep'],
        ...['-d', 'in_asm,cpu,int,nochain', '-D', log],
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => qemu.once('exit', resolve));
    let text = '';
    // The log ends in an endless loop: stop as soon as its first pass is there.
    for (let wait = 0; wait < 200 && !/EIP=00000013[\s\S]*EFER/.test(text); wait++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      try {
        text = readFileSync(log, 'latin1').slice(0, 40_000);
      } catch {}
    }
    qemu.kill('SIGKILL');
    await ended;
    rmSync(log);
    const lines = text.split('\n');
    const reference = new QemuLogReference(lines);
    const states = await record(32, 7);
    const report = await runLockStep(reference, new Playback(states), { maximumInstructions: 100 });
    expect(report).toMatchObject({ end: 'subject ended', instructions: 7, divergence: undefined });
    const instructions: string[] = [];
    for await (const event of parseQemuLog(lines)) {
      if (event.kind === 'instruction') instructions.push(event.text);
    }
    expect(instructions[1]).toMatch(/^movw +\$0x1234, %ax/);
  });
});

describe('QEMU log parser', () => {
  it('attaches the state behind an interrupt line to the interrupt, and reads 64-bit dumps', async () => {
    const lines = [
      'check_exception old: 0xffffffff new 0xe',
      '     7: v=0e e=0002 i=0 cpl=3 IP=0033:0000000000401000 pc=0000000000401000 SP=002b:00007ffc00000000 CR2=0000000000000010',
      'RAX=ffffffff80000000 RBX=0000000000000001 RCX=0000000000000002 RDX=0000000000000003',
      'R8 =0000000000000008 R9 =0000000000000009 R10=000000000000000a R11=000000000000000b',
      'RIP=0000000000401000 RFL=00000246 [---Z-P-] CPL=3 II=0 A20=1 SMM=0 HLT=0',
      'CS =0033 0000000000000000 ffffffff 00affb00 DPL=3 CS64 [-RA]',
      'GDT=     fffffe0000001000 0000007f',
      'CR0=80050033 CR2=0000000000000010 CR3=0000000001000000 CR4=000006f0',
      'EFER=0000000000000d01',
    ];
    const events = [];
    for await (const event of parseQemuLog(lines)) events.push(event);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: 'interrupt',
      vector: 14,
      errorCode: 2,
      software: false,
    });
    expect(events[0]).toHaveProperty('snapshot', {
      ...{
        rax: 0xffff_ffff_8000_0000n,
        rbx: 1n,
        rcx: 2n,
        rdx: 3n,
        r8: 8n,
        r9: 9n,
        r10: 10n,
        r11: 11n,
      },
      ...{ rip: 0x40_1000n, rflags: 0x246n, cs: 0x33n, cs_base: 0n },
      ...{ gdt_base: 0xffff_fe00_0000_1000n, gdt_limit: 0x7fn },
      ...{ cr0: 0x8005_0033n, cr2: 0x10n, cr3: 0x100_0000n, cr4: 0x6f0n, efer: 0xd01n },
    });
  });
});

describe('mayDiffer', () => {
  it('knows clocks, CPUID, MSRs and ports behind prefixes, and nothing else', () => {
    const yes = [
      [0x0f, 0x31],
      [0x0f, 0x01, 0xf9],
      [0x0f, 0xa2],
      [0x66, 0xed],
      [0xe4, 0x60],
      [0x48, 0x0f, 0xc7, 0xf0],
    ];
    const no = [[0x90], [0x0f, 0xc7, 0x08], [0x0f, 0x01, 0x10], [0xe6, 0x60]];
    expect(yes.map((code) => mayDiffer(Uint8Array.from(code)))).toEqual(yes.map(() => true));
    expect(no.map((code) => mayDiffer(Uint8Array.from(code)))).toEqual(no.map(() => false));
  });
});
