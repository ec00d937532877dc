// `proxeny trace`: a guest's instructions, one a line, with what each of them changed; or its blocks, as the CPU runs them.
import { Machine } from '@proxeny/machine/pc';
import {
  BlockTracer,
  EXIT_HALT,
  EXIT_SHUTDOWN,
  type Exit,
  InstructionTracer,
} from '@proxeny/vcpu-x86';
import type { Command } from 'commander';
import { EXIT_FAILURE, EXIT_GUEST_CRASH, EXIT_OK } from '../exit-code.js';
import {
  addGuestOptions,
  type GuestOptions,
  guestConfig,
  kernelArgument,
} from '../guest-options.js';
import { say } from '../messages.js';
import { parseAddress, parseCount } from '../quantity.js';

interface TraceOptions extends GuestOptions {
  readonly count: string;
  readonly skip: string;
  readonly from?: string;
  readonly blocks?: boolean;
}

/** Steps between two visits of the event loop. */
const YIELD_STEPS = 2000;

const examples = `
Examples:
  proxeny trace --builtin --count 20
  proxeny trace vmlinuz --skip 1000000 --count 50
  proxeny trace kernel.elf --from 0x101000 --count 10
  proxeny trace vmlinuz --blocks --skip 200000 --count 50

Each line: number, CS:rIP, bytes, instruction; behind the semicolon the registers that it changed, and the fault or interrupt
that was taken. With --blocks a line is a block of the cold tier or a region of the hot one, and counts as one: number, rIP, code size
and privilege, tier, instructions (a jump may leave a block before its end), bytes of code. The trace goes to stdout, the guest's serial output to stderr.`;

export function addTraceCommand(program: Command, finish: (exitCode: number) => void): void {
  const command = program
    .command('trace')
    .description('show what each instruction of a guest does');
  addGuestOptions(command)
    .argument('[kernel]', kernelArgument)
    .option('--builtin', 'the built-in guest of a PC instead')
    .option('-n, --count <number>', 'instructions to show, or blocks', '100')
    .option('--skip <number>', 'begin after so many of them', '0')
    .option('--from <address>', 'begin when rIP is this address')
    .option('--blocks', 'show blocks and compiled regions, not instructions')
    .addHelpText('after', examples)
    .action(async (kernel: string | undefined, options: TraceOptions) => {
      finish(await trace(kernel, options));
    });
}

async function trace(kernel: string | undefined, options: TraceOptions): Promise<number> {
  const count = parseCount(options.count, '--count');
  const skip = parseCount(options.skip, '--skip');
  const from = options.from === undefined ? null : parseAddress(options.from, '--from');
  const config = await guestConfig(kernel, options);
  const machine = new Machine({
    ...config,
    onSerial: (index, byte) => {
      if (index === 0) process.stderr.write(Uint8Array.of(byte));
    },
  });
  const { cpu } = machine;
  const tracer = options.blocks ? new BlockTracer(cpu) : new InstructionTracer(cpu);
  let isLost = false;
  process.stdout.on('error', () => {
    isLost = true;
  });

  let isShowing = skip === 0 && from === null;
  let shown = 0;
  for (let step = 1; shown < count && !isLost; step++) {
    machine.timers.runDue();
    isShowing ||= step > skip && (from === null || tracer.address === from);
    const line = isShowing ? tracer.step() : null;
    const exit = line === null ? skipOne(tracer, cpu) : line.exit;
    if (line !== null && line.text !== '') {
      shown++;
      const isTaken = process.stdout.write(`${String(step).padStart(8)}  ${line.text}\n`);
      if (!isTaken) await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
    const end = machine.ended;
    if (end !== null) {
      say(`the guest ended: ${end.reason}`);
      return EXIT_OK;
    }
    if (exit === EXIT_SHUTDOWN) {
      say('the guest crashed: triple fault');
      return EXIT_GUEST_CRASH;
    }
    if (exit === EXIT_HALT && !(await nextEvent(machine))) {
      say('the guest has halted for good: interrupts are off, or no timer runs');
      return shown > 0 ? EXIT_OK : EXIT_FAILURE;
    }
    if (step % YIELD_STEPS === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return EXIT_OK;
}

/** A step that is not shown. */
const skipOne = (tracer: InstructionTracer | BlockTracer, cpu: Machine['cpu']): Exit =>
  tracer instanceof BlockTracer ? tracer.step().exit : cpu.stepInstruction();

/** The CPU is halted: sleeps until a timer wakes it. False: none will. */
async function nextEvent(machine: Machine): Promise<boolean> {
  for (;;) {
    machine.timers.runDue();
    if (machine.cpu.canWake()) return true;
    const waitMs = (machine.timers.nextDeadlineNs() - machine.clock.nowNs()) / 1e6;
    if (waitMs === Number.POSITIVE_INFINITY) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(waitMs, 0), 1000)));
  }
}
