// Structured control flow for a graph of blocks, from its dominator tree (N. Ramsey, "Beyond Relooper", ICFP 2022): a merge point
// becomes the end of a block, a loop header a loop. Edges that no structure can express are left to the caller as exits.

/** Successors of each node; node 0 is the entry and reaches all others. */
export type Graph = readonly (readonly number[])[];

export interface Shape {
  /** Position in reverse postorder. */
  readonly order: readonly number[];
  readonly dominator: readonly number[];
  /** Children in the dominator tree that several forward edges lead to, latest first. */
  readonly merges: readonly (readonly number[])[];
  /** Some backward edge leads here from a node that this one dominates. */
  readonly isLoop: readonly boolean[];
  readonly isMerge: readonly boolean[];
  /** Is the edge backward? Then it is a loop's if {@link dominates} holds, else irreducible. */
  isBackward(from: number, to: number): boolean;
  dominates(a: number, b: number): boolean;
  /** The nodes of the loop that a node heads, with it. */
  loop(head: number): ReadonlySet<number>;
  /** The nodes on the ways from `from`, which dominates `to` and is none of them, to `to`, which is one if it lies in a loop. */
  between(from: number, to: number): ReadonlySet<number>;
}

export function structure(graph: Graph): Shape {
  const n = graph.length;
  const order = new Array<number>(n).fill(-1);
  const postorder: number[] = [];
  const visited = new Array<boolean>(n).fill(false);
  const visit = (v: number): void => {
    visited[v] = true;
    for (const s of graph[v]) if (!visited[s]) visit(s);
    postorder.push(v);
  };
  visit(0);
  const reverse = [...postorder].reverse();
  reverse.forEach((v, i) => {
    order[v] = i;
  });
  const predecessors: number[][] = graph.map(() => []);
  for (const v of reverse) for (const s of graph[v]) predecessors[s].push(v);
  // Immediate dominators (Cooper, Harvey, Kennedy 2001)
  const dominator = new Array<number>(n).fill(-1);
  dominator[0] = 0;
  const common = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (order[x] > order[y]) x = dominator[x];
      while (order[y] > order[x]) y = dominator[y];
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const v of reverse) {
      if (v === 0) continue;
      let d = -1;
      for (const p of predecessors[v]) if (dominator[p] >= 0) d = d < 0 ? p : common(d, p);
      if (d !== dominator[v]) {
        dominator[v] = d;
        changed = true;
      }
    }
  }
  // The tree's nodes numbered so that those below one follow it.
  const children: number[][] = graph.map(() => []);
  for (const v of reverse) if (v !== 0) children[dominator[v]].push(v);
  const first = new Array<number>(n).fill(0);
  const last = new Array<number>(n).fill(0);
  let count = 0;
  const number = (v: number): void => {
    first[v] = count++;
    children[v].forEach(number);
    last[v] = count - 1;
  };
  number(0);
  const dominates = (a: number, b: number): boolean => first[a] <= first[b] && first[b] <= last[a];
  const isBackward = (from: number, to: number): boolean => order[to] <= order[from];
  const isLoop = graph.map((_, v) =>
    predecessors[v].some((p) => isBackward(p, v) && dominates(v, p)),
  );
  const isMerge = graph.map((_, v) => predecessors[v].filter((p) => !isBackward(p, v)).length > 1);
  const merges: number[][] = graph.map(() => []);
  for (const v of reverse) if (v !== 0 && isMerge[v]) merges[dominator[v]].push(v);
  for (const list of merges) list.sort((a, b) => order[b] - order[a]);
  /** The nodes that lead to one of `to` without passing `from`. */
  const leading = (from: number, to: readonly number[]): Set<number> => {
    const found = new Set<number>();
    const queue = [...to];
    for (let v = queue.pop(); v !== undefined; v = queue.pop()) {
      if (v === from || found.has(v)) continue;
      found.add(v);
      queue.push(...predecessors[v]);
    }
    return found;
  };
  const between = (from: number, to: number): ReadonlySet<number> =>
    leading(from, predecessors[to]);
  const loop = (head: number): ReadonlySet<number> => {
    const ends = predecessors[head].filter((p) => isBackward(p, head) && dominates(head, p));
    return leading(head, ends).add(head);
  };
  return { order, dominator, merges, isLoop, isMerge, isBackward, dominates, loop, between };
}
