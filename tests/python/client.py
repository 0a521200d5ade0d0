"""A client that is not ours: nats-py, JSON and what docs/protocol.md says, nothing else."""

import asyncio
import json
import sys

import nats


async def main(url: str) -> None:
    client = await nats.connect(url)

    reply = await client.request("lattice.default.call.greeter.greet", b'["World"]', timeout=30)
    assert reply.data == b'"Hello, World!"', reply.data
    assert not reply.headers, reply.headers

    named = json.dumps({"name": "Python"}).encode()
    reply = await client.request("lattice.default.call.greeter.greet", named, timeout=30)
    assert json.loads(reply.data) == "Hello, Python!", reply.data

    reply = await client.request("lattice.default.call.greeter.greet", b"[1]", timeout=30)
    assert reply.headers["Nats-Service-Error-Code"] == "400", reply.headers
    assert reply.headers["Lattice-Error"] == "bad-request", reply.headers
    assert reply.headers["Lattice-Executed"] == "no", reply.headers
    assert 'argument "name": expected string' in reply.headers["Nats-Service-Error"], reply.headers

    try:
        await client.request("lattice.default.call.nobody.greet", b"[]", timeout=30)
        raise AssertionError("nobody answered, and that was not told")
    except nats.errors.NoRespondersError:
        pass

    reply = await client.request("lattice.default.ctl.actor.list", b"{}", timeout=30)
    listed = json.loads(reply.data)
    assert listed["ok"] is True, listed
    assert [actor["name"] for actor in listed["value"]] == ["greeter"], listed

    scale = json.dumps({"name": "greeter", "instance": 2}).encode()
    reply = await client.request("lattice.default.ctl.actor.scale", scale, timeout=30)
    refused = json.loads(reply.data)
    assert refused["ok"] is False and "instance" in refused["error"]["message"], refused

    await client.close()
    print("every answer was as docs/protocol.md says")


asyncio.run(main(sys.argv[1]))
