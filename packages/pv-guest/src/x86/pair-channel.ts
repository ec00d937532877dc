// How two small kernels find each other and talk: the one that answers says in xenstore that it is there; the one that asks looks for it,
// grants it a page, makes an event channel for it, and says so under its number; the other maps and binds what it finds, and says so in
// the page. Either may be a domain that is just ending: what was found is taken back when its node is gone. No toolstack helps.
// The page: a word for whose turn it is, a line at QUESTION, a text at ANSWER; both end with a zero byte.
import {
  __HYPERVISOR_grant_table_op,
  DOMID_SELF,
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_close,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  GNTMAP_host_map,
  GNTTABOP_map_grant_ref,
  GNTTABOP_setup_table,
  GNTTABOP_unmap_grant_ref,
  GTF_permit_access,
  gnttab_map_grant_ref,
  gnttab_setup_table,
  gnttab_unmap_grant_ref,
  grant_entry_v1,
  start_info,
  XS_READ,
  XS_SET_PERMS,
  XS_WATCH,
  XS_WRITE,
  xenstore_domain_interface,
} from '@proxeny/abi';
import { hypercall } from './xen-platform.js';

/** Turns: the page's first word; the first says that the page is mapped. */
const TURN_MET = 4;
export const TURN_QUESTION = 1;
export const TURN_ANSWER = 2;
/** An answer after which the other is gone. */
export const TURN_LEFT = 3;
export const QUESTION = 16;
export const ANSWER = 128;
/** The longest answer, with its zero byte. */
export const ANSWER_BYTES = 4096 - ANSWER;

/** What the other may take to answer. */
export const PATIENCE_NS = 5e9;

/** The first grant that is not kept for the tools. */
const GRANT = 8;
/** Domains are looked for from number 1 to below this. */
const DOMAINS_END = 16;

const setup = gnttab_setup_table.of(64).fields;
const entry = grant_entry_v1.of(64);
const map = gnttab_map_grant_ref.of(64).fields;
const unmap = gnttab_unmap_grant_ref.of(64).fields;
const ring = xenstore_domain_interface.of(64).fields;
const unbound = evtchn_alloc_unbound.of(64).fields;
const interdomain = evtchn_bind_interdomain.of(64).fields;
const ENTRY = GRANT * entry.byteLength;

export const pairPages: readonly string[] = ['grant_page', 'pair_page'];
export const pairVariables: readonly (readonly [name: string, byteLength: number])[] = [
  ['own_id', 4],
  ['other_id', 4],
  ['answering_id', 4],
  ['pair_port', 4],
  ['pair_handle', 4],
  ['node_text', 8],
  ['grant_frame', 8],
];

/**
 * Assembly text over that of xen-platform.ts and xen-store.ts. `meet_answering` and `meet_asking` return once the other is known and the page
 * at pair_page is shared, in own_id and other_id the numbers of the two domains, in pair_port the channel. `asking_is_gone` tells by the
 * carry flag whether the one that asks has ended since, and `part` then gives up what was shared with it.
 */
export const pairChannel: string = `
meet_answering:
    call read_own_id
    mov [answering_id], eax
    mov qword [node_text], answers_node
    call begin_own_node
    mov esi, ready_text
    call publish
    mov qword [node_text], asks_node
.find:
    call find_other
    mov esi, store_answer       ; "reference port"
    call read_decimal
    mov dword [hypercall_argument + ${map.ref.offset}], eax
    mov qword [hypercall_argument + ${map.host_addr.offset}], pair_page
    mov dword [hypercall_argument + ${map.flags.offset}], ${GNTMAP_host_map}
    mov eax, [other_id]
    mov [hypercall_argument + ${map.dom.offset}], ax
    mov edi, ${GNTTABOP_map_grant_ref}
    call grant_operation
    cmp word [hypercall_argument + ${map.status.offset}], 0
    jne .find                   ; it has ended since
    mov eax, [hypercall_argument + ${map.handle.offset}]
    mov [pair_handle], eax
    call read_decimal
    mov [hypercall_argument + ${interdomain.remote_port.offset}], eax
    mov eax, [other_id]
    mov [hypercall_argument + ${interdomain.remote_dom.offset}], ax
    mov edi, ${EVTCHNOP_bind_interdomain}
    call try_event_operation
    jz .bound
    call unmap_pair
    jmp .find
.bound:
    mov eax, [hypercall_argument + ${interdomain.local_port.offset}]
    mov [pair_port], eax
    mov dword [pair_page], ${TURN_MET}
    jmp notify

asking_is_gone:
    mov qword [node_text], asks_node
    jmp other_is_gone

part:
    call close_pair
unmap_pair:
    mov qword [hypercall_argument + ${unmap.host_addr.offset}], pair_page
    mov qword [hypercall_argument + ${unmap.dev_bus_addr.offset}], 0
    mov eax, [pair_handle]
    mov [hypercall_argument + ${unmap.handle.offset}], eax
    mov edi, ${GNTTABOP_unmap_grant_ref}
    jmp grant_operation

meet_asking:
    call read_own_id
    mov word [hypercall_argument + ${setup.dom.offset}], ${DOMID_SELF}
    mov dword [hypercall_argument + ${setup.nr_frames.offset}], 1
    mov qword [hypercall_argument + ${setup.frame_list.offset}], grant_frame
    mov edi, ${GNTTABOP_setup_table}
    call grant_operation
    cmp word [hypercall_argument + ${setup.status.offset}], 0
    jne fail
    mov rax, [grant_frame]
    shl rax, 12
    mov edi, grant_page
    call map_machine
    mov rbx, [start_info]
    mov rbx, [rbx + ${start_info.of(64).fields.mfn_list.offset}]
    mov ecx, pair_page
    shr ecx, 12                 ; memory begins at address 0
    mov eax, [rbx + rcx * 8]
    mov [grant_page + ${ENTRY + entry.fields.frame.offset}], eax
.find:
    mov qword [node_text], answers_node
    call find_other
    mov eax, [other_id]
    mov [answering_id], eax
    mov [grant_page + ${ENTRY + entry.fields.domid.offset}], ax
    mov word [grant_page + ${ENTRY + entry.fields.flags.offset}], ${GTF_permit_access}
    mov [hypercall_argument + ${unbound.remote_dom.offset}], ax
    mov word [hypercall_argument + ${unbound.dom.offset}], ${DOMID_SELF}
    mov edi, ${EVTCHNOP_alloc_unbound}
    call try_event_operation
    jnz .find                   ; it has ended since
    mov eax, [hypercall_argument + ${unbound.port.offset}]
    mov [pair_port], eax
    mov qword [node_text], asks_node
    call begin_own_node
    mov eax, ${GRANT}
    call request_decimal
    mov al, ' '
    call request_char
    mov eax, [pair_port]
    call request_decimal
    mov esi, empty_text
    call publish
    mov qword [node_text], answers_node
    call now
    mov rbx, ${PATIENCE_NS}
    add rbx, rax                ; the latest time: it may be there and do nothing
    mov rax, rbx
    call wake_at
.wait:
    cmp dword [pair_page], ${TURN_MET}
    je .met
    call now
    cmp rax, rbx
    jae .met
    call other_is_gone
    jc .again
    call wait_event
    jmp .wait
.again:
    mov word [grant_page + ${ENTRY + entry.fields.flags.offset}], 0
    call close_pair
    jmp .find
.met:
    xor eax, eax
    jmp wake_at

close_pair:
    mov eax, [pair_port]
    mov [hypercall_argument], eax
    mov edi, ${EVTCHNOP_close}
    jmp event_operation

other_is_gone:                  ; CF: the node of the other is there no more; asked only after a message has come
    mov eax, [store_page + ${ring.rsp_cons.offset}]
    cmp eax, [store_page + ${ring.rsp_prod.offset}]
    je .there
    call wait_store
    push rbx
    mov ebx, [other_id]
    call begin_sought_node
    pop rbx
    mov eax, ${XS_READ}
    call send_request
    cmp eax, ${XS_READ}
    je .there
    stc
    ret
.there:
    clc
    ret

grant_operation:                ; EDI: which; its record is at hypercall_argument
    pushad
    mov esi, hypercall_argument
    mov edx, 1
    call ${hypercall(__HYPERVISOR_grant_table_op)}
    test rax, rax
    jnz fail
    popad
    ret

read_own_id:
    call begin_request
    mov esi, domid_name
    call request_string
    call request_end_string
    mov eax, ${XS_READ}
    call send_request
    cmp eax, ${XS_READ}
    jne fail
    mov esi, store_answer
    call read_decimal
    mov [own_id], eax
    ret

begin_own_node:                 ; a request about our node
    call begin_request
    mov esi, data_text
    call request_string
    call qword [node_text]
    jmp request_end_string

answers_node:
    mov esi, answers_name
    jmp request_string

asks_node:                      ; one for each that answers
    mov esi, asks_name
    call request_string
    mov eax, [answering_id]
    jmp request_decimal

publish:                        ; writes the rest of the value, ESI; and lets every domain read it
    call request_string
    mov eax, ${XS_WRITE}
    call send_request
    cmp eax, ${XS_WRITE}
    jne fail
    call begin_own_node
    mov al, 'r'
    call request_char
    mov eax, [own_id]
    call request_decimal
    call request_end_string
    mov eax, ${XS_SET_PERMS}
    call send_request
    cmp eax, ${XS_SET_PERMS}
    jne fail
    ret

find_other:                     ; the domain that has published such a node, in other_id; its value at store_answer
    mov ebx, 1
.watch:
    call begin_sought_node
    mov esi, token_text
    call request_string
    call request_end_string
    mov eax, ${XS_WATCH}
    call send_request
    inc ebx
    cmp ebx, ${DOMAINS_END}
    jb .watch
.look:
    mov dword [store_has_changed], 0
    mov ebx, 1
.read:
    call begin_sought_node
    mov eax, ${XS_READ}
    call send_request
    cmp eax, ${XS_READ}
    je .found
    inc ebx
    cmp ebx, ${DOMAINS_END}
    jb .read
    cmp dword [store_has_changed], 0
    jne .look
    call wait_store             ; until something there changes
    jmp .look
.found:
    mov [other_id], ebx
    ret

begin_sought_node:              ; of domain EBX
    call begin_request
    mov esi, home_text
    call request_string
    mov eax, ebx
    call request_decimal
    mov al, '/'
    call request_char
    mov esi, data_text
    call request_string
    call qword [node_text]
    jmp request_end_string

read_decimal:                   ; from ESI, which moves behind the character that ends it; in EAX
    push rdx
    xor edx, edx
.digit:
    xor eax, eax
    lodsb
    sub eax, '0'
    cmp eax, 9
    ja .done
    imul edx, edx, 10
    add edx, eax
    jmp .digit
.done:
    mov eax, edx
    pop rdx
    ret

domid_name:
    db "domid", 0
home_text:
    db "/local/domain/", 0
data_text:
    db "data/", 0
answers_name:
    db "answers", 0
asks_name:
    db "asks/", 0
token_text:
    db "pair", 0
ready_text:
    db "ready"
empty_text:
    db 0
`;
