// Prints name, version and licence text of every package that goes into the bundle.
import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const [path, { version, dev }] of Object.entries(packages)) {
  if (!path || dev) continue;
  const text = readFileSync(`${path}/LICENSE`, "utf8").trim();
  console.log(`${path.replace("node_modules/", "")} ${version}\n\n${text}\n\n${"-".repeat(80)}\n`);
}
