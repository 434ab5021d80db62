/**
 * A configuration on the disk that is changed while the gateway runs.
 */
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect } from "vitest";
import { stringify } from "yaml";
import { fixture, type TestGateway } from "./gateway.ts";

/** Change the configuration by `write`, and wait until it is in force. */
export async function reloaded(gateway: TestGateway, write: () => void): Promise<void> {
  const count = () => gateway.events.filter(({ type }) => type === "config.reloaded").length;
  const before = count();
  write();
  await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(before);
}

/** One echoing service, state beside the file, and these admins; undefined leaves the list out. */
export function writeAdmins(file: string, admins: string[] | undefined): void {
  const echo = { command: process.execPath, args: [fixture("echo.js")], permissions: "all" };
  const config = {
    publicUrl: "http://localhost:0",
    listen: { host: "localhost", port: 0 },
    store: { type: "lowdb", path: dirname(file) },
    ...(admins && { identity: { admins } }),
    services: { echo },
  };
  writeFileSync(file, stringify(config));
}
