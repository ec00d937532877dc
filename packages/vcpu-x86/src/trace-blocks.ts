// Blocks and regions of a CPU as lines of text: where, in which mode and tier, and how large.
import { MODE_CLASS_MASK } from './core.js';
import type { X86Cpu } from './cpu.js';
import { faultText, type TracedStep } from './debug/instruction-tracer.js';
import { blockThatRan } from './ran-block.js';
import { BLOCK_RIP, CPL, MODE_KEY, RIP } from './state/layout.js';

/** A slice of so many instructions ends with the first block: none is cut. */
const ONE_BLOCK = 1;

export class BlockTracer {
  readonly #cpu: X86Cpu;
  /** The region that ran last left at its start: the instruction there is the cold tier's. */
  #isLeft = false;

  constructor(cpu: X86Cpu) {
    this.#cpu = cpu;
  }

  /** rIP, as an unsigned number. */
  get address(): bigint {
    return this.#unsigned(RIP);
  }

  /** Executes one block, one region, or an instruction that a region has left to the cold tier. */
  step(): TracedStep {
    const cpu = this.#cpu;
    const { state } = cpu;
    const { faults, interrupts } = cpu.counters;
    const wasHalted = cpu.isHalted;
    const isAlone = this.#isLeft;
    const modeKey = state.get(MODE_KEY);
    const cpl = state.get(CPL);
    const exit = isAlone ? cpu.stepInstruction() : cpu.run(ONE_BLOCK);
    if (wasHalted && cpu.isHalted) return { exit, text: '' };
    const wasTaken = cpu.counters.interrupts > interrupts;
    // An interrupt changes privilege and mode before the block: those of the handler are still there behind it.
    const key = wasTaken ? state.get(MODE_KEY) : modeKey;
    const size = 16 << Math.min(key & MODE_CLASS_MASK & 3, 2);
    const privilege = (wasTaken ? state.get(CPL) : cpl) === 3 ? 'user' : 'kernel';
    const at = this.#unsigned(BLOCK_RIP)
      .toString(16)
      .padStart(size / 4, '0');
    const rec = isAlone ? 0 : blockThatRan(state, key);
    const { blocks } = cpu.engine;
    const isHot = rec !== 0 && blocks.isHot(rec);
    this.#isLeft = isHot && state.get(RIP) === state.get(BLOCK_RIP);
    const executed = ONE_BLOCK - cpu.budgetLeft - (isHot ? 1 : 0);
    const what = [
      `${executed} instruction${executed === 1 ? '' : 's'}`,
      ...(isHot || rec === 0 ? [] : [`${blocks.codeBytes(rec)} bytes`]),
      ...(cpu.counters.faults > faults ? [`fault ${faultText(cpu.lastFault)}`] : []),
      ...(wasTaken ? ['interrupt taken before it'] : []),
    ];
    const tier = isHot ? 'hot ' : 'cold';
    return { exit, text: `${at}  ${size}-bit ${privilege.padEnd(6)}  ${tier}  ${what.join(', ')}` };
  }

  #unsigned(offset: number): bigint {
    const { state } = this.#cpu;
    return (BigInt(state.getU(offset + 4)) << 32n) | BigInt(state.getU(offset));
  }
}
