// The string comparisons of SSE4.2 (SDM vol. 1 §12.11.2), by routines of the same name (routines/sse-string.ts).
import { setArithmeticFlags } from '../ir/flags.js';
import { SCRATCH, XMM } from '../state/layout.js';
import { RAX, RCX, RDX, type Semantics } from './operands.js';
import { guarded, routineOperand } from './simd-operands.js';

const compare = (result: 'index' | 'mask', length: 'explicit' | 'implicit'): Semantics =>
  guarded((b, x) => {
    const second = routineOperand(b, x, 1);
    const first = routineOperand(b, x, 0);
    if (length === 'explicit') {
      const bits = x.operandBits;
      b.set(SCRATCH + 16, 64, b.extendS(x.getRegister(RAX, bits)));
      b.set(SCRATCH + 24, 64, b.extendS(x.getRegister(RDX, bits)));
    }
    const image = b.call(x.mnemonic, first, second, x.read(2));
    if (result === 'index') x.setRegister(RCX, 32, b.get(SCRATCH, 32));
    else b.set(XMM, 128, b.get(SCRATCH, 128));
    setArithmeticFlags(b, image);
  });

export const sseStringSemantics = {
  PCMPESTRI: compare('index', 'explicit'),
  PCMPESTRM: compare('mask', 'explicit'),
  PCMPISTRI: compare('index', 'implicit'),
  PCMPISTRM: compare('mask', 'implicit'),
} as const satisfies Record<string, Semantics>;
