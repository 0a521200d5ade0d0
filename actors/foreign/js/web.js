// An HTTP handler, as for any other host of service workers: sends the body of a request back as it
// comes, and says who it is.

const headers = { "x-language": "javascript" };

addEventListener("fetch", (event) => {
  event.respondWith(answer(event.request));
});

async function answer(request) {
  switch (new URL(request.url).pathname) {
    case "/echo":
      return new Response(request.body, { headers });
    case "/half":
      return new Response(half(request.body), { headers });
    case "/fetch":
      return await fetched(request);
    case "/throw":
      throw new Error("asked to throw");
    default:
      return new Response("there is no such page\n", { status: 404, headers });
  }
}

// A request of its own to where the query says, with the body of this one; its answer as it comes.
async function fetched(request) {
  const to = new URL(request.url).searchParams.get("to");
  const body = await request.text();
  const answer = await fetch(to, { method: "POST", headers: { "x-mine": "1" }, body });
  return new Response(answer.body, { status: answer.status, headers });
}

// The first piece of a body, and an error when the second comes.
function half(body) {
  const from = body.getReader();
  let pieces = 0;
  return new ReadableStream({
    async pull(to) {
      const { value } = await from.read();
      pieces += 1;
      if (pieces === 1) {
        to.enqueue(value);
      } else {
        to.error(new Error("there is no other half"));
      }
    },
  });
}
