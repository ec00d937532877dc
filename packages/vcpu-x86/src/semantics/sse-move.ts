// Moves between XMM, MMX and general registers and memory, bit for bit (SDM vol. 1 §10.4.1, §11.4.1.1, §12.3). A scalar load from
// memory clears the rest of its register; a move between registers keeps it.
import type { Builder, Value } from '../ir/builder.js';
import { FPU_REGISTERS, XMM } from '../state/layout.js';
import { type Operands, RDI, type Semantics } from './operands.js';
import {
  checkAlignment,
  checkMmx,
  checkSse,
  enterMmx,
  guarded,
  high64,
  isMmx,
  low64,
  setMmx,
  setVector,
  vector,
  widen,
} from './simd-operands.js';

/** Whole operands: 128 bits, or 64 in MMX registers. */
const whole: Semantics = guarded((b, x) => {
  if (x.operand(0).width === 'x' || x.operand(1).width === 'x') {
    checkAlignment(b, x, 1, false);
    const v = x.read(1);
    setVector(b, x, 0, v.type === 'v128' ? v : widen(b, v));
  } else setMmx(b, x, 0, b.extendU(x.read(1)));
});
/** The low element: into a register of width x with zeros above, elsewhere alone. */
const element: Semantics = guarded((b, x) => {
  const v = x.read(1);
  x.result(x.bits === 128 ? widen(b, v) : v);
});
const isMmxRegister = (x: Operands, i: number): boolean =>
  x.operand(i).addressing === 'P' || x.operand(i).addressing === 'Q';
/** MOVD and MOVQ between vector registers and general registers or memory. */
const movd: Semantics = guarded((b, x) => {
  if (x.operand(0).addressing === 'E') {
    const file = isMmxRegister(x, 1) ? FPU_REGISTERS : XMM;
    x.result(b.get(file, x.bits, x.binding.slot('reg')));
  } else if (isMmxRegister(x, 0)) setMmx(b, x, 0, b.extendU(x.read(1)));
  else x.result(widen(b, x.read(1)));
});
const movq: Semantics = (b, x) => (isMmx(x) ? whole : element)(b, x);
const movdq2q: Semantics = guarded((b, x) => setMmx(b, x, 0, x.read(1)));

/** MOVHPS and MOVHPD: the high half, to or from memory. */
const high: Semantics = guarded((b, x) => {
  const slot = x.binding.slot('reg');
  if (x.isMemory(0)) x.result(b.get(XMM + 8, 64, slot));
  else b.set(XMM + 8, 64, x.read(1), slot);
});
const movlhps: Semantics = guarded((b, x) =>
  b.set(XMM + 8, 64, b.get(XMM, 64, x.binding.slot('rm')), x.binding.slot('reg')),
);
const movhlps: Semantics = guarded((b, x) => x.result(b.get(XMM + 8, 64, x.binding.slot('rm'))));

const repeated = (lanes: readonly number[]): Semantics =>
  guarded((b, x) => {
    const v = vector(b, x, 1);
    setVector(b, x, 0, b.pure('v128', 'i8x16.shuffle', [v, v], lanes));
  });
const movsldup = repeated([0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]);
const movshdup = repeated([4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15]);
const movddup: Semantics = guarded((b, x) =>
  setVector(b, x, 0, b.pure('v128', 'i64x2.splat', [x.read(1)])),
);

/** Sign bits of the lanes of operand 1, into a general register. */
const signs = (shape: 'i8x16' | 'i32x4' | 'i64x2'): Semantics =>
  guarded((b, x) => {
    const mask = b.pure('i32', `${shape}.bitmask`, [vector(b, x, 1)]);
    const counted = isMmx(x) ? b.andc(mask, 0xff) : mask;
    x.result(x.bits === 64 ? b.extendU(counted) : counted);
  });

/** MASKMOVDQU and MASKMOVQ: the bytes that the mask selects, to rDI. A first pass probes, so that a fault writes nothing. */
function maskedStore(b: Builder, x: Operands): void {
  const mmx = isMmx(x);
  if (mmx) checkMmx(b);
  else checkSse(b);
  const data = vector(b, x, 0);
  const bits = b.pure('i32', 'i8x16.bitmask', [vector(b, x, 1)]);
  const mask = mmx ? b.andc(bits, 0xff) : bits;
  const start = x.indexRegister(RDI);
  const access = { bits: 8, segment: x.binding.slot('segment') } as const;
  const segmented = x.shape.segmented || !x.mode.flat;
  const forSelected = (body: (linear: Value) => void, after: () => void): void => {
    const left = b.local('i32', mask);
    const at = b.local('i64', start);
    b.loop(() => {
      b.if(b.eqz(b.read(left)), () => b.leave());
      b.if(b.andc(b.read(left), 1), () => body(x.linearAt(b.read(at), access, true, segmented)));
      b.assign(left, b.shrUc(b.read(left), 1));
      const next = b.addc(b.read(at), 1);
      b.assign(
        at,
        x.addressBits === 64 ? next : b.andc(next, x.addressBits === 16 ? 0xffff : 0xffffffffn),
      );
      after();
    });
  };
  forSelected(
    (linear) => b.loadForUpdate(linear, access),
    () => {},
  );
  const rest = b.local('v128', data);
  forSelected(
    (linear) => {
      const byte = b.pure('i32', 'i8x16.extract_lane_u', [b.read(rest)], [0]);
      b.store(linear, byte, access);
    },
    () => {
      const v = b.read(rest);
      b.assign(rest, b.pure('v128', 'i8x16.shuffle', [v, v], ROTATED));
    },
  );
  if (mmx) enterMmx(b);
}
const ROTATED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0];

/** Unpacks of whole quadwords are moves of halves. */
export const halves = (which: 'low' | 'high'): Semantics =>
  guarded((b, x) => {
    const c = vector(b, x, 1);
    const a = vector(b, x, 0);
    const half = which === 'low' ? low64 : high64;
    const first = b.pure('v128', 'i64x2.splat', [half(b, a)]);
    setVector(b, x, 0, b.pure('v128', 'i64x2.replace_lane', [first, half(b, c)], [1]));
  });

export const sseMoveSemantics = {
  MOVUPS: whole,
  MOVUPD: whole,
  MOVAPS: whole,
  MOVAPD: whole,
  MOVDQA: whole,
  MOVDQU: whole,
  LDDQU: whole,
  MOVNTPS: whole,
  MOVNTPD: whole,
  MOVNTDQ: whole,
  MOVNTDQA: whole,
  MOVNTQ: whole,
  MOVSS: element,
  MOVSD: element,
  MOVD: movd,
  MOVQ: movq,
  MOVQ2DQ: element,
  MOVDQ2Q: movdq2q,
  MOVLPS: element,
  MOVLPD: element,
  MOVHPS: high,
  MOVHPD: high,
  MOVLHPS: movlhps,
  MOVHLPS: movhlps,
  MOVSLDUP: movsldup,
  MOVSHDUP: movshdup,
  MOVDDUP: movddup,
  MOVMSKPS: signs('i32x4'),
  MOVMSKPD: signs('i64x2'),
  PMOVMSKB: signs('i8x16'),
  MASKMOVDQU: maskedStore,
  MASKMOVQ: maskedStore,
} as const satisfies Record<string, Semantics>;
