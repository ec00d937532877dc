// The layout of QEMU's `g` packet, from its target description (target.xml and what it includes),
// so that the 32- and 64-bit register sets of any QEMU version need no table here.
import { type CpuSnapshot, type RegisterName, registerName } from './cpu-snapshot.js';
import { type GdbRemote, readFeature } from './gdb-remote.js';

interface RegisterSlot {
  readonly register: RegisterName;
  /** Position in the packet's hexadecimal digits. */
  readonly at: number;
  readonly bytes: number;
}

export type RegisterLayout = readonly RegisterSlot[];

interface DescribedRegister {
  readonly name: string;
  readonly bytes: number;
}

function registersOf(xml: string): DescribedRegister[] {
  return Array.from(xml.matchAll(/<reg\s[^>]*>/g), ([tag]) => {
    const attribute = (name: string): string =>
      new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
    return { name: attribute('name'), bytes: Number(attribute('bitsize')) / 8 };
  });
}

/** Described by QEMU 7.2's i386 documents but never sent by its stub. */
const UNSENT: ReadonlySet<string> = new Set(['ss_base', 'ds_base', 'es_base']);
const digitsOf = (registers: readonly DescribedRegister[]): number =>
  registers.reduce((sum, { bytes }) => sum + bytes * 2, 0);

/**
 * Lays out the registers of the feature documents, in order.
 * @param packetDigits length of a `g` answer, which tells whether the stub leaves {@link UNSENT} out
 * @throws Error when the description does not fit the packet
 */
export function layoutOf(documents: readonly string[], packetDigits: number): RegisterLayout {
  const described = documents.flatMap(registersOf);
  const sent =
    digitsOf(described) === packetDigits
      ? described
      : described.filter(({ name }) => !UNSENT.has(name));
  if (digitsOf(sent) !== packetDigits) {
    throw new Error(
      `QEMU describes ${digitsOf(described)} digits of registers but sends ${packetDigits}`,
    );
  }
  const slots: RegisterSlot[] = [];
  let at = 0;
  for (const { name, bytes } of sent) {
    const register = registerName(name);
    if (register) slots.push({ register, at, bytes });
    at += bytes * 2;
  }
  return slots;
}

/** Asks the stub for its target description. Must come before any other `g`. */
export async function readLayout(remote: GdbRemote): Promise<RegisterLayout> {
  await remote.request('qSupported:xmlRegisters=i386');
  const target = await readFeature(remote, 'target.xml');
  const documents = [target];
  for (const [, annex] of target.matchAll(/<xi:include\s+href="([^"]+)"/g)) {
    documents.push(await readFeature(remote, annex));
  }
  return layoutOf(documents, (await remote.expect('g')).length);
}

function littleEndian(digits: string): bigint {
  return BigInt(`0x${(digits.match(/../g) ?? []).reverse().join('')}`);
}

/** Decodes a `g` packet; registers the stub leaves out (`xx`, short packets) stay undefined. */
export function decodeRegisters(layout: RegisterLayout, packet: string): CpuSnapshot {
  const snapshot: CpuSnapshot = {};
  for (const { register, at, bytes } of layout) {
    const digits = packet.slice(at, at + bytes * 2);
    if (digits.length === bytes * 2 && !digits.includes('x')) {
      snapshot[register] = littleEndian(digits);
    }
  }
  return snapshot;
}
