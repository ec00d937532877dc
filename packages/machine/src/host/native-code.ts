// Compiled WebAssembly as V8 itself keeps it: machine code of the functions that it optimised. A process that is given that need not compile
// them; the others it compiles when they are called, as ever.
//
// Node has no call for it. V8 has, among the functions that its tests use, which `--allow-natives-syntax` makes callable: the command sets
// that. Such a function ends the process where another would throw, so they are used with the versions they were tried with only, and
// never for a module of which nothing is optimised, which V8 cannot serialize.

export interface NativeCode {
  /** Whose code it is: that of another one is of no use. */
  readonly maker: string;
  /** How many of an instance's functions are optimised. */
  optimisedIn(exports: WebAssembly.Exports): number;
  /** The code of a module's optimised functions; there must be one. */
  of(module: WebAssembly.Module): Uint8Array;
  /**
   * The module.
   * @param code what `of` gave, alone in its buffer; @param bytes the WebAssembly that the module was compiled from
   * @returns null: V8 takes no code of that version, or for a CPU with other features
   */
  module(code: Uint8Array<ArrayBuffer>, bytes: Uint8Array): WebAssembly.Module | null;
}

/** V8's versions that this was tried with: those of Node 20, 22 and 24. */
const TRIED: readonly string[] = ['11.3.', '12.4.', '13.6.'];

type Native = (...values: readonly unknown[]) => unknown;

/** @throws SyntaxError where V8 has no such function, or does not let programs call it */
const native = (name: string, ...parameters: readonly string[]): Native =>
  new Function(...parameters, `return %${name}(${parameters.join()})`) as Native;

/** Null: this Node cannot, or may not. */
export function nativeCode(): NativeCode | null {
  const { arch, versions } = process;
  if (!TRIED.some((version) => versions.v8.startsWith(version))) return null;
  try {
    const isOptimised = native('IsTurboFanFunction', 'f');
    const serialize = native('SerializeWasmModule', 'module');
    const deserialize = native('DeserializeWasmModule', 'code', 'bytes');
    const isTrapping = native('IsWasmTrapHandlerEnabled');
    return {
      // Code for a process that handles traps has no checks for one that does not.
      maker: `${versions.v8} ${arch} ${isTrapping() ? 'trapping' : 'checking'}`,
      optimisedIn: (exports) =>
        Object.values(exports).filter((e) => typeof e === 'function' && isOptimised(e)).length,
      of: (module) => new Uint8Array(serialize(module) as ArrayBuffer),
      module: (code, bytes) =>
        (deserialize(code.buffer, bytes) as WebAssembly.Module | undefined) ?? null,
    };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
