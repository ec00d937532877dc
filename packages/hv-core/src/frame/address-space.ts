// AddressSpace: how a vCPU's linear addresses become machine addresses, for the hypervisor's own copies to and from a guest.
// Page tables are walked in page-walk.ts; a translated guest without paging uses its P2M; a CPU may supply its own.

/** Translations of one vCPU at this moment. */
export interface AddressSpace {
  /**
   * The machine address behind linear `address` (signed canonical), valid to the end of its page, or -1 if the guest's kernel may
   * not read (or, with `isWrite`, write) there. Changes nothing.
   */
  translate(address: number, isWrite: boolean): number;
}
