// What one unprivileged domain may have of the store. Numbers as xenstored's defaults; a limit of n allows n.

export interface StoreLimits {
  /** Nodes it owns. */
  readonly nodes: number;
  /** Size of a node it writes: value, list of children, permissions and a record. */
  readonly nodeBytes: number;
  readonly permissionsPerNode: number;
  readonly watches: number;
  /** Transactions at a time. */
  readonly transactions: number;
  /** Nodes that one transaction reads and writes. */
  readonly transactionNodes: number;
  /** Answers that wait for room in its ring; no request is read while there are as many. */
  readonly waitingAnswers: number;
  /** Its nodes, watches, transactions and what waits for it, together. Watch events beyond it are lost. */
  readonly bytes: number;
}

export const defaultStoreLimits: StoreLimits = Object.freeze({
  nodes: 1000,
  nodeBytes: 2047,
  permissionsPerNode: 5,
  watches: 128,
  transactions: 10,
  transactionNodes: 1024,
  waitingAnswers: 20,
  bytes: 2560 * 1024,
});
