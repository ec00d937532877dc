// The modules that run in this process, and how much of each V8 has optimised by now: what is kept of it grows while guests run.
import type { NativeCode } from './native-code.js';

/** A module of which more is optimised than what is kept. */
export interface GrownModule {
  /** Of its WebAssembly. */
  readonly hash: string;
  /** Functions that are optimised now, and that are in what is kept. */
  readonly functions: number;
  readonly keptFunctions: number;
  /** Its machine code, which counts as kept from now on. */
  take(): Uint8Array;
}

interface Running {
  readonly hash: string;
  keptFunctions: number;
  /** Of an instance: all of them share their code. */
  exports: WeakRef<WebAssembly.Exports> | null;
}

/** Keeps no module alive. */
export class RunningModules {
  readonly #native: NativeCode;
  readonly #byModule = new WeakMap<WebAssembly.Module, Running>();
  readonly #modules = new Set<WeakRef<WebAssembly.Module>>();

  constructor(native: NativeCode) {
    this.#native = native;
  }

  /** @param keptFunctions how many of its functions came optimised */
  add(module: WebAssembly.Module, hash: string, keptFunctions: number): void {
    this.#byModule.set(module, { hash, keptFunctions, exports: null });
    this.#modules.add(new WeakRef(module));
  }
  /** It has an instance. */
  ran(module: WebAssembly.Module, exports: WebAssembly.Exports): void {
    const running = this.#byModule.get(module);
    if (running) running.exports = new WeakRef(exports);
  }

  /** Those of which more is optimised than is kept. */
  grown(): GrownModule[] {
    const native = this.#native;
    return [...this.#modules].flatMap((reference) => {
      const module = reference.deref();
      const running = module && this.#byModule.get(module);
      if (!module || !running) this.#modules.delete(reference);
      const exports = running?.exports?.deref();
      if (!module || !running || !exports) return [];
      const functions = native.optimisedIn(exports);
      const { hash, keptFunctions } = running;
      const take = (): Uint8Array => {
        running.keptFunctions = functions;
        return native.of(module);
      };
      return functions > keptFunctions ? [{ hash, functions, keptFunctions, take }] : [];
    });
  }
}
