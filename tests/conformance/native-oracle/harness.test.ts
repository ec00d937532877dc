// Proves the harness against results known from the manual, so that a later difference between
// host and emulator is never the harness's own. Needs gcc (and gcc-multilib for -m32).
import { describe, expect, it } from 'vitest';
import { describeOnHost, openOracles } from './host-tests.js';
import { type CaseParts, gprOf, nativeCase, resetFxsave } from './native-case.js';
import { CODE_ADDRESS, ldtSelector, type NativeResult, WINDOW_ADDRESS } from './protocol.js';
import { initialWindow } from './window-memory.js';

const CF = 0x1;
const PF = 0x4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const STATUS = CF | PF | AF | ZF | SF | OF;
const oracles = openOracles('runs');

async function run(bits: 32 | 64, parts: CaseParts): Promise<NativeResult> {
  const [result] = await oracles[bits].run([nativeCase(parts)]);
  return result;
}
const status = (result: NativeResult): number => result.rflags & STATUS;

describeOnHost('runs', [32, 64], 'the %i-bit native oracle', (bits) => {
  it('ADD eax, ebx with a carry out of bit 31 sets CF, ZF, AF and PF', async () => {
    const registers = { rax: 1, rbx: 0xffff_ffff };
    const result = await run(bits, { code: [0x01, 0xd8], registers });
    expect(result.outcome).toBe('completed');
    expect(result.rip).toBe(CODE_ADDRESS + 2);
    expect(gprOf(result.gpr, 0)).toBe(0n);
    expect(status(result)).toBe(CF | ZF | AF | PF);
  });

  it('ADC al, 7Fh takes CF in and overflows into the sign', async () => {
    const result = await run(bits, { code: [0x14, 0x7f], registers: { rax: 0 }, rflags: 0x203 });
    expect(gprOf(result.gpr, 0)).toBe(0x80n);
    expect(status(result)).toBe(SF | OF | AF);
  });

  it('DIV by zero is SIGFPE with vector 0 and rip at the instruction', async () => {
    const result = await run(bits, { code: [0xf7, 0xf1], registers: { rax: 1 } });
    expect(result).toMatchObject({ outcome: 'fault', signal: 8, vector: 0, rip: CODE_ADDRESS });
  });

  it('a store that leaves the window faults with CR2 and changes nothing', async () => {
    const registers = { rax: 0x1122_3344, rbx: WINDOW_ADDRESS + 0x1ffe };
    const result = await run(bits, { code: [0x89, 0x03], registers, seed: 7 });
    expect(result).toMatchObject({ outcome: 'fault', signal: 11, vector: 14, changes: [] });
    expect(result.faultAddress).toBe(WINDOW_ADDRESS + 0x2000);
    expect(result.errorCode).toBe(6); // user, write, not present
  });

  it('a store into a read-only second page reports a protection violation', async () => {
    const registers = { rbx: WINDOW_ADDRESS + 0x1000 };
    const result = await run(bits, { code: [0x89, 0x03], registers, protection: 'read-only' });
    expect(result).toMatchObject({
      vector: 14,
      errorCode: 7,
      faultAddress: WINDOW_ADDRESS + 0x1000,
    });
  });

  it('REP MOVSB copies across the page boundary and leaves the pointers behind', async () => {
    const registers = { rsi: WINDOW_ADDRESS + 0x10, rdi: WINDOW_ADDRESS + 0xff0, rcx: 0x20 };
    const result = await run(bits, { code: [0xf3, 0xa4], registers, seed: 0x1234 });
    const before = initialWindow(0x1234, []);
    const after = before.slice();
    for (const { offset, bytes } of result.changes) after.set(bytes, offset);
    expect(after.subarray(0xff0, 0x1010)).toEqual(before.subarray(0x10, 0x30));
    expect(gprOf(result.gpr, 1)).toBe(0n);
    expect(gprOf(result.gpr, 6)).toBe(BigInt(WINDOW_ADDRESS + 0x30));
    expect(gprOf(result.gpr, 7)).toBe(BigInt(WINDOW_ADDRESS + 0x1010));
  });

  it('a single step of REP STOSB is one iteration', async () => {
    const registers = { rax: 0xaa, rdi: WINDOW_ADDRESS + 4, rcx: 5 };
    const result = await run(bits, { code: [0xf3, 0xaa], registers, steps: 1 });
    expect(result).toMatchObject({ outcome: 'stepped', rip: CODE_ADDRESS });
    expect(result.changes).toEqual([{ offset: 4, bytes: Uint8Array.of(0xaa) }]);
    expect(gprOf(result.gpr, 1)).toBe(4n);
    expect(result.rflags & 0x100).toBe(0);
  });

  it('JZ lands behind itself or at its target', async () => {
    const taken = await run(bits, { code: [0x74, 0x40], rflags: 0x202 | ZF });
    const notTaken = await run(bits, { code: [0x74, 0x40], rflags: 0x202 });
    const back = await run(bits, { code: [0xeb, 0x80] });
    expect(taken).toMatchObject({ outcome: 'completed', rip: CODE_ADDRESS + 0x42 });
    expect(notTaken).toMatchObject({ outcome: 'completed', rip: CODE_ADDRESS + 2 });
    expect(back).toMatchObject({ outcome: 'completed', rip: CODE_ADDRESS + 2 - 128 });
  });

  it('a CALL pushes its return address even when the stack pointer was odd', async () => {
    const word = bits / 8;
    const registers = { rsp: WINDOW_ADDRESS + 0x801 };
    const result = await run(bits, { code: [0xe8, 0x10, 0, 0, 0], registers });
    expect(result.rip).toBe(CODE_ADDRESS + 0x15);
    expect(gprOf(result.gpr, 4)).toBe(BigInt(WINDOW_ADDRESS + 0x801 - word));
    const pushed = new Uint8Array(word);
    new DataView(pushed.buffer).setUint32(0, CODE_ADDRESS + 5, true);
    const window = initialWindow(0, []);
    for (const { offset, bytes } of result.changes) window.set(bytes, offset);
    expect(window.slice(0x801 - word, 0x801)).toEqual(pushed);
  });

  it('PADDB xmm0, xmm1 wraps each byte', async () => {
    const fxsave = resetFxsave();
    fxsave.fill(0xf0, 160, 176).fill(0x11, 176, 192);
    const result = await run(bits, { code: [0x66, 0x0f, 0xfc, 0xc1], fxsave });
    expect(result.fxsave.slice(160, 176)).toEqual(new Uint8Array(16).fill(0x01));
    expect(result.fxsave.slice(176, 192)).toEqual(new Uint8Array(16).fill(0x11));
  });

  it('DIVSS by zero raises MXCSR.ZE, and #XM when it is not masked', async () => {
    const fxsave = resetFxsave();
    new DataView(fxsave.buffer).setFloat32(160, 1, true);
    const code = [0xf3, 0x0f, 0x5e, 0xc1];
    const masked = await run(bits, { code, fxsave });
    const view = new DataView(masked.fxsave.buffer);
    expect(view.getFloat32(160, true)).toBe(Number.POSITIVE_INFINITY);
    expect(view.getUint32(24, true)).toBe(0x1f84);
    const unmasked = fxsave.slice();
    new DataView(unmasked.buffer).setUint32(24, 0x1d80, true);
    expect(await run(bits, { code, fxsave: unmasked })).toMatchObject({ signal: 8, vector: 19 });
  });

  it('FADD st0, st1 adds 80-bit values and keeps TOP and the tags', async () => {
    const fxsave = resetFxsave();
    const view = new DataView(fxsave.buffer);
    view.setUint16(2, 5 << 11, true);
    view.setUint8(4, 0b0110_0000); // physical registers 5 and 6: st0 and st1
    view.setBigUint64(32, 0xc000_0000_0000_0000n, true); // 1.5
    view.setUint16(40, 0x3fff, true);
    view.setBigUint64(48, 0x8000_0000_0000_0001n, true); // 1 + 2⁻⁶³
    view.setUint16(56, 0x3fff, true);
    const result = await run(bits, { code: [0xd8, 0xc1], fxsave });
    const after = new DataView(result.fxsave.buffer);
    // 2.5 + 2⁻⁶³ needs 65 bits: a tie, rounded to even, downwards: PE and C1 = 0.
    expect(after.getBigUint64(32, true)).toBe(0xa000_0000_0000_0000n);
    expect(after.getUint16(40, true)).toBe(0x4000);
    expect(after.getUint16(2, true)).toBe((5 << 11) | 0x20);
    expect(after.getUint8(4)).toBe(0b0110_0000);
  });

  it('an x87 stack underflow with the exception unmasked waits for the next FPU instruction', async () => {
    const fxsave = resetFxsave();
    new DataView(fxsave.buffer).setUint16(0, 0x37e, true);
    const alone = await run(bits, { code: [0xd8, 0xc1], fxsave });
    expect(alone.outcome).toBe('completed');
    expect(new DataView(alone.fxsave.buffer).getUint16(2, true)).toBe(0x80c1); // B ES SF IE
    const followed = await run(bits, { code: [0xd8, 0xc1, 0x9b], fxsave });
    expect(followed).toMatchObject({ signal: 8, vector: 16, rip: CODE_ADDRESS + 2 });
  });

  it('a misaligned load with AC set is #AC', async () => {
    const registers = { rbx: WINDOW_ADDRESS + 1 };
    const result = await run(bits, { code: [0x8b, 0x03], registers, rflags: 0x4_0202 });
    expect(result).toMatchObject({ signal: 7, vector: 17, errorCode: 0 });
  });

  it('UD2, INT3, ICEBP and HLT give vectors 6, 3, 1 and 13', async () => {
    const vectors: number[] = [];
    for (const code of [[0x0f, 0x0b], [0xcc], [0xf1], [0xf4]]) {
      vectors.push((await run(bits, { code })).vector);
    }
    expect(vectors).toEqual([6, 3, 1, 13]);
  });

  it('an endless loop ends with the outcome timeout and the oracle goes on', async () => {
    expect((await run(bits, { code: [0xeb, 0xfe] })).outcome).toBe('timeout');
    expect((await run(bits, { code: [0x90] })).outcome).toBe('completed');
  });

  it('code that clobbers every register, with rsp at nonsense, still reports', async () => {
    const code = [0x31, 0xe4, 0x31, 0xed, 0x31, 0xdb, 0x31, 0xff, 0x31, 0xf6, 0x31, 0xc0];
    const result = await run(bits, { code, registers: { rsp: 0xdead_beef, rbp: 3, rdi: 4 } });
    expect(result.outcome).toBe('completed');
    expect([0, 3, 4, 5, 6, 7].map((i) => gprOf(result.gpr, i))).toEqual([0n, 0n, 0n, 0n, 0n, 0n]);
  });

  it('a case that ends the harness is reported as killed and the others are not lost', async () => {
    // exit_group(0) as a sequence: the driver only vets a case's first instruction.
    const exit = bits === 64 ? [0x90, 0x0f, 0x05] : [0x90, 0xcd, 0x80];
    const fine = nativeCase({ code: [0x90] });
    const bad = nativeCase({ code: exit, registers: { rax: bits === 64 ? 231 : 252 } });
    const results = await oracles[bits].run([fine, fine, bad, fine]);
    const outcomes = results.map((result) => result.outcome);
    expect(outcomes).toEqual(['completed', 'completed', 'killed', 'completed']);
  });
});

describeOnHost('judges', [32, 64], 'flags in the %i-bit native oracle', (bits) => {
  it('PUSHF shows NT, AC, ID and the status flags the case asked for', async () => {
    const rflags = 0x24_4cd7;
    const result = await run(bits, { code: [0x9c], rflags });
    const word = bits / 8;
    const window = initialWindow(0, []);
    for (const { offset, bytes } of result.changes) window.set(bytes, offset);
    const image = new DataView(window.buffer).getUint32(0x1000 - word, true);
    expect(image & 0x24_4cd7).toBe(rflags);
    expect(result.rflags & 0x24_4cd7).toBe(rflags);
    const clean = await run(bits, { code: [0x90], rflags: 0x202 });
    expect(clean.rflags & 0x24_4cd7).toBe(2);
  });
});

describe('the driver', () => {
  it('runs no instruction that would enter the kernel', async () => {
    await expect(run(64, { code: [0x0f, 0x05] })).rejects.toThrow('SYSCALL is a system call');
  });
});

describeOnHost('runs', [32], '%i-bit only', () => {
  it('AAA adjusts 0Bh to 0101h', async () => {
    const result = await run(32, { code: [0x37], registers: { rax: 0x0b } });
    expect(gprOf(result.gpr, 0)).toBe(0x101n);
    expect(result.rflags & (CF | AF)).toBe(CF | AF);
  });

  it('BOUND outside its bounds is vector 5', async () => {
    const bytes = Uint8Array.of(1, 0, 0, 0, 9, 0, 0, 0);
    const at = { code: [0x62, 0x03], patches: [{ offset: 0, bytes }] };
    const inside = await run(32, { ...at, registers: { rax: 9, rbx: WINDOW_ADDRESS } });
    const outside = await run(32, { ...at, registers: { rax: 10, rbx: WINDOW_ADDRESS } });
    expect(inside.outcome).toBe('completed');
    expect(outside).toMatchObject({ vector: 5, signal: 11 });
  });

  it('PUSHA pushes eight registers with the old stack pointer', async () => {
    const registers = {
      rax: 1,
      rcx: 2,
      rdx: 3,
      rbx: 4,
      rsp: WINDOW_ADDRESS + 64,
      rbp: 5,
      rsi: 6,
      rdi: 7,
    };
    const result = await run(32, { code: [0x60], registers });
    const window = initialWindow(0, []);
    for (const { offset, bytes } of result.changes) window.set(bytes, offset);
    const pushed = Array.from(new Uint32Array(window.buffer, 32, 8));
    expect(pushed).toEqual([7, 6, 5, WINDOW_ADDRESS + 64, 4, 3, 2, 1]);
  });

  it('runs 16-bit code under LDT segments, with addresses that wrap at 64 KiB', async () => {
    const base = WINDOW_ADDRESS - 0x4000;
    oracles[32].setDescriptor(0, {
      base: CODE_ADDRESS - 0x1000,
      limit: 0xffff,
      code: true,
      big: false,
    });
    oracles[32].setDescriptor(1, { base, limit: 0xffff, code: false, big: false });
    const segments = {
      cs: ldtSelector(0),
      ss: ldtSelector(1),
      ds: ldtSelector(1),
      es: ldtSelector(1),
    };
    const result = await run(32, {
      code: [0xff, 0x30], // push word [bx+si]
      rip: 0x1000,
      segments,
      registers: { rbx: 0xffff_c000, rsi: 0x8010, rsp: 0x7777_4800 },
      patches: [{ offset: 0x10, bytes: Uint8Array.of(0xcd, 0xab) }],
    });
    expect(result).toMatchObject({ outcome: 'completed', rip: 0x1002 });
    expect(result.changes).toEqual([{ offset: 0x7fe, bytes: Uint8Array.of(0xcd, 0xab) }]);
    expect(gprOf(result.gpr, 4)).toBe(0x7777_47fen);
  });

  it('an access beyond a segment limit is #GP(0), a null selector too', async () => {
    oracles[32].setDescriptor(2, { base: WINDOW_ADDRESS, limit: 0xff, code: false, big: true });
    const code = [0x8b, 0x03];
    const inside = await run(32, {
      code,
      segments: { ds: ldtSelector(2) },
      registers: { rbx: 0xfc },
    });
    const beyond = await run(32, {
      code,
      segments: { ds: ldtSelector(2) },
      registers: { rbx: 0xfd },
    });
    const none = await run(32, { code, segments: { ds: 0 }, registers: { rbx: WINDOW_ADDRESS } });
    expect(inside.outcome).toBe('completed');
    expect(beyond).toMatchObject({ vector: 13, errorCode: 0 });
    expect(none).toMatchObject({ vector: 13, errorCode: 0 });
  });
});

describeOnHost('runs', [64], '%i-bit only', () => {
  it("a 32-bit result clears the upper half, and r8–r15 are the case's", async () => {
    const registers = { rax: -1n, r9: -2n, r15: 0x1234_5678_9abc_def0n };
    const result = await run(64, { code: [0x44, 0x89, 0xc8], registers }); // mov eax, r9d
    expect(gprOf(result.gpr, 0)).toBe(0xffff_fffen);
    expect(gprOf(result.gpr, 15)).toBe(0x1234_5678_9abc_def0n);
  });

  it('fs:[…] goes through the base the case gives', async () => {
    const result = await run(64, {
      code: [0x64, 0x8b, 0x03], // mov eax, fs:[rbx]
      registers: { rbx: 0x10 },
      bases: { fs: WINDOW_ADDRESS + 0x100, gs: 0 },
      patches: [{ offset: 0x110, bytes: Uint8Array.of(1, 2, 3, 4) }],
    });
    expect(gprOf(result.gpr, 0)).toBe(0x0403_0201n);
    expect(result.fsBase).toBe(WINDOW_ADDRESS + 0x100);
  });

  it('a non-canonical address is #GP(0), an unmapped high one #PF', async () => {
    const code = [0x8b, 0x03];
    const bad = await run(64, { code, registers: { rbx: 0x1234_0000_0000_0000n } });
    expect(bad).toMatchObject({ vector: 13, errorCode: 0 });
    const high = await run(64, { code, registers: { rbx: 0xffff_ffff_0000_0000n } });
    expect(high).toMatchObject({ vector: 14, faultAddress: -0x1_0000_0000 });
  });
});
