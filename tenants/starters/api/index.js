// A small API: GET /orders, POST /orders, GET /orders/:id. Routes are in the table below.
// /health is open to everybody; everything else needs a token (Settings → Who may call).
const { router } = require("./lib/router");

// Kept while this process is warm. For what must last, use a database or Fusebit's storage.
const orders = new Map();

module.exports = router({
  "GET /health": async () => ({ body: { ok: true } }),

  "GET /orders": async () => ({ body: { orders: [...orders.values()] } }),

  "POST /orders": async (ctx) => {
    const { item, amount } = ctx.body;
    if (typeof item !== "string" || !item) return { status: 422, body: { error: "item must be a text" } };
    if (!Number.isInteger(amount) || amount < 1) return { status: 422, body: { error: "amount must be 1 or more" } };
    const order = { id: String(orders.size + 1), item, amount };
    orders.set(order.id, order);
    return { status: 201, headers: { location: `${ctx.baseUrl}/orders/${order.id}` }, body: order };
  },

  "GET /orders/:id": async (_ctx, { id }) => {
    const order = orders.get(id);
    return order ? { body: order } : { status: 404, body: { error: "There is no such order" } };
  },
});
