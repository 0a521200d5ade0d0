//! As much of protocol buffers as it takes to read what is well formed.

/// A message: its fields, in whatever order.
#[derive(Clone, Copy)]
pub(super) struct Message<'a>(pub(super) &'a [u8]);

#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    fn fields(self, wanted: u64) -> impl Iterator<Item = Field<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let tag = varint(&mut rest);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut rest)),
                1 => Field::Number(u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap())),
                2 => {
                    let length = usize::try_from(varint(&mut rest)).unwrap();
                    Field::Bytes(take(&mut rest, length))
                }
                5 => {
                    let four = take(&mut rest, 4).try_into().unwrap();
                    Field::Number(u32::from_le_bytes(four).into())
                }
                other => panic!("no wire type {other}"),
            };
            Some((tag >> 3, field))
        })
        .filter(move |(number, _)| *number == wanted)
        .map(|(_, field)| field)
    }

    fn bytes(self, field: u64) -> &'a [u8] {
        match self.fields(field).last() {
            Some(Field::Bytes(bytes)) => bytes,
            Some(Field::Number(number)) => panic!("{number} where bytes should be"),
            None => &[],
        }
    }

    /// Every message of a repeated field.
    pub(super) fn messages(self, field: u64) -> impl Iterator<Item = Message<'a>> {
        self.fields(field).map(|field| match field {
            Field::Bytes(bytes) => Message(bytes),
            Field::Number(number) => panic!("{number} where a message should be"),
        })
    }

    /// A field that is a message, an empty one if it is absent.
    pub(super) fn message(self, field: u64) -> Message<'a> {
        Message(self.bytes(field))
    }

    /// A field that is text.
    pub(super) fn text(self, field: u64) -> String {
        String::from_utf8(self.bytes(field).to_vec()).unwrap()
    }

    /// A field that is bytes, in hex.
    pub(super) fn hex(self, field: u64) -> String {
        let digits = self.bytes(field).iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    /// A field that is a number, 0 if it is absent.
    pub(super) fn number(self, field: u64) -> u64 {
        match self.fields(field).last() {
            Some(Field::Number(number)) => number,
            Some(Field::Bytes(_)) => panic!("bytes where a number should be"),
            None => 0,
        }
    }

    /// A field of eight bytes.
    pub(super) fn fixed(self, field: u64) -> u64 {
        self.number(field)
    }

    /// A field that is a float.
    pub(super) fn double(self, field: u64) -> f64 {
        f64::from_bits(self.number(field))
    }
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number without end")
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}
