//! A C interface: JSON lines and a query in, JSON lines out.

use quill_json::{parse_lines, to_string};
use quill_value::{Table, Value};
use std::ffi::{c_char, CStr, CString};

/// Runs `query` over `lines`. The answer, or a message that begins with `error: `, belongs to the
/// caller until `quill_free`.
///
/// # Safety
/// Both arguments are NUL-terminated texts that stay as they are during the call.
#[no_mangle]
pub unsafe extern "C" fn quill_run(lines: *const c_char, query: *const c_char) -> *mut c_char {
    if lines.is_null() || query.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the caller's promise.
    let (lines, query) = unsafe { (CStr::from_ptr(lines), CStr::from_ptr(query)) };
    let answer = answer(&lines.to_string_lossy(), &query.to_string_lossy())
        .unwrap_or_else(|message| format!("error: {message}"));
    CString::new(answer.replace('\0', "\u{fffd}")).map_or(std::ptr::null_mut(), CString::into_raw)
}

/// # Safety
/// `answer` came from `quill_run` and was not freed before.
#[no_mangle]
pub unsafe extern "C" fn quill_free(answer: *mut c_char) {
    if !answer.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { CString::from_raw(answer) });
    }
}

/// The version of this library, for the lifetime of the program.
#[no_mangle]
pub extern "C" fn quill_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

fn answer(lines: &str, query: &str) -> Result<String, String> {
    let mut table = Table::default();
    for value in parse_lines(lines) {
        let Value::Record(record) = value.map_err(|error| error.to_string())? else {
            return Err("every line has to be an object".into());
        };
        for (name, _) in record.iter() {
            if !table.columns.contains(name) {
                table.columns.push(name.clone());
            }
        }
        table.push(record);
    }
    let answer = quill_query::run(query, &table).map_err(|error| error.to_string())?;
    let lines: Vec<String> = answer
        .rows()
        .map(|row| to_string(&Value::Record(row.clone())))
        .collect();
    Ok(lines.join("\n"))
}
