// IR as text: a statement a line, expressions inside; a value that is used again has a name.
import type { Access, Node, StateSlot } from '../../packages/vcpu-x86/src/ir/node.js';
import * as L from '../../packages/vcpu-x86/src/state/layout.js';

const registers = 'ax cx dx bx sp bp si di r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const segments = 'es cs ss ds fs gs'.split(' ');
const REGISTER_BYTES = 8;
const GPR_END: number = L.GPR + registers.length * REGISTER_BYTES;

/** Names of places in the state page that semantics know by offset. */
const places = new Map<number, string>(
  Object.entries(L).flatMap(([name, at]) =>
    typeof at === 'number' && at >= GPR_END && !/SIZE|STRIDE|^PENDING_/.test(name)
      ? [[at, name.toLowerCase()]]
      : [],
  ),
);

/** A program's lines. */
export function irText(program: readonly Node[]): string[] {
  return new Text(program).lines;
}

class Text {
  readonly lines: string[] = [];
  readonly #uses = new Map<Node, number>();
  readonly #names = new Map<Node, string>();

  constructor(program: readonly Node[]) {
    this.#count(program);
    this.#list(program, '');
  }

  #count(nodes: readonly Node[]): void {
    for (const n of nodes) {
      const uses = (this.#uses.get(n) ?? 0) + 1;
      this.#uses.set(n, uses);
      if (uses > 1) continue;
      if ('args' in n) this.#count(n.args as readonly Node[]);
      if (n.op === 'if') this.#count([...n.body, ...n.otherwise]);
      if (n.op === 'loop') this.#count(n.body);
    }
  }

  #list(program: readonly Node[], indent: string): void {
    for (const n of program) this.#statement(n, indent);
  }

  #statement(n: Node, indent: string): void {
    if (this.#names.has(n)) return;
    // A value that stands in the list on its own is computed here, and used later; nothing comes between if it is pure.
    if (n.op === 'const' || n.op === 'local') return;
    if (n.op === 'pure' && (this.#uses.get(n) ?? 0) <= 2) return;
    if (n.type !== 'none') {
      this.#name(n, indent);
      return;
    }
    if (n.op === 'if') {
      this.lines.push(`${indent}if ${this.#value(n.args[0], indent)}`);
      this.#list(n.body, `${indent}  `);
      if (n.otherwise.length > 0) this.lines.push(`${indent}else`);
      return this.#list(n.otherwise, `${indent}  `);
    }
    if (n.op === 'loop') {
      this.lines.push(`${indent}loop`);
      return this.#list(n.body, `${indent}  `);
    }
    const text = this.#expression(n, indent);
    this.lines.push(indent + text);
  }

  #name(n: Node, indent: string): string {
    const text = this.#expression(n, indent);
    const name = `v${this.#names.size}`;
    this.#names.set(n, name);
    this.lines.push(`${indent}${name} = ${text}`);
    return name;
  }

  #value(n: Node, indent: string): string {
    const known = this.#names.get(n);
    if (known !== undefined) return known;
    const uses = this.#uses.get(n) ?? 0;
    const isShared = uses > (n.op === 'pure' ? 2 : 1) && n.op !== 'const' && n.op !== 'local';
    return isShared ? this.#name(n, indent) : this.#expression(n, indent);
  }

  #expression(n: Node, indent: string): string {
    const args = 'args' in n ? (n.args as readonly Node[]).map((a) => this.#value(a, indent)) : [];
    const list = args.join(', ');
    switch (n.op) {
      case 'const':
        return n.type === 'i32' ? hex(BigInt.asIntN(32, n.value)) : hex(n.value);
      case 'field':
        return `field.${n.kind}[${n.at}]`;
      case 'get':
        return `${slotText(n.base, n.slot)}.${n.bits}`;
      case 'set':
        return `${slotText(n.base, n.slot)}.${n.bits} := ${list}`;
      case 'pure':
        return `${n.name}(${[list, ...n.lanes].filter((part) => part !== '').join(', ')})`;
      case 'load':
        return `load${accessText(n.access)}${n.update ? ' for update' : ''} [${list}]`;
      case 'store':
        return `store${accessText(n.access)} [${args[0]}] := ${args[1]}${n.load ? ' (checked)' : ''}`;
      case 'segment':
        return `segment${accessText(n.access)}${n.write ? ' for writing' : ''} (${list})`;
      case 'local':
        return `local${n.local.index}`;
      case 'assign':
        return `local${n.local.index} := ${list}`;
      case 'raise':
        return `way out`;
      case 'call':
      case 'transfer':
        return `${n.op} ${n.routine}(${list})`;
      case 'flags':
        return `flags ${n.kind}.${n.bits} (${list})`;
      case 'condition':
        return `condition${n.code}`;
      case 'flag':
        return n.name;
      case 'branch':
        return `branch ${n.direct ? 'direct ' : ''}to ${args[0]}${args[1] ? ` if ${args[1]}` : ''}`;
      default:
        return `${n.op}(${list})`;
    }
  }
}

const hex = (value: bigint): string =>
  value > -10n && value < 10n
    ? String(value)
    : value < 0n
      ? `-0x${(-value).toString(16)}`
      : `0x${value.toString(16)}`;

function slotText(base: number, slot: StateSlot): string {
  if ('field' in slot) return `${placeText(base)}[field ${slot.field}]`;
  if ('local' in slot) return `${placeText(base)}[local${slot.local.index}]`;
  return placeText(base + slot.offset);
}

function placeText(at: number): string {
  if (at >= L.GPR && at < GPR_END) {
    const within = (at - L.GPR) % REGISTER_BYTES;
    return `${registers[Math.floor((at - L.GPR) / REGISTER_BYTES)]}${within === 0 ? '' : `+${within}`}`;
  }
  return places.get(at) ?? `state+${at}`;
}

function accessText({ bits, segment }: Access): string {
  if ('field' in segment) return `${bits} (field ${segment.field})`;
  return `${bits} ${segments[segment.offset / L.SEGMENT_STRIDE]}`;
}
