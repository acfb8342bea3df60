// Added when this function went live, because its settings have a CORS list: pages of other sites are refused
// before the function runs. Calls that no page makes (curl, webhooks, schedules) have no Origin and go through.
const NAME = "ALLOWED_ORIGINS";

const allowed = (ctx) => (ctx.configuration?.[NAME] ?? "").split(",").map((one) => one.trim().toLowerCase());

const refusal = (ctx) => {
  const origin = ctx.headers?.origin;
  const list = allowed(ctx);
  if (!origin || list.includes("*") || list.includes(origin.toLowerCase())) return null;
  const message = `Pages of ${origin} may not call this function.`;
  return { status: 403, headers: { vary: "origin" }, body: { status: 403, statusCode: 403, message } };
};

const marked = (ctx, answer) => {
  const origin = ctx.headers?.origin;
  if (!origin || !answer || typeof answer !== "object") return answer;
  const headers = { ...answer.headers };
  const named = (wanted) => Object.keys(headers).find((name) => name.toLowerCase() === wanted);
  if (named("access-control-allow-origin")) return answer;
  const vary = named("vary") ?? "vary";
  headers[vary] = headers[vary] ? `${headers[vary]}, origin` : "origin";
  return { ...answer, headers: { ...headers, "access-control-allow-origin": origin } };
};

module.exports = (handler) => {
  if (typeof handler !== "function") return handler;
  const isAsync = handler.constructor?.name === "AsyncFunction";
  if (handler.length !== (isAsync ? 1 : 2)) return handler; // cannot be called like this: Fusebit says why
  if (isAsync) return async (ctx) => refusal(ctx) ?? marked(ctx, await handler(ctx));
  return (ctx, cb) => {
    const refused = refusal(ctx);
    if (refused) return cb(null, refused);
    return handler(ctx, (error, answer) => cb(error, marked(ctx, answer)));
  };
};
