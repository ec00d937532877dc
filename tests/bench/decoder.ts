// The decoder alone, over a page of ordinary compiled code's forms.
import { assemble } from '../../packages/vcpu-x86/src/asm/assembler.js';
import type { CpuModel } from '../../packages/vcpu-x86/src/cpu-model.js';
import { decode } from '../../packages/vcpu-x86/src/isa/decode.js';
import { FeatureGate } from '../../packages/vcpu-x86/src/isa/feature-gate.js';
import { Instruction } from '../../packages/vcpu-x86/src/isa/instruction.js';
import { cpuModel } from '../../packages/vcpu-x86/src/routines/cpu-models.js';
import type { Measurement } from './measurement.js';

const text = `
  push ebp
  mov ebp, esp
  sub esp, 24
  mov eax, [ebp+8]
  mov edx, [eax+ecx*4+0x1000]
  lea ecx, [edx+edx*2]
  test ecx, ecx
  je 0x300
  movzx eax, byte [edx+5]
  cmp eax, 0x7f
  ja 0x300
  shl eax, 4
  add eax, 0x12345678
  mov [ebp-12], eax
  xor edx, edx
  and eax, 0xff
  imul eax, ecx
  mov byte [esi], 10
  inc esi
  call 0x200
  mov eax, [esp+4]
  pop ebp
  ret
`;
const source = [...Array(20)].map(() => text).join('');

function decoder(bits: 32 | 64): Measurement {
  const wide = source.replace(/\be(?=[abcd]x|[sd]i|[sb]p)/g, bits === 64 ? 'r' : 'e');
  const { bytes } = assemble(wide, { bits, origin: 0 });
  const code = new Uint8Array(bytes.length + 16);
  code.set(bytes);
  const gate = new FeatureGate((cpuModel('max') as CpuModel).features as Iterable<never>);
  const out = new Instruction();
  const pass = (): number => {
    let count = 0;
    for (let at = 0; at < bytes.length; count++)
      at += decode(code, at, code.length, bits, gate, out);
    return count;
  };
  return { name: `decoder, ${bits}-bit code`, unit: 'instruction', count: pass(), call: pass };
}

export const decoders: readonly Measurement[] = [decoder(32), decoder(64)];
