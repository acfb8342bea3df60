// Runs every weekday at 07:00 and whenever you press Run. Settings → Schedule changes the times.
//
// Configuration (all optional):
//   SOURCE_URL  JSON to report on: a list of objects with a `total`
//   TARGET_URL  where the report is posted, for example a chat's incoming webhook
const SAMPLE = [{ total: 42 }, { total: 17.5 }, { total: 99 }];

module.exports = async (ctx) => {
  const orders = await source(ctx.configuration.SOURCE_URL);
  const sum = orders.reduce((total, order) => total + Number(order.total || 0), 0);
  const report = { when: new Date().toISOString(), orders: orders.length, sum: Math.round(sum * 100) / 100 };
  console.log(`${report.orders} orders, ${report.sum} in all`);

  if (ctx.configuration.TARGET_URL) await deliver(ctx.configuration.TARGET_URL, report);
  return { body: { ...report, scheduled: ctx.method === "CRON" } };
};

async function source(url) {
  if (!url) return SAMPLE;
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`The source answered ${answer.status}`);
  return answer.json();
}

async function deliver(url, report) {
  const text = `${report.orders} orders, ${report.sum} in all`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text, ...report }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`The target answered ${answer.status}`);
}
