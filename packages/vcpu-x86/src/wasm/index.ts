// WebAssembly's encoding alone, for whoever has a loop to compile: nothing of the CPU.
export { FunctionWriter } from './encoder.js';
export { ModuleWriter } from './module.js';
export { I32, OP, PURE, SIMD } from './opcodes.js';
