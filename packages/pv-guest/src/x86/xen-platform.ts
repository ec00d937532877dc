// What a small paravirtual kernel stands on: hypercalls, pages of other owners, events, time. 64-bit code below 4 GiB.
// Upcalls stay masked but in `wait_event`: whoever waits looks at what it waits for first, and an event between that look and the block
// ends the block at once. So the callback has nothing to do but to acknowledge.
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_iret,
  __HYPERVISOR_sched_op,
  __HYPERVISOR_set_callbacks,
  __HYPERVISOR_set_timer_op,
  __HYPERVISOR_update_va_mapping,
  EVTCHNOP_bind_virq,
  EVTCHNOP_send,
  evtchn_bind_virq,
  SCHEDOP_block,
  SCHEDOP_shutdown,
  SHUTDOWN_poweroff,
  shared_info,
  start_info,
  UVMF_INVLPG,
  VIRQ_TIMER,
  vcpu_info,
} from '@proxeny/abi';

/** Present, writable, for user mode. */
const PAGE_FLAGS = 7;
const STUB_BYTES = 32;

const start = start_info.of(64).fields;
const shared = shared_info.of(64).fields;
const vcpu = vcpu_info.of(64).fields;
const time = vcpu.time.fields;
const virq = evtchn_bind_virq.of(64).fields;

/** The operand of a CALL to hypercall `number`. Arguments are in RDI, RSI, RDX; the result is in RAX. */
export function hypercall(number: number): string {
  return `hypercall_page + ${number * STUB_BYTES}`;
}

/** Pages and variables that {@link xenPlatform} needs: zeroed, and of so many bytes. */
export const platformPages: readonly string[] = ['shared_info', 'console_page', 'store_page'];
export const platformVariables: readonly (readonly [name: string, byteLength: number])[] = [
  ['start_info', 8],
  ['store_port', 4],
  ['console_port', 4],
  ['console_dirty', 4],
  ['hypercall_argument', 64],
];

/**
 * Assembly text that offers, all keeping every register but RAX:
 * `set_up_platform` (RSI: start_info) maps the pages and takes callbacks; `map_machine` maps machine address RAX at page EDI;
 * `wait_event` waits for an event; `event_operation` (EDI: which, of the record at hypercall_argument) fails the domain if it is refused,
 * `try_event_operation` says so by the zero flag; `notify` sends to port EAX; `now` gives the system time in RAX, in ns; `wake_at` has RAX as the time
 * of an event (0: none); `shut_down` powers off; `fail` crashes the domain.
 */
export const xenPlatform: string = `
set_up_platform:
    pushad
    mov [start_info], rsi
    mov rbx, rsi
    mov rax, [rbx + ${start.shared_info.offset}]
    mov edi, shared_info
    call map_machine
    mov rax, [rbx + ${start.store_mfn.offset}]
    shl rax, 12
    mov edi, store_page
    call map_machine
    mov eax, [rbx + ${start.store_evtchn.offset}]
    mov [store_port], eax
    mov rax, [rbx + ${start.console.fields.domU.fields.mfn.offset}]
    shl rax, 12
    mov edi, console_page
    call map_machine
    mov eax, [rbx + ${start.console.fields.domU.fields.evtchn.offset}]
    mov [console_port], eax
    mov edi, event_upcall
    mov esi, fail
    xor edx, edx
    call ${hypercall(__HYPERVISOR_set_callbacks)}
    test rax, rax
    jnz fail
    mov dword [hypercall_argument + ${virq.virq.offset}], ${VIRQ_TIMER}
    mov dword [hypercall_argument + ${virq.vcpu.offset}], 0
    mov edi, ${EVTCHNOP_bind_virq}
    call event_operation
    popad
    ret

map_machine:
    pushad
    lea rsi, [rax + ${PAGE_FLAGS}]
    mov edx, ${UVMF_INVLPG}
    call ${hypercall(__HYPERVISOR_update_va_mapping)}
    test rax, rax
    jnz fail
    popad
    ret

event_operation:            ; EDI: which; its record is at hypercall_argument
    call try_event_operation
    jnz fail
    ret

try_event_operation:        ; ZF: it was done
    pushad
    mov esi, hypercall_argument
    call ${hypercall(__HYPERVISOR_event_channel_op)}
    test rax, rax
    popad
    ret

notify:
    pushad
    mov [hypercall_argument], eax
    mov edi, ${EVTCHNOP_send}
    call event_operation
    popad
    ret

wait_event:
    pushad
    cmp dword [console_dirty], 0
    je .block
    mov dword [console_dirty], 0
    mov eax, [console_port]
    call notify
.block:
    mov edi, ${SCHEDOP_block}
    xor esi, esi
    call ${hypercall(__HYPERVISOR_sched_op)}
    mov byte [shared_info + ${vcpu.evtchn_upcall_mask.offset}], 1
    popad
    ret

event_upcall:               ; RCX, R11, then an interrupt's frame are on the stack
    mov byte [shared_info + ${vcpu.evtchn_upcall_pending.offset}], 0
    mov qword [shared_info + ${vcpu.evtchn_pending_sel.offset}], 0
    mov qword [shared_info + ${shared.evtchn_pending.offset}], 0    ; ports below 64, more there are not
    mov rcx, [rsp]
    mov r11, [rsp + 8]
    add rsp, 16
    push 0                  ; not out of a SYSCALL
    jmp ${hypercall(__HYPERVISOR_iret)}

now:
    push rcx
    push rdx
    rdtsc
    shl rdx, 32
    or rax, rdx
    sub rax, [shared_info + ${time.tsc_timestamp.offset}]
    movsx ecx, byte [shared_info + ${time.tsc_shift.offset}]
    test ecx, ecx
    js .down
    shl rax, cl
    jmp .scale
.down:
    neg ecx
    shr rax, cl
.scale:
    mov edx, [shared_info + ${time.tsc_to_system_mul.offset}]
    mul rdx
    shrd rax, rdx, 32
    add rax, [shared_info + ${time.system_time.offset}]
    pop rdx
    pop rcx
    ret

wake_at:
    pushad
    mov rdi, rax
    call ${hypercall(__HYPERVISOR_set_timer_op)}
    popad
    ret

shut_down:
    mov eax, [console_port]
    call notify
    mov dword [hypercall_argument], ${SHUTDOWN_poweroff}
    mov edi, ${SCHEDOP_shutdown}
    mov esi, hypercall_argument
    call ${hypercall(__HYPERVISOR_sched_op)}
fail:
    ud2
`;
