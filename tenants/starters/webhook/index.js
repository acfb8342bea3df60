// Receives webhooks at …/hook, which anybody may call; a signature tells who it really was.
// Set the secret SIGNING_SECRET under Configuration, the same one as at the sender.
//
// The sender signs `<timestamp>.<body>` with HMAC-SHA-256 and sends two headers:
//   x-webhook-timestamp: 1767225600
//   x-webhook-signature: sha256=<hex>
const { createHmac, timingSafeEqual } = require("crypto");

const MAX_AGE_SECONDS = 300; // an old message that is sent again is refused

module.exports = async (ctx) => {
  if (ctx.method !== "POST" || !ctx.path.startsWith("/hook")) return { status: 404, body: { error: "POST to /hook" } };
  const secret = ctx.configuration.SIGNING_SECRET;
  if (!secret) return { status: 503, body: { error: "SIGNING_SECRET is not set" } };
  if (!isSigned(ctx, secret)) {
    console.error("A message with a wrong or old signature was refused.");
    return { status: 401, body: { error: "The signature does not fit" } };
  }
  console.log(`Received ${ctx.body.type || "a message"}`);
  // Do the work here. Answer quickly: senders give up after a few seconds and send again.
  return { status: 202, body: { received: true } };
};

// Bodies arrive parsed, so this fits senders that sign compact JSON, as JSON.stringify writes it.
function isSigned(ctx, secret) {
  const timestamp = ctx.headers["x-webhook-timestamp"] || "";
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!/^\d+$/.test(timestamp) || age > MAX_AGE_SECONDS) return false;
  const expected = createHmac("sha256", secret).update(`${timestamp}.${JSON.stringify(ctx.body)}`).digest();
  const given = Buffer.from((ctx.headers["x-webhook-signature"] || "").replace(/^sha256=/, ""), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
