//! What a program without std needs to link: a global allocator, a panic handler, and the functions that compiled code
//! calls for copying memory.

use crate::mm::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

#[cfg(not(test))]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    crate::panic::die(format_args!("{info}"))
}

// The prebuilt core and alloc leave these to a libc. For the Hermit target, compiler_builtins brings them.
#[cfg(not(target_os = "hermit"))]
core::arch::global_asm!(
    r#"
    .section .text.memcpy, "ax", @progbits
    .globl memcpy
memcpy:
    mov rax, rdi
    mov rcx, rdx
    rep movsb
    ret

    .section .text.memmove, "ax", @progbits
    .globl memmove
memmove:
    mov rax, rdi
    mov rcx, rdx
    mov rdx, rdi
    sub rdx, rsi
    cmp rdx, rcx        # distance from source up to destination, unsigned: smaller only if they overlap that way
    jb 2f
    rep movsb
    ret
2:  lea rdi, [rdi + rcx - 1]
    lea rsi, [rsi + rcx - 1]
    std
    rep movsb
    cld
    ret

    .section .text.memset, "ax", @progbits
    .globl memset
memset:
    mov r8, rdi
    mov eax, esi
    mov rcx, rdx
    rep stosb
    mov rax, r8
    ret

    .section .text.memcmp, "ax", @progbits
    .globl memcmp
    .globl bcmp
memcmp:
bcmp:
    xor eax, eax
    mov rcx, rdx
    test rcx, rcx
    jz 3f
    repe cmpsb
    je 3f
    movzx eax, byte ptr [rdi - 1]
    movzx ecx, byte ptr [rsi - 1]
    sub ecx, eax
    mov eax, ecx
3:  ret

    .section .text.strlen, "ax", @progbits
    .globl strlen
strlen:
    mov rax, rdi
4:  cmp byte ptr [rax], 0
    je 5f
    inc rax
    jmp 4b
5:  sub rax, rdi
    ret

# The prebuilt libraries can unwind; we end the domain at a panic, so nothing ever comes here.
    .section .text.unwind, "ax", @progbits
    .globl rust_eh_personality
    .globl _Unwind_Resume
rust_eh_personality:
_Unwind_Resume:
    ud2
    .text
"#
);
