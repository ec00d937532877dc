// `proxeny disassemble`: machine code, from a file or typed as hexadecimal digits, as text.
import { DECODE_TRUNCATED, decode, formatInstruction, Instruction } from '@proxeny/vcpu-x86/asm';
import { type Command, Option } from 'commander';
import { usageError } from '../command-error.js';
import { readInputFile } from '../input-file.js';
import { parseAddress, parseCount } from '../quantity.js';

interface DisassembleOptions {
  readonly bits: '16' | '32' | '64';
  readonly origin: string;
  readonly format: 'auto' | 'hex' | 'binary';
  readonly skip: string;
  readonly length?: string;
}

const examples = `
Examples:
  echo '48 89 e5 c3' | proxeny disassemble -
  proxeny disassemble --bits 16 --origin 0x7c00 boot.bin
  proxeny disassemble --bits 32 --skip 0x1000 --length 64 kernel.bin`;

export function addDisassembleCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command('disassemble')
    .description('show machine code as text')
    .argument('<file>', 'binary code or hexadecimal digits; - is standard input')
    .addOption(
      new Option('-b, --bits <size>', 'code size').choices(['16', '32', '64']).default('64'),
    )
    .option('-o, --origin <address>', 'address of the first byte', '0')
    .addOption(
      new Option('-f, --format <format>', 'what the file holds')
        .choices(['auto', 'hex', 'binary'])
        .default('auto'),
    )
    .option('--skip <bytes>', 'begin this far into it', '0')
    .option('--length <bytes>', 'at most so many bytes')
    .addHelpText('after', examples)
    .action(async (file: string, options: DisassembleOptions) => {
      await disassembleFile(file, options);
      finish(0);
    });
}

async function disassembleFile(file: string, options: DisassembleOptions): Promise<void> {
  const origin = parseAddress(options.origin, '--origin');
  const skip = parseCount(options.skip, '--skip');
  const length =
    options.length === undefined
      ? Number.POSITIVE_INFINITY
      : parseCount(options.length, '--length');
  const input = file === '-' ? await readStandardInput() : await readInputFile(file, 'file');
  const bytes = codeBytes(input, options.format);
  if (skip >= bytes.length)
    throw usageError(`--skip ${options.skip}: there are only ${bytes.length} bytes`);
  const code = bytes.subarray(skip, skip + length);
  let text = '';
  for (const line of codeLines(code, Number(options.bits) as 16 | 32 | 64, origin)) {
    text += line;
    if (text.length < 65536) continue;
    if (!process.stdout.write(text))
      await new Promise((resolve) => process.stdout.once('drain', resolve));
    text = '';
  }
  process.stdout.write(text);
}

async function readStandardInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/**
 * The bytes that `input` means: itself, or what its hexadecimal digits say (`90 0f 05`, `0x90, 0x0f`, `\x90\x0f`).
 * @throws CommandError when it should be hexadecimal and is not
 */
export function codeBytes(input: Uint8Array, format: 'auto' | 'hex' | 'binary'): Uint8Array {
  if (format === 'binary') return input;
  const digits = hexDigits(input);
  if (digits !== null) return Buffer.from(digits, 'hex');
  if (format === 'hex')
    throw usageError(
      'that is not hexadecimal: pairs of digits, with blanks, commas or 0x between them',
    );
  return input;
}

/** null: not hexadecimal. */
function hexDigits(input: Uint8Array): string | null {
  const text = Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('latin1');
  if (!/^(?:[\da-fx\\,;\s]|0x)+$/i.test(text)) return null;
  const digits = text.replace(/0x|\\x|[,;\s]/gi, '');
  return digits.length > 0 && digits.length % 2 === 0 && /^[\da-f]+$/i.test(digits) ? digits : null;
}

/** One line an instruction: address, bytes, text. What does not decode is shown byte by byte. */
export function* codeLines(
  code: Uint8Array,
  bits: 16 | 32 | 64,
  origin: bigint,
): Generator<string> {
  const instruction = new Instruction();
  const width = origin + BigInt(code.length) > 0xffff_ffffn ? 16 : 8;
  for (let at = 0; at < code.length; ) {
    const address = BigInt.asUintN(64, origin + BigInt(at));
    const result = decode(code, at, code.length, bits, null, instruction);
    const length = Math.max(result, 1);
    const hex = Buffer.from(code.subarray(at, at + length)).toString('hex');
    const text =
      result > 0
        ? formatInstruction(instruction, bits, address)
        : `db 0x${hex}${result === DECODE_TRUNCATED ? ' ; cut off' : ''}`;
    yield `${address.toString(16).padStart(width, '0')}  ${hex.padEnd(20)}  ${text}\n`;
    at += length;
  }
}
