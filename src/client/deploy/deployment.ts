/**
 * The folder that `init --target systemd` wrote, as far as a host must fit it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { EXIT, UserError } from "../../errors.ts";
import { emptyNamesOf } from "../../scaffold/env-file.ts";

export interface Deployment {
  publicUrl: string;
  /** Path of the file with the secrets. */
  env: string;
  /** Names in it that still have no value. */
  missing: string[];
}

/** @throws UserError exit 2 when the folder holds no such deployment */
export function readDeployment(folder: string): Deployment {
  const file = (name: string) => join(folder, name);
  const lacking = ["mcp-gateway.yaml", ".env", "mcp-gateway.service"].filter(
    (name) => !existsSync(file(name)),
  );
  const hint = "Write a deployment first: mcp-gateway init --target systemd";
  if (lacking.length > 0) {
    const message = `${folder} lacks ${lacking.join(", ")}`;
    throw new UserError(message, { hint, exitCode: EXIT.usage });
  }
  const config: unknown = parse(readFileSync(file("mcp-gateway.yaml"), "utf8"), {
    logLevel: "silent",
  });
  const publicUrl = (config as { publicUrl?: unknown } | null)?.publicUrl;
  if (typeof publicUrl !== "string" || !URL.canParse(publicUrl)) {
    const message = `publicUrl in ${file("mcp-gateway.yaml")} is not an address`;
    throw new UserError(message, { hint, exitCode: EXIT.usage });
  }
  const missing = [...emptyNamesOf(readFileSync(file(".env"), "utf8"))];
  return { publicUrl, env: file(".env"), missing };
}
