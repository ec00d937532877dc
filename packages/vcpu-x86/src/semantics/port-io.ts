// Port input and output (SDM vol. 1 ch. 19). The block ends after each, so that an interrupt the port raised is seen. `checkPort`
// faults on CPL > IOPL without permission in the TSS; `portRead` leaves its value in SCRATCH, since -1 is a value like any other.
import type { Builder, Value } from '../ir/builder.js';
import { SCRATCH } from '../state/layout.js';
import { RDI, RDX, RSI, type Semantics } from './operands.js';
import { advance, repeat } from './string.js';

function portRead(b: Builder, port: Value, bits: number): Value {
  b.call('portRead', port, b.i32(bits));
  return b.get(SCRATCH, 32);
}
/** Checks the permission to use a port. */
function checked(b: Builder, port: Value, bits: number): Value {
  b.call('checkPort', port, b.i32(bits));
  return port;
}

export const inPort: Semantics = (b, x) => {
  const port = checked(b, x.read(1), x.bits);
  x.result(portRead(b, port, x.bits));
  b.jump(x.next());
};
export const outPort: Semantics = (b, x) => {
  const bits = x.bitsOf(1);
  const port = checked(b, x.read(0), bits);
  b.call('portWrite', port, b.i32(bits), x.read(1));
  b.jump(x.next());
};

/** The destination is checked for writing before the port is read: a fault must not lose what the device said. */
export const ins: Semantics = (b, x) => {
  const port = checked(b, x.getRegister(RDX, 16), x.bits);
  repeat(b, x, {
    element: (step) => {
      x.modify();
      x.result(portRead(b, port, x.bits));
      advance(b, x, RDI, step);
    },
  });
  b.jump(x.next());
};
export const outs: Semantics = (b, x) => {
  const bits = x.bitsOf(1);
  const port = checked(b, x.getRegister(RDX, 16), bits);
  repeat(b, x, {
    bits,
    element: (step) => {
      b.call('portWrite', port, b.i32(bits), x.read(1));
      advance(b, x, RSI, step);
    },
  });
  b.jump(x.next());
};

export const portSemantics = {
  IN: inPort,
  OUT: outPort,
  INS: ins,
  OUTS: outs,
} as const satisfies Record<string, Semantics>;
