// Where WebAssembly becomes modules and instances. A host that keeps what its engine made of a module takes part there.

export interface ModuleMaker {
  /** @throws WebAssembly.CompileError */
  compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module;
  /** @throws WebAssembly.LinkError */
  instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports;
}

export const plainModules: ModuleMaker = {
  compile: (bytes) => new WebAssembly.Module(bytes),
  instantiate: (module, imports) => new WebAssembly.Instance(module, imports).exports,
};
