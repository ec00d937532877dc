// Modules that the build has made ready, compiled once for all machines of the process.
import type { Mode } from '../semantics/shape.js';
import type { ModuleMaker } from '../wasm/module-maker.js';
import { bytesOfText } from './code-text.js';
import type { FormFacts } from './handler.js';
import { modeName, type PreparedMode } from './prepare.js';
import { preparedCode } from './prepared-code.js';

/** What is ready for one mode. */
export class Prepared {
  /** The module, and the facts of the forms that it handles inline, in order. */
  readonly interpreter: WebAssembly.Module;
  readonly inline: readonly FormFacts[];
  /** Facts of other forms by key, and the names of their handlers in the module. */
  readonly forms: ReadonlyMap<number, { readonly facts: FormFacts; readonly name: string }>;
  readonly #modules: ModuleMaker;
  readonly #text: string;
  #handlers: WebAssembly.Module | null = null;

  constructor({ interpreter, inline, handlers, forms }: PreparedMode, modules: ModuleMaker) {
    this.#modules = modules;
    this.interpreter = modules.compile(bytesOfText(interpreter));
    this.inline = inline;
    this.forms = new Map(forms.map((facts, i) => [facts.key, { facts, name: String(i) }]));
    this.#text = handlers;
  }
  get handlers(): WebAssembly.Module {
    this.#handlers ??= this.#modules.compile(bytesOfText(this.#text));
    return this.#handlers;
  }
}

const known = new Map<string, Prepared>();

/** Null if nothing is. */
export function preparedOf(mode: Mode, modules: ModuleMaker): Prepared | null {
  const name = modeName(mode);
  let prepared = known.get(name);
  const source = preparedCode.modes[name];
  if (!prepared && source) {
    prepared = new Prepared(source, modules);
    known.set(name, prepared);
  }
  return prepared ?? null;
}
