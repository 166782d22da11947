//! Panics that are findings: kept off the terminal while a search runs.

use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::sync::Once;

thread_local! {
    static SEARCHING: Cell<bool> = const { Cell::new(false) };
}

/// Lets the panics of a search pass in silence, on this thread and while it runs; those of everything else are printed.
pub(super) fn quietly<T>(search: impl FnOnce() -> T) -> T {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        // Shuttle puts a hook in place that prints, once; this one is put in its stead.
        super::inside::install_hook();
        panic::set_hook(Box::new(move |panic| {
            if !SEARCHING.get() {
                print(panic);
            }
        }));
    });
    let before = SEARCHING.replace(true);
    let found = search();
    SEARCHING.set(before);
    found
}

/// What a panic says.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message").to_owned()
}
