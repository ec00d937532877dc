// The built-in guest: a 32-bit Multiboot kernel with its own segments, interrupts, timer and serial console, which greets, answers
// typed lines and powers off. Small enough to read whole; a pattern for kernels of your own.
import { assemble } from '@proxeny/vcpu-x86/asm';
import { IDT_BYTE_LENGTH, interrupts } from './interrupts.js';
import { commonCommands, type LineCommand, lineCommands } from './line-commands.js';
import { LINE_LENGTH, lineInput } from './line-input.js';
import { multibootHeader } from './multiboot-image.js';
import { processorReport } from './processor-report.js';
import { flatSegments } from './segments.js';
import { SERIAL_RING_BYTE_LENGTH, serialPort } from './serial-port.js';
import { textOutput } from './text-output.js';
import { tickCounter } from './tick-counter.js';

const ORIGIN = 0x100000;
const STACK_BYTES = 0x4000;
/** PM1a control of the PIIX4 power management block; SLP_EN with SLP_TYP 0 is soft off. ACPI 6.5 §4.8.3.2.1. */
const PM1_CONTROL_PORT = 0x604;
const SLEEP_ENABLE = 0x2000;

const commands: readonly LineCommand[] = [
  ...commonCommands,
  { name: 'cpu', help: 'what CPUID says', handler: 'cpu_command' },
  { name: 'memory', help: 'how much there is', handler: 'print_memory' },
  { name: 'crash', help: 'a triple fault', handler: 'triple_fault' },
  { name: 'off', help: 'power off (also Ctrl-D)', handler: 'power_off' },
];

const main = `
start:
    cld
    mov esp, stack_end
    mov edi, variables      ; what lies behind the image may hold anything
    mov ecx, (stack - variables) / 4
    mov edx, eax
    xor eax, eax
    rep stosd
    cmp edx, 0x2badb002     ; a Multiboot loader
    jne .memory_known
    test dword [ebx], 1     ; mem_lower and mem_upper are valid
    jz .memory_known
    mov eax, [ebx + 8]      ; KiB from 1 MiB up
    add eax, 1024 + 1023    ; rounded up: firmware keeps a little for itself
    shr eax, 10
    mov [memory_mebibytes], eax
.memory_known:
    call load_segments
    call set_up_interrupts
    call set_up_ticks
    call set_up_serial_port
    sti
    mov esi, hello_text
    call print_text
    call print_processor_name
    call print_memory
    mov esi, hint_text
    call print_text
.prompt:
    mov esi, prompt_text
    call print_text
    call read_line
    jc power_off
    call answer_line
    jmp .prompt

cpu_command:
    call print_processor_name
    jmp print_processor_features

print_memory:
    mov eax, [memory_mebibytes]
    call print_decimal
    mov esi, memory_text
    jmp print_text

power_off:
    mov esi, bye_text
    call print_text
    mov dx, ${PM1_CONTROL_PORT}
    mov ax, ${SLEEP_ENABLE}
    db 0x66, 0xef          ; out dx, ax
.halt:                      ; where nothing answers this port
    cli
    hlt
    jmp .halt

hello_text:
    db 13, 10, "Hello from a kernel that Proxeny has assembled itself.", 13, 10, 0
memory_text:
    db " MiB of memory", 13, 10, 0
hint_text:
    db "Type help for a list of commands.", 13, 10, 0
prompt_text:
    db "> ", 0
bye_text:
    db "Power off.", 13, 10, 0
`;

/** Names for the memory behind the image: cleared at the start, and apart from the code, which is then never written near. */
function variables(): string {
  const sizes: readonly (readonly [string, number])[] = [
    ['idt', IDT_BYTE_LENGTH],
    ['ticks', 4],
    ['memory_mebibytes', 4],
    ['last_char', 4],
    ['ring_first', 4],
    ['ring_last', 4],
    ['ring', SERIAL_RING_BYTE_LENGTH],
    ['feature_words', 8],
    ['processor_text', 52],
    ['line', (LINE_LENGTH + 4) & ~3],
  ];
  let offset = 0;
  const lines = ['    align 4096', 'image_end:', 'variables equ image_end'];
  for (const [name, byteLength] of sizes) {
    lines.push(`${name} equ variables + ${offset}`);
    offset += byteLength;
  }
  lines.push(`stack equ variables + ${offset}`, `stack_end equ stack + ${STACK_BYTES}`);
  lines.push('memory_end equ stack_end');
  return lines.join('\n');
}

/** The hello kernel as a Multiboot 1 image, ready for `proxeny run`, QEMU's `-kernel` or GRUB. */
export function assembleHelloKernel(): Uint8Array {
  const handlers = new Map([
    [0, 'tick_interrupt'],
    [4, 'serial_interrupt'],
  ]);
  const parts = [
    'image:',
    multibootHeader,
    main,
    flatSegments,
    interrupts(handlers),
    tickCounter,
    serialPort,
    textOutput,
    lineInput,
    lineCommands(commands),
    processorReport,
    variables(),
  ];
  return assemble(parts.join('\n'), { bits: 32, origin: ORIGIN }).bytes;
}
