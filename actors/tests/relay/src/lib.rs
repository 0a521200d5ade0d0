//! Passes every call on through its links, and every answer back.

mod bindings {
    wit_bindgen::generate!({
        path: ["../types/wit", "wit"],
        world: "lattice:relay/relay",
        generate_all,
    });
}

use bindings::exports::lattice::relay;
use bindings::lattice::test::types::{Colour, Line, Permissions, Point, Shape, Wide};
use bindings::lattice::test::{shout, types};

struct Relay;

bindings::export!(Relay with_types_in bindings);

/// One function that answers what the other side answers to the same argument. What is not passed
/// by value says how it is borrowed.
macro_rules! relay {
    ($name:ident, $type:ty) => {
        fn $name(value: $type) -> $type {
            types::$name(value)
        }
    };
    ($name:ident, $type:ty, $value:ident => $argument:expr) => {
        fn $name($value: $type) -> $type {
            types::$name($argument)
        }
    };
}

impl relay::types::Guest for Relay {
    relay!(echo_bool, bool);
    relay!(echo_u8, u8);
    relay!(echo_u16, u16);
    relay!(echo_u32, u32);
    relay!(echo_u64, u64);
    relay!(echo_s8, i8);
    relay!(echo_s16, i16);
    relay!(echo_s32, i32);
    relay!(echo_s64, i64);
    relay!(echo_f32, f32);
    relay!(echo_f64, f64);
    relay!(echo_char, char);
    relay!(echo_string, String, value => &value);
    relay!(echo_bytes, Vec<u8>, value => &value);
    relay!(echo_strings, Vec<String>, value => &value);
    relay!(echo_numbers, Vec<u64>, value => &value);
    relay!(echo_floats, Vec<f32>, value => &value);
    relay!(echo_points, Vec<Point>, value => &value);
    relay!(echo_lists, Vec<Vec<u8>>, value => &value);
    relay!(echo_pairs, Vec<(String, u64)>, value => &value);
    relay!(echo_tuple, (u8, String, Point), value => (value.0, &value.1, &value.2));
    relay!(echo_record, Line, value => &value);
    relay!(echo_wide, Wide, value => &value);
    relay!(echo_variant, Shape, value => &value);
    relay!(echo_variants, Vec<Shape>, value => &value);
    relay!(echo_enum, Colour);
    relay!(echo_flags, Permissions);
    relay!(echo_option, Option<String>, value => value.as_deref());
    relay!(echo_option_bytes, Option<Vec<u8>>, value => value.as_deref());
    relay!(echo_option_option, Option<Option<u32>>);
    relay!(echo_option_result, Option<Result<u32, String>>, value => value.as_ref().map(borrowed));
    relay!(echo_result_none, Result<(), ()>);
    relay!(echo_result_ok, Result<u32, ()>);
    relay!(echo_result_err, Result<(), String>, value => borrowed(&value));
    relay!(echo_result_both, Result<u32, String>, value => borrowed(&value));
    relay!(echo_result_options, Result<Option<String>, Option<u8>>, value => {
        value.as_ref().map(Option::as_deref).map_err(|error| *error)
    });
    relay!(echo_result_typed, Result<Point, Shape>, value => value.as_ref());

    fn nothing() {
        types::nothing();
    }

    fn join(parts: Vec<String>, separator: Option<String>) -> String {
        types::join(&parts, separator.as_deref())
    }

    fn many(
        a: bool,
        b: u8,
        c: u16,
        d: u32,
        e: u64,
        f: i8,
        g: i16,
        h: i32,
        i: i64,
        j: f32,
        k: f64,
        l: char,
        m: String,
        n: String,
        o: Option<u32>,
        p: u8,
        q: u8,
        r: u8,
    ) -> Vec<String> {
        types::many(a, b, c, d, e, f, g, h, i, j, k, l, &m, &n, o, p, q, r)
    }
}

impl relay::shout::Guest for Relay {
    fn echo_string(value: String) -> String {
        shout::echo_string(&value)
    }
}

/// Lends the text of an error, which an import takes by reference.
fn borrowed<T: Copy>(value: &Result<T, String>) -> Result<T, &str> {
    value.as_ref().map(|ok| *ok).map_err(String::as_str)
}
