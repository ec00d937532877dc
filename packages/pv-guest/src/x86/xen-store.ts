// A small kernel's connection to xenstore: one request at a time. io/xs_wire.h.
import {
  XENSTORE_RING_SIZE,
  XS_WATCH_EVENT,
  xenstore_domain_interface,
  xsd_sockmsg,
} from '@proxeny/abi';

const ring = xenstore_domain_interface.of(64).fields;
const { fields: header, byteLength: HEADER_BYTES } = xsd_sockmsg.of(64);
const ANSWER_BYTES = 1024;

export const storeVariables: readonly (readonly [name: string, byteLength: number])[] = [
  ['store_header', HEADER_BYTES],
  ['store_answer', ANSWER_BYTES + 8],
  ['store_has_changed', 8],
  ['request_length', 8],
  ['request_text', 256],
];

/**
 * Assembly text that offers requests whose text is put together at request_text: `begin_request`, then `request_string` (ESI: text that
 * ends with a zero byte), `request_decimal` (EAX), `request_end_string` (a zero byte), then `send_request` (EAX: its type), which
 * gives the answer's type in EAX, its text at store_answer. Events of watches that come
 * meanwhile set store_has_changed; `wait_store` waits for a message.
 */
export const xenStore: string = `
begin_request:
    mov dword [request_length], 0
    ret

request_char:               ; AL
    push rcx
    mov ecx, [request_length]
    cmp ecx, 255
    jae fail
    mov [request_text + rcx], al
    inc dword [request_length]
    pop rcx
    ret

request_string:
    pushad
.next:
    lodsb
    test al, al
    jz .done
    call request_char
    jmp .next
.done:
    popad
    ret

request_end_string:
    push rax
    xor eax, eax
    call request_char
    pop rax
    ret

request_decimal:
    pushad
    mov ebx, 10
    xor ecx, ecx
.divide:
    xor edx, edx
    div ebx
    push rdx
    inc ecx
    test eax, eax
    jnz .divide
.digit:
    pop rax
    add al, '0'
    call request_char
    loop .digit
    popad
    ret

send_request:
    pushad
    mov [store_header + ${header.type.offset}], eax
    mov dword [store_header + ${header.req_id.offset}], 1
    mov dword [store_header + ${header.tx_id.offset}], 0
    mov ecx, [request_length]
    mov [store_header + ${header.len.offset}], ecx
    mov esi, store_header
    mov ecx, ${HEADER_BYTES}
    call store_put
    mov esi, request_text
    mov ecx, [request_length]
    call store_put
    mov eax, [store_port]
    call notify
.answer:
    call wait_store
    cmp eax, ${XS_WATCH_EVENT}
    jne .answered
    mov dword [store_has_changed], 1
    jmp .answer
.answered:
    popad
    mov eax, [store_header + ${header.type.offset}]
    ret

wait_store:                 ; takes one message; EAX: its type
    pushad
    mov edi, store_header
    mov ecx, ${HEADER_BYTES}
    call store_get
    mov ecx, [store_header + ${header.len.offset}]
    cmp ecx, ${ANSWER_BYTES}
    ja fail
    mov edi, store_answer
    call store_get
    mov byte [rdi], 0
    mov eax, [store_port]
    call notify
    popad
    mov eax, [store_header + ${header.type.offset}]
    ret

store_put:                  ; ECX bytes from ESI
    test ecx, ecx
    jz .done
    mov edx, [store_page + ${ring.req_prod.offset}]
    mov eax, edx
    sub eax, [store_page + ${ring.req_cons.offset}]
    cmp eax, ${XENSTORE_RING_SIZE}
    jb .put
    mov eax, [store_port]
    call notify
    call wait_event
    jmp store_put
.put:
    and edx, ${XENSTORE_RING_SIZE - 1}
    lodsb
    mov [store_page + ${ring.req.offset} + rdx], al
    inc dword [store_page + ${ring.req_prod.offset}]
    dec ecx
    jmp store_put
.done:
    ret

store_get:                  ; ECX bytes to EDI
    test ecx, ecx
    jz .done
    mov edx, [store_page + ${ring.rsp_cons.offset}]
    cmp edx, [store_page + ${ring.rsp_prod.offset}]
    jne .take
    call wait_event
    jmp store_get
.take:
    and edx, ${XENSTORE_RING_SIZE - 1}
    mov al, [store_page + ${ring.rsp.offset} + rdx]
    stosb
    inc dword [store_page + ${ring.rsp_cons.offset}]
    dec ecx
    jmp store_get
.done:
    ret
`;
