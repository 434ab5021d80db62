/**
 * An entry of `services`: a program on this machine, or a server elsewhere.
 */
import { z } from "zod";
import { headerCredentials, variableCredentials } from "./credentials.ts";
import { allowRules } from "./identity.ts";
import { permissions } from "./permissions.ts";
import { policies, rules } from "./policy.ts";
import { toolGroups } from "./tool-groups.ts";
import { innerUrl } from "./proxy.ts";
import { duration, positive, secureUrl } from "./values.ts";

/** Of every service: what `/verify` and the gateway's own endpoints need to know. */
const guarded = {
  era: z
    .enum(["auto", "legacy", "modern", "dual"])
    .default("auto")
    .describe(
      "MCP revisions the server speaks: legacy (initialize), modern (2026-07-28), or dual. With auto, /verify tells no tools apart.",
    ),
  scopes: toolGroups.optional(),
  allow: allowRules
    .optional()
    .describe(
      "Who may use this service, of those whom identity.allow lets in; without it all of them.",
    ),
  ...rules,
  policies,
};

/** Of those that the gateway itself speaks to. */
const common = {
  ...guarded,
  isolation: z
    .enum(["session", "user", "shared"])
    .default("session")
    .describe(
      "Who shares a running server: nobody (session), the sessions of one person with one client (user), or everybody (shared).",
    ),
  timeout: duration
    .prefault("5m")
    .describe("A request that neither ends nor shows progress for so long is given up."),
  maxSessions: positive
    .optional()
    .describe("Sessions of this service at once; else those in limits."),
};

const stdioService = z
  .strictObject({
    command: z.string().min(1).describe("Program to run; found on PATH. No shell is involved."),
    args: z.array(z.string()).default([]).describe("Its arguments."),
    env: z
      .record(z.string(), z.string())
      .default({})
      .describe(
        "Environment of the child, besides PATH, HOME, LANG and a few more. ${NAME} is replaced.",
      ),
    cwd: z.string().optional().describe("Working directory; the configuration file's by default."),
    permissions: permissions.optional(),
    credentials: variableCredentials.optional(),
    warm: z
      .int()
      .min(0)
      .max(8)
      .default(0)
      .describe("Processes kept started ahead, so that a new session need not wait for one."),
    revive: z
      .boolean()
      .default(true)
      .describe(
        "Whether a session goes on in a new process after the gateway was restarted; false where the server's memory matters.",
      ),
    ...common,
  })
  .describe("A program on this machine, in the shape of an mcpServers entry.");

const remoteService = z
  .strictObject({
    url: secureUrl.describe("The MCP endpoint of a server elsewhere; https, or http on loopback."),
    transport: z
      .enum(["auto", "streamable-http", "sse"])
      .default("auto")
      .describe("How it is spoken to; sse is the transport of 2024-11-05."),
    headers: z
      .record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "a header's name"), z.string())
      .default({})
      .describe(
        "Headers of every request, such as its own credentials. ${NAME} is replaced. A caller's token never reaches it.",
      ),
    credentials: headerCredentials.optional(),
    ...common,
  })
  .describe("An MCP server elsewhere, in the shape of an mcpServers entry with a url.");

const foreignService = z
  .strictObject({
    url: innerUrl.describe("The MCP endpoint as the reverse proxy reaches it."),
    via: z
      .literal("traefik")
      .describe(
        "The reverse proxy forwards to it and asks /verify first; nothing of it passes through the gateway.",
      ),
    ...guarded,
  })
  .describe("An MCP server of its own behind the same reverse proxy.");

export const service = z
  .union([stdioService, remoteService, foreignService])
  .describe("An MCP server behind the gateway: a command, or a url.");

export type BridgedServiceConfig = StdioServiceConfig | RemoteServiceConfig;
export type StdioServiceConfig = z.output<typeof stdioService>;
export type RemoteServiceConfig = z.output<typeof remoteService>;

/** An entry without what says who may use what of it: that is decided in front of the server, which stays the same. */
export function withoutRules(entry: BridgedServiceConfig): BridgedServiceConfig {
  const none = undefined;
  const lists = { tools: none, resources: none, prompts: none, arguments: none, policies: none };
  return { ...entry, allow: none, scopes: none, ...lists };
}
