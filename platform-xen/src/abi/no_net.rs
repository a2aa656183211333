//! Sockets in a program without the feature `net`: each call says that it is not supported.

use core::ffi::{c_char, c_void};
use hermit_abi::errno::{EBADF, ENOSYS};
use hermit_abi::{EAI_FAIL, addrinfo, sockaddr, socklen_t};

/// No socket can be made.
#[unsafe(no_mangle)]
pub extern "C" fn sys_socket(_domain: i32, _kind: i32, _protocol: i32) -> i32 {
    -ENOSYS
}

/// No name can be found.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getaddrinfo(
    _node: *const c_char,
    _service: *const c_char,
    _hints: *const addrinfo,
    _result: *mut *mut addrinfo,
) -> i32 {
    EAI_FAIL
}

/// There are no lists to free.
#[unsafe(no_mangle)]
pub extern "C" fn sys_freeaddrinfo(_list: *mut addrinfo) {}

/// Functions on sockets, of which there are none: each descriptor is a wrong one.
macro_rules! no_such_socket {
    ($($name:ident($($arg:ty),*) -> $ret:ty;)*) => {$(
        /// Every descriptor is a wrong one, as no socket can be made.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_: i32, $(_: $arg),*) -> $ret {
            -EBADF as $ret
        }
    )*};
}
no_such_socket! {
    sys_accept(*mut sockaddr, *mut socklen_t) -> i32;
    sys_bind(*const sockaddr, socklen_t) -> i32;
    sys_connect(*const sockaddr, socklen_t) -> i32;
    sys_getpeername(*mut sockaddr, *mut socklen_t) -> i32;
    sys_getsockname(*mut sockaddr, *mut socklen_t) -> i32;
    sys_getsockopt(i32, i32, *mut c_void, *mut socklen_t) -> i32;
    sys_listen(i32) -> i32;
    sys_recv(*mut u8, usize, i32) -> isize;
    sys_recvfrom(*mut u8, usize, i32, *mut sockaddr, *mut socklen_t) -> isize;
    sys_send(*const c_void, usize, i32) -> isize;
    sys_sendto(*const c_void, usize, i32, *const sockaddr, socklen_t) -> isize;
    sys_setsockopt(i32, i32, *const c_void, socklen_t) -> i32;
    sys_shutdown(i32) -> i32;
}
