"""An HTTP handler: sends the body of a request back as it comes, and says who it is."""

from typing import Iterator

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.streams import OutputStream, StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

PIECE_BYTES = 64 * 1024
# The most that one blocking write takes.
WRITE_BYTES = 4096


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        match request.path_with_query():
            case "/echo":
                respond(response_out, 200, pieces(request))
            case "/half":
                respond(response_out, 200, half(request))
            case "/throw":
                raise RuntimeError("asked to throw")
            case _:
                respond(response_out, 404, [b"there is no such page\n"])


def respond(out: ResponseOutparam, status: int, body: Iterator[bytes]) -> None:
    response = OutgoingResponse(Fields.from_list([("x-language", b"python")]))
    response.set_status_code(status)
    outgoing = response.body()
    ResponseOutparam.set(out, Ok(response))
    with outgoing.write() as to:
        for piece in body:
            write(to, piece)
    OutgoingBody.finish(outgoing, None)


def write(to: OutputStream, piece: bytes) -> None:
    for at in range(0, len(piece), WRITE_BYTES):
        to.blocking_write_and_flush(piece[at : at + WRITE_BYTES])


def pieces(request: IncomingRequest) -> Iterator[bytes]:
    body = request.consume()
    with body.stream() as stream:
        while True:
            try:
                yield stream.blocking_read(PIECE_BYTES)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return
                raise


def half(request: IncomingRequest) -> Iterator[bytes]:
    """The first piece of a body, and an error when the second comes."""
    all = pieces(request)
    yield next(all)
    next(all)
    raise RuntimeError("there is no other half")
