//! Any list of parameters against any payload, read by type as a host does.
#![no_main]

use arbitrary::Arbitrary;
use lattice_fuzz::shape::Shape;
use lattice_protocol::codec::{Arguments, Encoding, Error, Parameter, Writer};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    shapes: Vec<(String, Shape)>,
    content_type: Option<bool>,
    payload: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let parameters: Vec<Parameter> = input
        .shapes
        .iter()
        .map(|(name, shape)| shape.parameter(name.clone()))
        .collect();
    let content_type = input.content_type.map(|json| match json {
        true => Encoding::Json.content_type(),
        false => Encoding::MessagePack.content_type(),
    });
    let Ok(encoding) = Encoding::sniff(input.payload, content_type) else {
        return;
    };
    let Ok(packed) = encoding.decode(input.payload) else {
        return;
    };
    let Ok(first) = copy(&packed, encoding, &input.shapes, &parameters) else {
        return;
    };
    // What was taken has a canonical form, and that form is taken as itself.
    let again = copy(&first, Encoding::MessagePack, &input.shapes, &parameters);
    assert_eq!(again.expect("the canonical form is taken"), first);
});

/// Every argument in its canonical form, by position.
fn copy(
    packed: &[u8],
    encoding: Encoding,
    shapes: &[(String, Shape)],
    parameters: &[Parameter],
) -> Result<Vec<u8>, Error> {
    let arguments = Arguments::new(packed, encoding, parameters)?;
    assert_eq!(arguments.wanted(), shapes.len());
    let mut writer = Writer::default();
    writer.array(u32::try_from(shapes.len()).expect("fewer parameters than bytes"));
    let mut seen = 0;
    arguments.each::<Error>(|index, reader| {
        assert_eq!(index, seen, "each parameter comes once and in order");
        seen += 1;
        let (name, shape) = &shapes[index];
        match reader {
            Some(reader) => shape
                .copy(reader, &mut writer)
                .map_err(|error| error.in_argument(name)),
            None => {
                assert!(parameters[index].optional, "only an option may be left out");
                writer.nil();
                Ok(())
            }
        }
    })?;
    assert_eq!(seen, shapes.len());
    Ok(writer.into_bytes())
}
