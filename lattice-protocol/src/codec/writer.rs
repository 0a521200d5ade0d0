//! Writes values in their canonical, smallest form.

use rmp::encode::{self, ByteBuf};

use crate::frame::STREAM_EXT;

/// A MessagePack value in the making.
#[derive(Debug, Default)]
pub struct Writer(ByteBuf);

/// Where a container whose length isn't known yet begins.
#[derive(Debug)]
#[must_use = "an opened container must be closed"]
pub struct Mark(usize);

// Writing into memory can't fail, and the patterns below let the compiler check that.
impl Writer {
    /// A writer with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(ByteBuf::with_capacity(bytes))
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Nil.
    pub fn nil(&mut self) {
        let Ok(()) = encode::write_nil(&mut self.0);
    }

    /// A boolean.
    pub fn bool(&mut self, value: bool) {
        let Ok(()) = encode::write_bool(&mut self.0, value);
    }

    /// An unsigned integer, in as few bytes as it takes.
    pub fn unsigned(&mut self, value: u64) {
        let Ok(_) = encode::write_uint(&mut self.0, value);
    }

    /// An integer, in as few bytes as it takes.
    pub fn signed(&mut self, value: i64) {
        let Ok(_) = encode::write_sint(&mut self.0, value);
    }

    /// A 32-bit float.
    pub fn f32(&mut self, value: f32) {
        let Ok(()) = encode::write_f32(&mut self.0, value);
    }

    /// A 64-bit float.
    pub fn f64(&mut self, value: f64) {
        let Ok(()) = encode::write_f64(&mut self.0, value);
    }

    /// A string.
    pub fn str(&mut self, value: &str) {
        let Ok(()) = encode::write_str(&mut self.0, value);
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        let Ok(()) = encode::write_bin(&mut self.0, value);
    }

    /// A reference to the stream of that number.
    pub fn stream(&mut self, number: u32) {
        let Ok(_) = encode::write_ext_meta(&mut self.0, 4, STREAM_EXT);
        self.0.as_mut_vec().extend_from_slice(&number.to_be_bytes());
    }

    /// A value that is written already.
    pub fn value(&mut self, value: &[u8]) {
        self.0.as_mut_vec().extend_from_slice(value);
    }

    /// The header of an array; its elements follow.
    pub fn array(&mut self, len: u32) {
        let Ok(_) = encode::write_array_len(&mut self.0, len);
    }

    /// The header of a map; its keys and values follow in turn.
    pub fn map(&mut self, len: u32) {
        let Ok(_) = encode::write_map_len(&mut self.0, len);
    }

    /// Begins a container whose length will be known only at its end.
    pub fn open(&mut self) -> Mark {
        let bytes = self.0.as_mut_vec();
        bytes.push(0);
        Mark(bytes.len() - 1)
    }

    /// Ends an array of `len` elements.
    pub fn close_array(&mut self, mark: Mark, len: u32) {
        let mut header = Self::default();
        header.array(len);
        self.replace(mark, &header);
    }

    /// Ends a map of `len` pairs.
    pub fn close_map(&mut self, mark: Mark, len: u32) {
        let mut header = Self::default();
        header.map(len);
        self.replace(mark, &header);
    }

    /// One byte was kept for the header: enough for 15 elements. More move the content once.
    fn replace(&mut self, Mark(at): Mark, header: &Self) {
        let header = header.as_bytes().iter().copied();
        self.0.as_mut_vec().splice(at..=at, header);
    }
}

impl From<Vec<u8>> for Writer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(ByteBuf::from_vec(bytes))
    }
}
