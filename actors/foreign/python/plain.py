"""Plain functions: `words` of ../wit/world.wit."""

from collections import Counter

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import words

BYTES_MAX = 1024


class Words(exports.Words):
    def count(self, text: str) -> words.Line:
        if len(text) > BYTES_MAX:
            raise Err(words.Fault_TooLong(len(text)))
        found = Counter(text.split())
        if not found:
            raise Err(words.Fault_Empty())
        return words.Line(text, list(found.items()))

    def reverse(self, data: bytes) -> bytes:
        return data[::-1]
