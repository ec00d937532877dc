import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../core.js';
import {
  CPL,
  CR2,
  CS,
  DS,
  FAULT_ADDRESS,
  FLAGS_OTHER,
  IDTR_LIMIT,
  SS,
  TR,
} from '../state/layout.js';
import { deliverEvent } from './deliver-event.js';
import { setRealSegment } from './real-segment.js';
import {
  CODE0,
  CODE3,
  CODE64,
  CODE64_USER,
  DATA0,
  DATA3,
  FREE,
  IDT,
  SystemMachine,
  TSS,
} from './system-machine.contract.js';

describe('events in real mode', () => {
  it('push FLAGS, CS and IP, and IRET pops them', () => {
    const m = new SystemMachine();
    const { state } = m;
    m.ram.setUint16(0x21 * 4, 0x200, true);
    m.ram.setUint16(0x21 * 4 + 2, 0x300, true);
    m.program(0x7000, 'int 0x21', 16);
    m.program(0x3200, 'iret', 16);
    m.core.state.rflags = 0x302;
    state.setGpr32(4, 0x1000);
    state.rip = 0x7000;
    // Reset leaves CS at F000h with its base at the top of memory.
    setRealSegment(m.core, CS, 0);
    m.core.updateMode();
    expect(m.step()).toBeNull();
    expect([state.selector(CS), state.rip]).toEqual([0x300, 0x200]);
    expect(state.get(FLAGS_OTHER) & (FLAG_IF | FLAG_TF)).toBe(0);
    expect(m.ram.getUint16(0xffa, true)).toBe(0x7002);
    expect(m.ram.getUint16(0xffe, true)).toBe(0x302);
    expect(m.step()).toBeNull();
    expect([state.selector(CS), state.rip, state.gpr32(4)]).toEqual([0, 0x7002, 0x1000]);
    expect(state.rflags).toBe(0x302);
  });
});

describe('events in 32-bit protected mode', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
  });

  it('stay on the stack at the same level and push RF for faults', () => {
    m.vector(13, CODE0, 0x4000);
    m.state.rip = 0x7000;
    m.state.rflags = 0x202;
    m.deliver(13, 0x50);
    expect(m.stack32(4)).toEqual([0x50, 0x7000, CODE0, 0x202 | FLAG_RF]);
    expect(m.state.rip).toBe(0x4000);
    expect(m.state.rflags).toBe(2);
  });
  it('leave IF alone through a trap gate', () => {
    m.vector(0x80, CODE0, 0x4000, 0xef);
    m.state.rflags = 0x202;
    expect(m.execute('int 0x80')).toBeNull();
    expect(m.state.rflags).toBe(0x202);
    expect(m.stack32(3)).toEqual([0x7002, CODE0, 0x202]);
  });
  it('switch to the stack of the TSS from level 3, and IRET returns there', () => {
    m.vector(0x80, CODE0, 0x4000, 0xee);
    m.program(0x4000, 'iret', 32);
    m.level(3);
    expect(m.execute('int 0x80')).toBeNull();
    expect(m.state.cpl).toBe(0);
    expect(m.state.selector(SS)).toBe(DATA0);
    expect(m.state.gpr32(4)).toBe(0x9000 - 20);
    expect(m.stack32(5)).toEqual([0x7002, CODE3, 2, 0x8000, DATA3]);
    expect(m.state.selector(DS)).toBe(DATA3);
    expect(m.step()).toBeNull();
    expect(m.state.cpl).toBe(3);
    expect([m.state.rip, m.state.gpr32(4)]).toEqual([0x7002, 0x8000]);
  });
  it('nullify segments of level 0 when IRET goes out', () => {
    m.vector(0x80, CODE0, 0x4000, 0xee);
    m.program(0x4000, 'mov ds, ax\niret', 32);
    m.level(3);
    m.state.setGpr32(0, DATA0);
    expect(m.execute('int 0x80')).toBeNull();
    m.run(2);
    expect(m.state.cpl).toBe(3);
    expect(m.state.selector(DS)).toBe(0);
    expect(m.state.segmentAttributes(DS)).toBe(0);
  });
  it('refuse INT n through a gate of level 0 with the vector in the error code', () => {
    m.vector(0x80, CODE0, 0x4000, 0x8e);
    m.level(3);
    expect(m.execute('int 0x80')).toEqual([13, 0x80 * 8 + 2]);
    m.vector(0x80, CODE0, 0x4000, 0x6e);
    expect(m.execute('int 0x80')).toEqual([11, 0x80 * 8 + 2]);
    m.state.set(IDTR_LIMIT, 0x80 * 8 + 6);
    expect(m.execute('int 0x80')).toEqual([13, 0x80 * 8 + 2]);
  });
  it('set EXT when the processor itself met the fault', () => {
    m.vector(13, CODE0, 0x4000);
    m.vector(0x20, FREE, 0x4000);
    m.state.rip = 0x7000;
    expect(deliverEvent(m.core, 0x20, -1, 'interrupt')).toBe(true);
    expect(m.stack32(2)).toEqual([FREE | 1, 0x7000]);
  });
  it('become #DF after a second contributory fault, with error code 0', () => {
    m.vector(8, CODE0, 0x4800);
    m.vector(11, FREE, 0x4000);
    m.state.rip = 0x7000;
    m.deliver(11, 0x18);
    expect(m.state.rip).toBe(0x4800);
    expect(m.stack32(2)).toEqual([0, 0x7000]);
  });
  it('handle a benign fault first and a contributory one after it serially', () => {
    m.vector(13, CODE0, 0x4000);
    m.vector(6, FREE, 0x4000);
    m.state.rip = 0x7000;
    m.deliver(6);
    expect(m.state.rip).toBe(0x4000);
    expect(m.stack32(2)).toEqual([FREE | 1, 0x7000]);
  });
  it('shut the CPU down when the double fault fails', () => {
    m.state.rip = 0x7000;
    m.deliver(13, 0);
    expect(m.isShutdown).toBe(true);
    expect(m.state.gpr32(4)).toBe(0x8000);
    expect(m.state.rip).toBe(0x7000);
  });
  it('set CR2 for page faults, and change nothing when the stack itself is absent', () => {
    m.page32();
    m.vector(14, CODE0, 0x4000);
    m.vector(8, CODE0, 0x4800);
    m.ram.setUint32(0x11000 + 0x50 * 4, 0, true);
    m.state.rip = 0x7000;
    expect(m.execute('mov eax, [0x50123]')).toEqual([14, 0]);
    m.deliver(14, 0);
    expect(m.state.getU(CR2)).toBe(0x50123);
    expect(m.state.rip).toBe(0x4000);
    m.state.setGpr32(4, 0x50800);
    m.state.rip = 0x7000;
    m.state.setF64(FAULT_ADDRESS, 0x60000);
    m.deliver(14, 2);
    // Both the page fault and the double fault want the absent stack.
    expect(m.isShutdown).toBe(true);
    expect(m.state.gpr32(4)).toBe(0x50800);
  });
  it('write through a stack page that ends in the middle of the frame', () => {
    m.page32();
    m.vector(0x80, CODE0, 0x4000);
    m.state.setGpr32(4, 0x51004);
    m.ram.setUint32(0x11000 + 0x50 * 4, 0x60007, true);
    expect(m.execute('int 0x80')).toBeNull();
    expect(m.ram.getUint32(0x51000, true)).toBe(2);
    expect(m.ram.getUint32(0x60ffc, true)).toBe(CODE0);
    expect(m.ram.getUint32(0x60ff8, true)).toBe(0x7002);
  });
  it('use 16-bit frames through a 286 gate', () => {
    m.vector(0x80, CODE0, 0x4000, 0x86);
    expect(m.execute('int 0x80')).toBeNull();
    expect(m.state.gpr32(4)).toBe(0x8000 - 6);
    expect(m.ram.getUint16(0x8000 - 6, true)).toBe(0x7002);
  });
  it('report a bad stack in the TSS as #TS, an absent one as #SS', () => {
    m.vector(0x80, CODE0, 0x4000, 0xee);
    m.level(3);
    m.ram.setUint16(TSS + 8, DATA3, true);
    expect(m.execute('int 0x80')).toEqual([10, DATA3 & ~3]);
    m.ram.setUint16(TSS + 8, 0, true);
    expect(m.execute('int 0x80')).toEqual([10, 0]);
    m.segment(FREE, 0, 0xfffff, 0x13, 0xc);
    m.ram.setUint16(TSS + 8, FREE, true);
    expect(m.execute('int 0x80')).toEqual([12, FREE]);
  });
});

describe('virtual-8086 mode', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.protect();
    const frame = [0x100, 0x700, FLAG_VM | 0x3202, 0x800, 0x900, 0xa00, 0xb00, 0xc00, 0xd00];
    frame.forEach((v, i) => {
      m.ram.setUint32(0x8000 + i * 4, v, true);
    });
    expect(m.execute('iret')).toBeNull();
  });
  it('is entered by IRETD with VM set', () => {
    const { state } = m;
    expect([state.rip, state.selector(CS), state.segmentBase(CS)]).toEqual([0x100, 0x700, 0x7000]);
    expect([state.gpr32(4), state.selector(SS), state.selector(DS)]).toEqual([0x800, 0x900, 0xb00]);
    expect(state.cpl).toBe(3);
    expect(state.segmentLimit(DS)).toBe(0xffff);
  });
  it('is left through an interrupt gate with all segments on the stack of level 0', () => {
    const { state } = m;
    m.vector(0x20, CODE0, 0x4000);
    m.program(0x4000, 'iret', 32);
    expect(deliverEvent(m.core, 0x20, -1, 'interrupt')).toBe(true);
    expect(m.stack32(9)).toEqual([
      0x100,
      0x700,
      FLAG_VM | 0x3202,
      0x800,
      0x900,
      0xa00,
      0xb00,
      0xc00,
      0xd00,
    ]);
    expect(state.cpl).toBe(0);
    expect(state.get(FLAGS_OTHER) & (FLAG_VM | FLAG_NT)).toBe(0);
    expect(state.selector(DS)).toBe(0);
    expect(m.step()).toBeNull();
    expect([state.rip, state.selector(CS), state.selector(DS)]).toEqual([0x100, 0x700, 0xb00]);
    expect(state.get(FLAGS_OTHER) & FLAG_VM).toBe(FLAG_VM);
  });
  it('needs IOPL 3 for INT n, CLI, PUSHF and IRET', () => {
    const { state } = m;
    state.set(FLAGS_OTHER, state.get(FLAGS_OTHER) & ~0x3000);
    for (const text of ['int 0x21', 'cli', 'sti', 'pushf', 'popf', 'iret'])
      expect([text, m.execute(text)]).toEqual([text, [13, 0]]);
    expect(m.execute('lar ax, ax')).toEqual([6, -1]);
    expect(m.execute('hlt')).toEqual([13, 0]);
  });
  it('loads segments as real mode does', () => {
    m.state.setGpr32(0, 0x4321);
    expect(m.execute('mov es, ax')).toBeNull();
    expect(m.state.segmentBase(0)).toBe(0x43210);
  });
});

describe('events in long mode', () => {
  let m: SystemMachine;
  beforeEach(() => {
    m = new SystemMachine();
    m.enterLong();
  });
  it('align the stack to 16 bytes and push SS:RSP at the same level too', () => {
    m.vector64(0x80, CODE64, 0x4000);
    m.program(0x4000, 'iretq', 64);
    m.state.setGpr64(4, 0x8008);
    expect(m.execute('int 0x80')).toBeNull();
    expect(m.state.gpr64(4)).toBe(0x8000 - 40);
    expect(m.stack64(5)).toEqual([0x7002, CODE64, 2, 0x8008, DATA0]);
    expect(m.step()).toBeNull();
    expect([m.state.rip, m.state.gpr64(4)]).toEqual([0x7002, 0x8008]);
  });
  it('take the stack of the interrupt stack table', () => {
    m.vector64(14, CODE64, 0x4000, 0x8e, 2);
    m.ram.setUint32(TSS + 36 + 8, 0xa008, true);
    m.state.rip = 0x7000;
    m.deliver(14, 2);
    expect(m.state.gpr64(4)).toBe(0xa000 - 48);
    expect(m.stack64(2)).toEqual([2, 0x7000]);
  });
  it('load a null SS of the new level when coming from level 3, and IRETQ goes back', () => {
    const { state } = m;
    m.vector64(0x80, CODE64, 0x4000, 0xee);
    m.program(0x4000, 'iretq', 64);
    m.ram.setUint32(TSS + 4, 0x9000, true);
    m.ram.setUint32(TSS + 8, 0, true);
    [0x7000, CODE64_USER, 0x202, 0x6000, DATA3].forEach((v, i) => {
      m.ram.setUint32(0x8000 + i * 8, v, true);
      m.ram.setUint32(0x8004 + i * 8, 0, true);
    });
    state.setGpr64(4, 0x8000);
    m.program(0x7100, 'iretq', 64);
    state.rip = 0x7100;
    expect(m.step()).toBeNull();
    expect([state.cpl, state.rip, state.gpr64(4)]).toEqual([3, 0x7000, 0x6000]);
    m.program(0x7000, 'int 0x80', 64);
    expect(m.step()).toBeNull();
    expect([state.cpl, state.selector(SS), state.segmentAttributes(SS)]).toEqual([0, 0, 0]);
    expect(m.stack64(5)).toEqual([0x7002, CODE64_USER, 0x202, 0x6000, DATA3]);
    expect(m.step()).toBeNull();
    expect([state.cpl, state.rip, state.selector(SS)]).toEqual([3, 0x7002, DATA3]);
  });
  it('return to 32-bit code of level 3', () => {
    const { state } = m;
    [0x7000, CODE3, 0x202, 0x6000, DATA3].forEach((v, i) => {
      m.ram.setUint32(0x8000 + i * 8, v, true);
      m.ram.setUint32(0x8004 + i * 8, 0, true);
    });
    state.setGpr64(4, 0x8000);
    expect(m.execute('iretq')).toBeNull();
    expect([state.cpl, state.rip, state.selector(CS)]).toEqual([3, 0x7000, CODE3]);
    expect(m.core.mode64).toBe(false);
  });
  it('refuse 32-bit code as a handler and gates that are no 64-bit ones', () => {
    m.vector64(0x80, CODE0, 0x4000);
    expect(m.execute('int 0x80')).toEqual([13, CODE0]);
    m.vector64(0x80, CODE64, 0x4000, 0x86);
    expect(m.execute('int 0x80')).toEqual([13, 0x80 * 8 + 2]);
    m.ram.setUint32(IDT + 0x80 * 16 + 8, 0x8000, true);
    m.vector64(0x80, CODE64, 0x4000);
    m.ram.setUint32(IDT + 0x80 * 16 + 8, 0x8000, true);
    expect(m.execute('int 0x80')).toEqual([13, 0]);
  });
  it('fault on NT at IRET', () => {
    m.state.set(FLAGS_OTHER, m.state.get(FLAGS_OTHER) | FLAG_NT);
    expect(m.execute('iretq')).toEqual([13, 0]);
  });
  it('keep TR and CPL consistent after a shutdown', () => {
    m.state.set(IDTR_LIMIT, 0);
    m.deliver(6);
    expect(m.isShutdown).toBe(true);
    expect(m.state.get(CPL)).toBe(0);
    expect(m.state.segmentBase(TR)).toBe(TSS);
  });
});
