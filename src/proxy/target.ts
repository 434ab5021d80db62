/**
 * What every kind of reverse proxy that configuration is written for has in common. A new one is a file with a `Render` and
 * a line in `targets.ts`.
 */
import type { Config } from "../config.ts";
import { GATEWAY, type Plan, type Route, type Upstream } from "./plan.ts";

export interface RenderedFile {
  /** Relative to the folder the files are for. */
  readonly path: string;
  readonly text: string;
}

/** @throws UserError where this proxy cannot do what was configured */
export type Render = (config: Config) => RenderedFile[];

export const HEAD = `# Generated from mcp-gateway.yaml by: mcp-gateway proxy render
# Change that file and run the command again; changes here are lost.
`;

export const YEAR = 31_536_000; // seconds

/** Seconds that an idle connection is kept; the server behind keeps it longer, or a request would meet its closing. */
export const IDLE = { client: 180, gateway: 55, foreign: 4 } as const;

/** For proxies that think in hosts: one, and its routes, of which the first that matches wins. */
export interface Site {
  readonly host: string;
  readonly routes: readonly Route[];
}

/** Without what is about Traefik itself, and without the redirect, which is the same for all. */
export function sitesOf(plan: Plan): Site[] {
  const routes = plan.routes
    .filter(({ what }) => what !== "redirect" && what !== "dashboard")
    .toSorted((a, b) => b.priority - a.priority);
  return [...new Set(routes.flatMap(({ hosts }) => hosts))].map((host) => ({
    host,
    routes: routes.filter(({ hosts }) => hosts.includes(host)),
  }));
}

export function upstreamOf({ upstreams }: Plan, name: string = GATEWAY): Upstream {
  return upstreams.find((upstream) => upstream.name === name)!;
}

/** As it stands in a `Host` header. */
export function authority({ publicUrl: { port } }: Plan, host: string): string {
  return port === "" ? host : `${host}:${port}`;
}

export function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Where a proxy listens: `:443` is port 443 of every address. */
export function splitAddress(address: string): { host: string; port: string } {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host, port };
}

/** A line, or a block of lines in braces. */
export type Block = string | readonly [head: string, inner: readonly Block[]];

/** @param end of each line that is no block */
export function printBlocks(
  blocks: readonly Block[],
  { tab, end }: { tab: string; end: string },
  indent = "",
): string {
  return blocks
    .map((block) => {
      if (typeof block === "string") return `${indent}${block}${end}\n`;
      const [head, inner] = block;
      const body = printBlocks(inner, { tab, end }, indent + tab);
      return `${indent}${head} {\n${body}${indent}}\n`;
    })
    .join("");
}
