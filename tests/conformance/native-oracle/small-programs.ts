// Programs of a few instructions that end with a status of their own, if the host does them as a processor and a kernel should. They
// have nothing to do with the harness: what they cannot do on a host is not the harness's fault.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** It ends; it has NT set and is returned to from a page fault, with NT; it is returned to with an RSP that is not canonical. */
export type SmallProgram = 'ends' | 'keeps NT' | 'has any RSP';

const STATUS = 42;
const ADDRESS = 0x0804_8000;
const PAGE = 0x1000;

/** MOV BYTE [08049000h], 1: the first access to a page of zeros, which the kernel gives when asked, and returns. */
const fault32: readonly number[] = [0xc6, 0x05, 0x00, 0x90, 0x04, 0x08, 0x01];
const fault64: readonly number[] = [0xc6, 0x04, 0x25, 0x00, 0x90, 0x04, 0x08, 0x01];
/** PUSH 4202h; POPF. */
const setNt: readonly number[] = [0x68, 0x02, 0x42, 0x00, 0x00, 0x9d];
/** MOV EAX, 1; INT 80h, and MOV EAX, 60; SYSCALL: exit(EBX), exit(EDI). */
const exit32: readonly number[] = [0xb8, 0x01, 0x00, 0x00, 0x00, 0xcd, 0x80];
const exit64: readonly number[] = [0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05];

const programs: Readonly<Record<32 | 64, Partial<Record<SmallProgram, readonly number[]>>>> = {
  32: {
    ends: [0xbb, STATUS, 0, 0, 0, ...exit32], // mov ebx, 42
    // pushf; pop ebx; shr ebx, 14; and ebx, 1; add ebx, 41
    'keeps NT': [
      ...[...setNt, ...fault32, 0x9c, 0x5b],
      ...[0xc1, 0xeb, 0x0e, 0x83, 0xe3, 0x01, 0x83, 0xc3, STATUS - 1, ...exit32],
    ],
  },
  64: {
    // pushf; pop rdi; shr edi, 14; and edi, 1; add edi, 41
    'keeps NT': [
      ...[...setNt, ...fault64, 0x9c, 0x5f],
      ...[0xc1, 0xef, 0x0e, 0x83, 0xe7, 0x01, 0x83, 0xc7, STATUS - 1, ...exit64],
    ],
    // mov rsp, 123456789abcdef0h; …; mov edi, 42
    'has any RSP': [
      ...[0x48, 0xbc, 0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12],
      ...[...fault64, 0xbf, STATUS, 0, 0, 0, ...exit64],
    ],
  },
};

/** The words in front of the code: an ELF header and one program header, by which the file lies in one page and zeros in the next. */
function headers(bits: 32 | 64, codeBytes: number): Uint32Array {
  const length = bits === 32 ? 84 : 120;
  const [entry, file, memory] = [ADDRESS + length, length + codeBytes, 2 * PAGE];
  if (bits === 32)
    return Uint32Array.of(
      ...[0x464c_457f, 0x0001_0101, 0, 0, 0x0003_0002, 1, entry, 52, 0, 0, 0x0020_0034, 1, 0],
      ...[1, 0, ADDRESS, ADDRESS, file, memory, 7, PAGE],
    );
  return Uint32Array.of(
    ...[0x464c_457f, 0x0001_0102, 0, 0, 0x003e_0002, 1, entry, 0],
    ...[64, 0, 0, 0, 0, 0x0038_0040, 1, 0],
    ...[1, 7, 0, 0, ADDRESS, 0, ADDRESS, 0, file, 0, memory, 0, PAGE, 0],
  );
}

/** Does the host do the program as it should? If it cannot be told: yes. */
export function doesProgram(bits: 32 | 64, name: SmallProgram): boolean {
  const code = programs[bits][name];
  if (!code) return true;
  const folder = mkdtempSync(join(tmpdir(), 'proxeny-program-'));
  try {
    const program = join(folder, 'program');
    const head = new Uint8Array(headers(bits, code.length).buffer);
    writeFileSync(program, Uint8Array.of(...head, ...code), { mode: 0o755 });
    const { status, error } = spawnSync(program, { stdio: 'ignore' });
    // What the kernel does not know as a program may be given to the shell, which ends with a status of its own.
    if (error) return (error as NodeJS.ErrnoException).code !== 'ENOEXEC';
    return status === STATUS;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
