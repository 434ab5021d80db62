/**
 * The real Traefik: one on PATH, or the one that test/support/traefik/build.js has built.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @throws where there is none */
export function traefikProgram(): string {
  const found = spawnSync("sh", ["-c", "command -v traefik"], { encoding: "utf8" });
  if (found.status === 0) return found.stdout.trim();
  const built = fileURLToPath(new URL("../../.cache/traefik", import.meta.url));
  if (existsSync(built)) return built;
  throw new Error("no Traefik: put one on PATH, or run node test/support/traefik/build.js");
}
