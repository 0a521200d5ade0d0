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
