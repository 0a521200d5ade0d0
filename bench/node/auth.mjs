// The twin of actors/auth: the same requests, the same answers, the same records in the same
// JetStream KV bucket, by what a Node.js service is written with: node:http and the NATS client.
//
//   node auth.mjs NATS_URL BUCKET
//
// It prints where it listens when it is ready, and ends when its standard input does.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { Kvm } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";

const [url, bucket] = process.argv.slice(2);
const PATH = "/auth/validate";
const REALM = 'Bearer realm="auth"';
// As the actor: the longest key that is looked up.
const KEY_BYTES_MAX = 512;

const connection = await connect({ servers: url });
const store = await new Kvm(connection).open(bucket);

const refused = (reason, challenge) => [
  401,
  { valid: false, reason },
  { "www-authenticate": challenge },
];
const invalid = (reason) =>
  refused(reason, `${REALM}, error="invalid_token", error_description="${reason}"`);

/** What is stored of a key, if it is a record at all. */
function read(bytes) {
  const record = JSON.parse(bytes);
  if (typeof record?.user_id !== "string" || !Number.isSafeInteger(record.expires_at)) {
    throw new TypeError("it is no record");
  }
  return record;
}

async function validate(key) {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > KEY_BYTES_MAX) return invalid("unknown key");
  const id = createHash("sha256").update(key).digest("hex");
  let entry;
  try {
    entry = await store.get(id);
  } catch (error) {
    return [503, { error: String(error.message) }];
  }
  if (entry?.operation !== "PUT") return invalid("unknown key");
  let record;
  try {
    record = read(entry.string());
  } catch (error) {
    console.error(`the record of key ${id} can't be read: ${error.message}`);
    return [500, { error: "what is stored of this key can't be read" }];
  }
  if (record.expires_at <= Math.floor(Date.now() / 1000)) return invalid("expired");
  return [200, { valid: true, user_id: record.user_id, expires_at: record.expires_at }];
}

async function answer(request) {
  if (request.url.split("?")[0] !== PATH) {
    return [404, { error: `nothing is here: POST ${PATH}` }];
  }
  if (request.method !== "POST") {
    return [405, { error: "only POST is answered here" }, { allow: "POST" }];
  }
  const values = request.headersDistinct.authorization ?? [];
  if (values.length === 0) return refused("missing header: Authorization", REALM);
  if (values.length > 1) return refused("more than one Authorization header", REALM);
  const [, key] = /^bearer (.*)$/i.exec(values[0].trim()) ?? [];
  if (key === undefined) {
    return refused("the Authorization header is not of the form: Bearer KEY", REALM);
  }
  return validate(key.trim());
}

const server = createServer(async (request, response) => {
  const [status, body, headers] = await answer(request);
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
});

server.listen(0, "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`${address}:${port}`);
});

process.stdin.resume().on("end", () => process.exit(0));
