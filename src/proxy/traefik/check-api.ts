/**
 * Whether the routers that Traefik has are those that were planned.
 */
import type { Config } from "../../config.ts";
import { planProxy } from "../plan.ts";
import type { Question } from "../check.ts";
import { dynamicConfiguration, type Router } from "./dynamic.ts";

interface LiveRouter extends Router {
  readonly name: string;
  readonly status: string;
  readonly error?: readonly string[];
}

/** @param api origin of Traefik's API, such as http://127.0.0.1:8082 */
export function apiQuestion(config: Config, api: string): Question {
  const planned = dynamicConfiguration(config, planProxy(config)).http.routers;
  return {
    what: "has the planned routers",
    url: new URL("/api/http/routers?per_page=10000", api).href,
    async judge(response) {
      if (response.status !== 200) return `answered ${response.status}`;
      const all = (await response.json()) as LiveRouter[];
      const live = all.filter(({ name }) => !name.endsWith("@internal"));
      return routerDifferences(planned, live).join("; ") || undefined;
    },
  };
}

/** Traefik writes the provider behind each name: `mcp@file`. */
function routerDifferences(
  planned: Readonly<Record<string, Router>>,
  live: readonly LiveRouter[],
): string[] {
  const found = new Map(live.map((router) => [plainName(router.name), router]));
  const missing = Object.keys(planned).filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !(name in planned));
  const others = Object.entries(planned).flatMap(([name, router]) => {
    const known = found.get(name);
    if (known === undefined) return [];
    if (known.status !== "enabled") return [`${name}: ${known.error?.join(", ") ?? known.status}`];
    return canonical(known) === canonical(router) ? [] : [`${name} is another one`];
  });
  return [
    ...missing.map((name) => `${name} is missing`),
    ...unknown.map((name) => `${name} is not planned`),
    ...others,
  ];
}

function canonical({
  entryPoints,
  rule,
  priority,
  middlewares = [],
  service,
  tls,
}: Router): string {
  const names = middlewares.map(plainName);
  return JSON.stringify([
    entryPoints,
    rule,
    priority,
    names,
    plainName(service),
    tls !== undefined,
  ]);
}

function plainName(name: string): string {
  return name.replace(/@(?:file|http)$/, "");
}
