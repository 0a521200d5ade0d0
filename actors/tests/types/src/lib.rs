//! Answers what it is given, for every kind of value that WIT has.

mod bindings {
    wit_bindgen::generate!({ path: "wit" });
}

use bindings::exports::lattice::test::types::{Colour, Line, Permissions, Point, Shape, Wide};
use bindings::exports::lattice::test::{shout, types};

struct Echo;

bindings::export!(Echo with_types_in bindings);

/// One function that answers its argument.
macro_rules! echo {
    ($name:ident, $type:ty) => {
        fn $name(value: $type) -> $type {
            value
        }
    };
}

impl types::Guest for Echo {
    echo!(echo_bool, bool);
    echo!(echo_u8, u8);
    echo!(echo_u16, u16);
    echo!(echo_u32, u32);
    echo!(echo_u64, u64);
    echo!(echo_s8, i8);
    echo!(echo_s16, i16);
    echo!(echo_s32, i32);
    echo!(echo_s64, i64);
    echo!(echo_f32, f32);
    echo!(echo_f64, f64);
    echo!(echo_char, char);
    echo!(echo_string, String);
    echo!(echo_bytes, Vec<u8>);
    echo!(echo_strings, Vec<String>);
    echo!(echo_numbers, Vec<u64>);
    echo!(echo_floats, Vec<f32>);
    echo!(echo_points, Vec<Point>);
    echo!(echo_lists, Vec<Vec<u8>>);
    echo!(echo_pairs, Vec<(String, u64)>);
    echo!(echo_tuple, (u8, String, Point));
    echo!(echo_record, Line);
    echo!(echo_wide, Wide);
    echo!(echo_variant, Shape);
    echo!(echo_variants, Vec<Shape>);
    echo!(echo_enum, Colour);
    echo!(echo_flags, Permissions);
    echo!(echo_option, Option<String>);
    echo!(echo_option_bytes, Option<Vec<u8>>);
    echo!(echo_option_option, Option<Option<u32>>);
    echo!(echo_option_result, Option<Result<u32, String>>);
    echo!(echo_result_none, Result<(), ()>);
    echo!(echo_result_ok, Result<u32, ()>);
    echo!(echo_result_err, Result<(), String>);
    echo!(echo_result_both, Result<u32, String>);
    echo!(echo_result_options, Result<Option<String>, Option<u8>>);
    echo!(echo_result_typed, Result<Point, Shape>);

    fn nothing() {}

    fn join(parts: Vec<String>, separator: Option<String>) -> String {
        parts.join(&separator.unwrap_or_default())
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
        let o = o.map_or_else(|| "none".to_owned(), |o| o.to_string());
        let texts = [
            &a as &dyn ToString,
            &b,
            &c,
            &d,
            &e,
            &f,
            &g,
            &h,
            &i,
            &j,
            &k,
            &l,
            &m,
            &n,
            &o,
            &p,
            &q,
            &r,
        ];
        texts.map(ToString::to_string).to_vec()
    }
}

impl shout::Guest for Echo {
    fn echo_string(value: String) -> String {
        value.to_uppercase()
    }
}
