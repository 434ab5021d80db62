/**
 * The bridge and the store against the least that Node and the disk can do. Scripts of their own, run as processes: within a test
 * runner lowdb would not even touch the disk.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { it } from "vitest";

it.each(["bridge.js", "store.js"])("%s", (name) => {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const env = { ...process.env, NODE_ENV: "production" };
  console.log(execFileSync(process.execPath, [script], { env, encoding: "utf8" }));
});
