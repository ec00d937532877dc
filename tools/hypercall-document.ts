// The text of docs/hypercalls.md: every hypercall of the ABI with its sub-operations and arguments, and whether an ordinary domain gets
// it done. What is refused is found by asking: decoders only look, so each is tried with records that are empty, filled and missing.
import {
  type ArgumentType,
  errno_names,
  type HypercallSignature,
  hypercall_signatures,
  type Operation,
  XEN_EACCES,
  XEN_ENODATA,
  XEN_ENOSYS,
  XEN_EOPNOTSUPP,
  XEN_EPERM,
} from '../packages/abi/src/index.js';
import { hypercallTable } from '../packages/hv-core/src/hypercall/table.js';
import {
  Hypervisor,
  MachineMemory,
  ManualClock,
  type Vcpu,
} from '../packages/hv-core/src/index.js';
import type { PlacedField, StructField } from '../packages/memory/src/index.js';
import { TrapCpuDouble } from '../tests/conformance/xen/trap-cpu-double.js';

/** Answers that mean: not here, or not for you. */
const refusals: ReadonlySet<number> = new Set([
  -XEN_EACCES,
  -XEN_ENODATA,
  -XEN_ENOSYS,
  -XEN_EOPNOTSUPP,
  -XEN_EPERM,
]);

/** Where the answer depends on more than the arguments tried here, or is a status in the record. */
const notes: Readonly<Record<string, string | { pv?: string; translated?: string }>> = {
  mmuext_op: { translated: '-EINVAL' },
  physdev_op_compat: { pv: 'as physdev_op' },
  domctl: '-EPERM',
  sysctl: '-EPERM',
  platform_op: '-EPERM',
  dm_op: '-EPERM',
  GNTTABOP_transfer: 'status GNTST_bad_page',
  GNTTABOP_unmap_and_replace: 'status GNTST_general_error',
  GNTTABOP_dump_table: 'status GNTST_permission_denied',
};

const EMPTY_RECORD = 0x1000;
const FILLED_RECORD = 0x2000;
const NO_RECORD = 0x7000_0000;

/** A vCPU of an unprivileged domain whose linear memory is four pages at 0. */
function probe(hypervisor: Hypervisor, kind: 'pv' | 'translated'): Vcpu {
  const domain = hypervisor.createDomain({ kind, createCpu: (vcpu) => new TrapCpuDouble(vcpu) });
  const vcpu = domain.vcpus[0] as Vcpu;
  const [first] = domain.allocateFrames(1);
  const pages = [first, ...domain.allocateFrames(3)].map((mfn) => (mfn as number) * 4096);
  vcpu.access.space = {
    translate: (address) => {
      const page = pages[Math.floor(address / 4096)];
      return page === undefined ? -1 : page + (address % 4096);
    },
  };
  vcpu.access.copyTo(FILLED_RECORD, new Uint8Array(4096).fill(1));
  return vcpu;
}

/** The answer to one hypercall that is decoded and not done; 0: it would be done. */
function ask(vcpu: Vcpu, signature: HypercallSignature, command: number, record: number): number {
  const row = hypercallTable[signature.number];
  if (!row) return -XEN_ENOSYS;
  const { frame } = vcpu;
  frame.begin(signature.number);
  for (const [i, { kind, name }] of signature.parameters.entries()) {
    let value = 0;
    if (kind === 'op') value = command;
    else if (kind === 'record' || kind === 'array' || kind === 'pointer') value = record;
    else if (name === 'count') value = 1;
    frame.setArgument(i, value);
  }
  const decoded = row.decode(frame);
  return typeof decoded === 'number' ? decoded : 0;
}

function answer(vcpu: Vcpu, signature: HypercallSignature, operation: Operation | null): string {
  const noted = notes[operation?.name ?? signature.name];
  const note = typeof noted === 'object' ? noted[vcpu.domain.p2m ? 'translated' : 'pv'] : noted;
  if (note) return note;
  const command = operation?.number ?? 0;
  const answers = [EMPTY_RECORD, FILLED_RECORD, NO_RECORD].map((record) =>
    ask(vcpu, signature, command, record),
  );
  const [first, second] = answers as [number, number, number];
  if (!refusals.has(first) || !refusals.has(second)) return 'yes';
  return `-${errno_names[-first]}`;
}

const arrows = { in: '→', out: '←', inout: '↔' } as const;

/** Members with their direction: → given by the guest, ← by the hypervisor. */
function members(type: ArgumentType): string {
  const layout = type.of(64) as StructField;
  const list = Object.entries(layout.fields as Record<string, PlacedField>)
    .filter(([name]) => !name.startsWith('_') && name !== 'rsvd' && name !== 'pad')
    .map(([name, field]) => `${name}${field.direction ? ` ${arrows[field.direction]}` : ''}`);
  return `\`${type.name}\`: ${list.join(', ')}`;
}

function parameters(signature: HypercallSignature): string {
  return signature.parameters
    .map(({ name, kind, type, count }) => {
      const what = type ? ` ${type.name}${kind === 'array' ? '[]' : ''}` : '';
      return `${name}${what}${count ? ` × ${count}` : ''}`;
    })
    .join(', ');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.map((each) => cell(String(each))).join(' | ')} |`;
}

function section(signature: HypercallSignature, pv: Vcpu, translated: Vcpu): string[] {
  const operations = (signature.operations ?? []).filter((each) => each !== undefined);
  if (operations.length === 0) return [];
  return [
    `## ${signature.name}`,
    '',
    '| number | operation | record | page-table guests | translated guests |',
    '| --- | --- | --- | --- | --- |',
    ...operations.map((operation) =>
      row(
        operation.number,
        operation.name,
        operation.argument ? members(operation.argument) : '–',
        answer(pv, signature, operation),
        answer(translated, signature, operation),
      ),
    ),
    '',
  ];
}

export function hypercallDocument(): string {
  const hypervisor = new Hypervisor({
    memory: new MachineMemory(256 * 4096),
    clock: new ManualClock(),
    onConsoleWrite: () => {},
  });
  const pv = probe(hypervisor, 'pv');
  const translated = probe(hypervisor, 'translated');
  const signatures = hypercall_signatures[64].filter((each) => each !== undefined);
  const head = [
    '<!-- Generated by `npm run docs` from packages/abi and packages/hv-core/src/hypercall. Do not edit. -->',
    '# Hypercalls',
    '',
    'What an unprivileged domain gets. Numbers, arguments and answers are those of Xen 4.17; arguments are told as 64-bit guests pass',
    'them. "yes" is done, or answered as its arguments deserve; an errno is all a domain ever gets. Members of records: → given by the',
    'guest, ← by the hypervisor, ↔ both. How each answers under which condition is in `tests/conformance/xen`.',
    '',
    '| number | hypercall | arguments | page-table guests | translated guests |',
    '| --- | --- | --- | --- | --- |',
  ];
  const all = signatures.map((signature) => {
    const hasOperations = signature.operations !== null && hypercallTable[signature.number];
    const of = (vcpu: Vcpu): string =>
      hasOperations ? 'see below' : answer(vcpu, signature, null);
    return row(
      signature.number,
      signature.name,
      parameters(signature) || '–',
      of(pv),
      of(translated),
    );
  });
  const sections = signatures.flatMap((signature) => section(signature, pv, translated));
  return `${[...head, ...all, '', ...sections].join('\n').trimEnd()}\n`;
}
