/**
 * The store against the least that the disk can do. A script of its own, run as a process: within a test runner lowdb would
 * not even touch the disk.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { it } from "vitest";

it("the store", () => {
  const script = fileURLToPath(new URL("store.js", import.meta.url));
  const env = { ...process.env, NODE_ENV: "production" };
  console.log(execFileSync(process.execPath, [script], { env, encoding: "utf8" }));
});
