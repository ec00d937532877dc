// NativeVcpu: a vCPU as native guests see it.

/** What a native CPU asks of the vCPU it is the engine of. */
export interface NativeVcpu {
  readonly id: number;
  readonly domain: { readonly id: number; readonly word: 32 | 64 };
  /** Linear memory; false: not mapped, or not writable. */
  readonly access: {
    copyFrom(address: number, target: Uint8Array): boolean;
    copyTo(address: number, source: Uint8Array): boolean;
  };
  isUpcallMasked: boolean;
}
