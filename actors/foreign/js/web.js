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
    case "/throw":
      throw new Error("asked to throw");
    default:
      return new Response("there is no such page\n", { status: 404, headers });
  }
}

function half(body) {
  const from = body.getReader();
  return new ReadableStream({
    async start(to) {
      const { value } = await from.read();
      to.enqueue(value);
      to.error(new Error("there is no other half"));
    },
  });
}
