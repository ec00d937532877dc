// A program for Linux guests on i386 that joins a shell command with a vsock connection, as inetd does: its standard input and output are
// the connection. busybox knows no AF_VSOCK.
import { assemble } from '@proxeny/vcpu-x86/asm';
import { type CpioEntry, executable } from './initramfs.js';

const BASE = 0x400000;
const AF_VSOCK = 40;
const SOCK_STREAM = 1;
const ANY_CID = 0xffff_ffff;
const HOST_CID = 2;

/** System calls of i386, and the names of their registers in order. */
const calls = { exit: 1, close: 6, execve: 11, dup2: 63 } as const;
const socketCalls = { socket: 359, bind: 361, connect: 362, listen: 363, accept4: 364 } as const;
const registers = ['ebx', 'ecx', 'edx', 'esi'] as const;

/** A call; what fails ends the program with its error number. */
function call(name: keyof typeof calls | keyof typeof socketCalls, ...values: (string | number)[]) {
  const number = { ...calls, ...socketCalls }[name];
  const loads = values.map((value, i) => `mov ${registers[i]}, ${value}`);
  return [...loads, `mov eax, ${number}`, 'int 0x80', 'test eax, eax', 'js failed'].join('\n');
}

function program(cid: number, port: number, open: readonly string[]): Uint8Array {
  const [start, headerBytes, segmentBytes] = [BASE + 84, 52, 32];
  const code = `
  dd 0x464c457f, 0x00010101, 0, 0
  dw 2, 3
  dd 1, ${start}, ${headerBytes}, 0, 0
  dw ${headerBytes}, ${segmentBytes}, 1, 0, 0, 0
  dd 1, 0, ${BASE}, ${BASE}, 0x1000, 0x1000, 7, 0x1000
mov eax, [esp + 8]
mov [command], eax
${call('socket', AF_VSOCK, SOCK_STREAM, 0)}
mov edi, eax
${open.join('\n')}
${call('dup2', 'edi', 0)}
${call('dup2', 'edi', 1)}
${call('close', 'edi')}
${call('execve', 'shell', 'arguments', 0)}
failed:
neg eax
mov ebx, eax
mov eax, ${calls.exit}
int 0x80
address: dw ${AF_VSOCK}, 0
dd ${port}, ${cid}, 0
shell: db "/bin/sh", 0
option: db "-c", 0
arguments: dd shell, option
command: dd 0, 0
`;
  const { bytes } = assemble(code, { bits: 32, origin: BASE });
  const file = new Uint8Array(0x1000);
  file.set(bytes);
  return file;
}

/** `/NAME COMMAND` runs COMMAND on a connection to a port of the host's. */
export const vsockConnect = (name: string, port: number): CpioEntry =>
  executable(name, program(HOST_CID, port, [call('connect', 'edi', 'address', 16)]));

/** `/NAME COMMAND` waits for a connection to a port of the guest's, and runs COMMAND on it. */
export const vsockListen = (name: string, port: number): CpioEntry =>
  executable(
    name,
    program(ANY_CID, port, [
      call('bind', 'edi', 'address', 16),
      call('listen', 'edi', 8),
      call('accept4', 'edi', 0, 0, 0),
      'mov edi, eax',
    ]),
  );
