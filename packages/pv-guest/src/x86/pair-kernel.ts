// The built-in pair: one 64-bit paravirtual kernel for two domains. The one whose command line is "answers" computes what the other has
// asked; what is typed at that one goes through a granted page, and an event channel rings in both directions. Small enough to read whole;
// a pattern for paravirtual kernels of your own.
import { start_info } from '@proxeny/abi';
import { assemble } from '@proxeny/vcpu-x86/asm';
import { commonCommands, type LineCommand, lineCommands } from './line-commands.js';
import { LINE_LENGTH, lineInput } from './line-input.js';
import {
  ANSWER,
  ANSWER_BYTES,
  PATIENCE_NS,
  pairChannel,
  pairPages,
  pairVariables,
  QUESTION,
  TURN_ANSWER,
  TURN_LEFT,
  TURN_QUESTION,
} from './pair-channel.js';
import { textOutput } from './text-output.js';
import { TICKS_PER_SECOND } from './tick-counter.js';
import { wideText } from './wide-text.js';
import { xenConsole } from './xen-console.js';
import { xenImage } from './xen-image.js';
import { platformPages, platformVariables, xenPlatform } from './xen-platform.js';
import { storeVariables, xenStore } from './xen-store.js';

const ORIGIN = 0x100000;
const PAGE_BYTES = 4096;
const STACK_BYTES = 0x4000;

const commands: readonly LineCommand[] = [
  ...commonCommands,
  { name: 'who', help: 'which domain answers', handler: 'who_command' },
  { name: 'crash', help: 'the domain that answers crashes', handler: 'fail' },
  { name: 'off', help: 'both power off (also Ctrl-D)', handler: 'off_command' },
];

const main = `
start:                          ; RSI: start_info
    cld
    mov rsp, stack_end
    call set_up_platform
    mov rbx, [start_info]
    cmp dword [rbx + ${start_info.of(64).fields.cmd_line.offset}], 0x77736e61   ; "answ"
    je answering

    call meet_asking
    mov esi, hello_text
    call print_text
    mov eax, [own_id]
    call print_decimal
    mov esi, other_text
    call print_text
    mov eax, [other_id]
    call print_decimal
    mov esi, hint_text
    call print_text
.prompt:
    mov esi, prompt_text
    call print_text
    call read_line
    jc .end
    cmp byte [line], 0
    je .prompt
    call ask
    jmp .prompt
.end:
    mov dword [line], 0x66666f  ; "off"
    call ask
    jmp .prompt

ask:                            ; the line, and print the answer
    mov esi, line
    mov edi, pair_page + ${QUESTION}
    mov ecx, ${LINE_LENGTH + 1}
    rep movsb
    mov dword [pair_page], ${TURN_QUESTION}
    mov eax, [pair_port]
    call notify
    call now
    mov rbx, ${PATIENCE_NS}
    add rbx, rax                ; the latest time
    mov rax, rbx
    call wake_at
.wait:
    cmp dword [pair_page], ${TURN_ANSWER}
    jae .answered
    call now
    cmp rax, rbx
    jae .gone
    call wait_event
    jmp .wait
.answered:
    xor eax, eax
    call wake_at
    mov byte [pair_page + ${ANSWER + ANSWER_BYTES - 1}], 0
    mov esi, pair_page + ${ANSWER}
    call print_text
    cmp dword [pair_page], ${TURN_LEFT}
    je power_off
    ret
.gone:
    mov esi, gone_text
    call print_text
power_off:
    mov esi, bye_text
    call print_text
    jmp shut_down

answering:
    call meet_answering
    mov esi, ready_line
    call print_text
    mov eax, [own_id]
    call print_decimal
    mov esi, for_text
    call print_text
    mov eax, [other_id]
    call print_decimal
    call print_line_end
.wait:
    cmp dword [pair_page], ${TURN_QUESTION}
    je .asked
    call asking_is_gone
    jc .alone
    call wait_event
    jmp .wait
.alone:
    call part
    jmp answering
.asked:
    mov esi, pair_page + ${QUESTION}
    mov edi, line
    mov ecx, ${LINE_LENGTH}
    rep movsb
    mov byte [rdi], 0           ; whatever the other wrote
    mov esi, asked_text
    call print_text
    mov esi, line
    call print_text
    call print_line_end
    call now
    mov ecx, ${1e9 / TICKS_PER_SECOND}
    xor edx, edx
    div rcx
    mov [ticks], eax
    mov dword [answer_length], 0
    mov dword [is_answering], 1
    call answer_line
    mov dword [is_answering], 0
    mov ecx, [answer_length]
    mov byte [pair_page + ${ANSWER} + rcx], 0
    mov eax, ${TURN_ANSWER}
    add eax, [is_leaving]
    mov [pair_page], eax
    mov eax, [pair_port]
    call notify
    cmp dword [is_leaving], 0
    je .wait
    jmp power_off

print_char:                     ; AL: to the console, or into an answer
    cmp dword [is_answering], 0
    je console_char
    push rcx
    mov ecx, [answer_length]
    cmp ecx, ${ANSWER_BYTES - 1}
    jae .full
    mov [pair_page + ${ANSWER} + rcx], al
    inc dword [answer_length]
.full:
    pop rcx
    ret

who_command:
    mov esi, who_text
    call print_text
    mov eax, [own_id]
    call print_decimal
    jmp print_line_end

off_command:
    mov dword [is_leaving], ${TURN_LEFT - TURN_ANSWER}
    ret

hello_text:
    db "Hello from domain ", 0
other_text:
    db ", which has found domain ", 0
hint_text:
    db " to answer what you type.", 13, 10, "Type help for a list of commands.", 13, 10, 0
prompt_text:
    db "> ", 0
gone_text:
    db "No answer came.", 13, 10, 0
bye_text:
    db "Power off.", 13, 10, 0
ready_line:
    db "Domain ", 0
for_text:
    db " answers domain ", 0
asked_text:
    db "Asked: ", 0
who_text:
    db "Domain ", 0
`;

/** Names for the cleared memory behind the image: pages first. */
function variables(): string {
  const sizes: readonly (readonly [string, number])[] = [
    ...[...platformPages, ...pairPages].map((name) => [name, PAGE_BYTES] as const),
    ...platformVariables,
    ...storeVariables,
    ...pairVariables,
    ['ticks', 8],
    ['last_char', 8],
    ['line', LINE_LENGTH + 8],
    ['answer_length', 8],
    ['is_answering', 8],
    ['is_leaving', 8],
  ];
  let offset = 0;
  const lines = [`    align ${PAGE_BYTES}`, 'image_end:'];
  for (const [name, byteLength] of sizes) {
    lines.push(`${name} equ image_end + ${offset}`);
    offset += (byteLength + 7) & ~7;
  }
  offset = (offset + 15) & ~15;
  lines.push(`stack_end equ image_end + ${offset + STACK_BYTES}`);
  return lines.join('\n');
}

/** The pair's kernel as an ELF image for 64-bit paravirtual domains; 4 MiB of memory are enough for each. */
export function assemblePairKernel(): Uint8Array {
  const parts = [
    `hypercall_page:\ntimes ${PAGE_BYTES} db 0`,
    main,
    xenPlatform,
    xenConsole,
    xenStore,
    pairChannel,
    textOutput,
    lineInput,
    lineCommands(commands),
    variables(),
  ];
  const { bytes, symbols } = assemble(wideText(parts.join('\n')), { bits: 64, origin: ORIGIN });
  const address = (name: string): number => Number(symbols.get(name));
  return xenImage({
    bytes,
    origin: ORIGIN,
    memoryEnd: address('stack_end'),
    entry: address('start'),
    hypercallPage: address('hypercall_page'),
    guestOs: 'proxeny-pair',
  });
}
