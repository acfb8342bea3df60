// Finds the handler for a method and a path such as "GET /orders/:id", and answers 404 or 405 where there is none.
exports.router = (table) => {
  const routes = Object.entries(table).map(([key, handler]) => {
    const [method, path] = key.split(" ");
    return { method, parts: path.split("/").filter(Boolean), handler };
  });

  return async (ctx) => {
    const given = ctx.path.split("?")[0].split("/").filter(Boolean).map(decodeURIComponent);
    const fitting = routes.filter(({ parts }) => fits(parts, given));
    if (!fitting.length) return { status: 404, body: { error: "There is no such path" } };
    const route = fitting.find(({ method }) => method === ctx.method);
    if (!route) {
      const allow = fitting.map(({ method }) => method).join(", ");
      return { status: 405, headers: { allow }, body: { error: `Use ${allow}` } };
    }
    return route.handler(ctx, parameters(route.parts, given));
  };
};

function fits(parts, given) {
  return parts.length === given.length && parts.every((part, at) => part.startsWith(":") || part === given[at]);
}

function parameters(parts, given) {
  const named = parts.map((part, at) => [part, given[at]]).filter(([part]) => part.startsWith(":"));
  return Object.fromEntries(named.map(([part, value]) => [part.slice(1), value]));
}
