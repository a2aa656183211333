//! Users and what they must know. Nothing is verified here.

use crate::code;
use crate::exec::{Call, Exec, Run};
use crate::menu::Secret;
use crate::shell::user_cost;

/// The most users.
const MOST: usize = 256;

/// `password USER PASSWORD`.
pub(crate) fn password(exec: &mut Exec, call: &Call) -> Run {
    match call.args.as_slice() {
        [user, password] => keep(exec, user, Secret::Plain(password.clone())),
        _ => exec.fail(code::BAD_ARGUMENT, "two arguments expected"),
    }
}

/// `password_pbkdf2 USER grub.pbkdf2.sha512.ROUNDS.SALT.HASH`.
pub(crate) fn pbkdf2(exec: &mut Exec, call: &Call) -> Run {
    match call.args.as_slice() {
        [user, hash] if hash.starts_with("grub.pbkdf2.sha512.") => {
            keep(exec, user, Secret::Pbkdf2(hash.clone()))
        }
        [_, _] => exec.fail(code::BAD_ARGUMENT, "invalid PBKDF2 password"),
        _ => exec.fail(code::BAD_ARGUMENT, "two arguments expected"),
    }
}

fn keep(exec: &mut Exec, user: &str, secret: Secret) -> Run {
    if exec.sh.users.len() >= MOST {
        return exec.fail(code::OUT_OF_RANGE, "too many users");
    }
    exec.sh.meter.take(user_cost(user, &secret))?;
    exec.sh.users.insert(user.into(), secret);
    Ok(0)
}

/// `authenticate [USERS]`: without superusers everybody is whoever they like.
pub(crate) fn authenticate(exec: &mut Exec, _: &Call) -> Run {
    match exec.get("superusers") {
        None => Ok(0),
        Some(_) => exec.fail(code::ACCESS_DENIED, "access denied"),
    }
}
