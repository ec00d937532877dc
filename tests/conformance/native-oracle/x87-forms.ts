// Every encoding of the x87 tables (and FWAIT) as a form for the native oracle: rows of packages/vcpu-x86/src/isa/x87-map.ts with
// random ST(i), or memory at [rBX] drawn as the operand's type wants it.
import { x87Map } from '../../../packages/vcpu-x86/src/isa/x87-map.js';
import type { InstructionForm, MemoryReference } from './case-generator.js';

export type CodeSize = 16 | 32 | 64;

/** An x87 form, with the mnemonic and size that tell what of its result is defined. */
export interface X87Form extends InstructionForm {
  readonly mnemonic: string;
  /** Of FNSTENV, FLDENV, FNSAVE and FRSTOR: the image's format. */
  readonly operandBits: 16 | 32;
}

type Operand = Pick<MemoryReference, 'byteLength' | 'lane'>;

function operandOf(mnemonic: string, letters: string, operandBits: 16 | 32): Operand {
  const integer = mnemonic.startsWith('FI') || mnemonic.startsWith('FN') || mnemonic === 'FLDCW';
  switch (letters) {
    case 'Mw':
      return { byteLength: 2 };
    case 'Md':
      return { byteLength: 4, lane: integer ? 'int32' : 'float32' };
    case 'Mq':
      return { byteLength: 8, lane: integer ? 'int64' : 'float64' };
    case 'Mt':
      return mnemonic.startsWith('FB') ? { byteLength: 10 } : { byteLength: 10, lane: 'extended' };
  }
  const wide = operandBits === 32;
  const environment = mnemonic.endsWith('ENV');
  return { byteLength: environment ? (wide ? 28 : 14) : wide ? 108 : 94 };
}

function formsOfRow(encoding: string, template: string, sized: boolean, bits: CodeSize): X87Form[] {
  const [escapeByte, selector] = encoding.split(' ');
  const opcode = Number.parseInt(escapeByte, 16);
  const mnemonic = template.split(' ')[0];
  const sizes = sized ? ([16, 32] as const) : ([32] as const);
  return sizes.map((operandBits) => {
    const prefix = sized && (operandBits === 16) !== (bits === 16) ? [0x66] : [];
    const name = `${template} (${encoding}${sized ? `, ${operandBits}-bit image` : ''})`;
    const common = { name, mnemonic, operandBits };
    if (selector?.startsWith('/')) {
      // [rBX]: ModRM.rm 3, in 16-bit addressing 7.
      const modrm = (Number(selector[1]) << 3) | (bits === 16 ? 7 : 3);
      const letters = template.split(/[ ,]/).find((word) => word.startsWith('M')) ?? '';
      const operand = operandOf(mnemonic, letters, operandBits);
      return {
        ...common,
        encode: () => ({
          code: Uint8Array.from([...prefix, opcode, modrm]),
          fpu: 'x87' as const,
          memory: [{ base: 3, addressBits: bits, ...operand }],
        }),
      };
    }
    const modrm = selector ? [Number.parseInt(selector, 16)] : [];
    const indexed = selector?.endsWith('+i') ?? false;
    return {
      ...common,
      encode: (random) => ({
        code: Uint8Array.from([opcode, ...modrm.map((m) => (indexed ? m + random.below(8) : m))]),
        fpu: 'x87' as const,
      }),
    };
  });
}

/** All forms in code of this size. */
export function x87Forms(bits: CodeSize): X87Form[] {
  const forms = x87Map.flatMap(([encoding, template, , attributes]) =>
    formsOfRow(encoding, template, attributes.includes('size=z'), bits),
  );
  return [...forms, ...formsOfRow('9B', 'FWAIT', false, bits)];
}
