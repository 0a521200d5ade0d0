//! Turns text into upper case, and logs through whatever its link names.

mod bindings {
    wit_bindgen::generate!({
        path: ["../logger/wit", "wit"],
        world: "cyber:core/data-processor",
        generate_all,
    });
}

use bindings::cyber::system::logging::{Level, log};

struct Processor;

bindings::export!(Processor with_types_in bindings);

impl bindings::Guest for Processor {
    fn process(data: Vec<u8>) -> Result<String, String> {
        if data.is_empty() {
            return Err("the data is empty".to_owned());
        }
        let bytes = data.len();
        match String::from_utf8(data) {
            Ok(text) => {
                log(&format!("processing {bytes} bytes"), Level::Info);
                Ok(text.to_uppercase())
            }
            Err(error) => {
                let error = format!("the data is not UTF-8: {}", error.utf8_error());
                log(&error, Level::Warn);
                Err(error)
            }
        }
    }
}
