/**
 * What Traefik does with a request on its way in, and with the answer on its way out.
 *
 * No route has a middleware that buffers or compresses: streams of events go through as they come.
 */
import type { Config } from "../../config.ts";
import { FOREIGN_ANSWER, FOREIGN_SECRETS, FORGEABLE } from "../foreign.ts";
import type { Plan, Route, Upstream } from "../plan.ts";
import { upstreamOf, YEAR } from "../target.ts";

type Middlewares = Record<string, Record<string, unknown>>;

const LARGEST_REFUSAL = 65_536; // bytes; an answer of /verify has a few hundred

const NAMES: Readonly<Record<Route["what"], readonly string[]>> = {
  mcp: ["headers"],
  preflight: ["headers"],
  discovery: ["headers", "rate-limit"],
  pages: ["headers", "rate-limit"],
  dashboard: ["headers", "rate-limit", "dashboard-users"],
  redirect: ["to-https"],
};

/** Names of a route's middlewares, outermost first. */
export function middlewaresOf({ what, access, upstream }: Route): string[] {
  // The path is rewritten last: /verify must judge the one that was asked for.
  const guard = access === "verify" ? ["foreign", "verify", pathName(upstream!)] : [];
  return [...NAMES[what], ...guard];
}

/** Those that the plan's routes name, and no other: Traefik's log would be full of what is not used. */
export function middlewares(config: Config, plan: Plan): Middlewares {
  const all: Middlewares = {
    headers: headers(plan),
    "rate-limit": rateLimit(config),
    "to-https": toHttps(plan),
    foreign: foreign(),
    verify: verify(config, plan),
    "dashboard-users": {
      basicAuth: { usersFile: config.proxy.dashboard?.usersFile, removeHeader: true },
    },
  };
  for (const upstream of plan.upstreams) {
    if (upstream.path !== undefined) all[pathName(upstream.name)] = replacePath(upstream);
  }
  const named = new Set(plan.routes.flatMap(middlewaresOf));
  return Object.fromEntries(Object.entries(all).filter(([name]) => named.has(name)));
}

/** For answers that Traefik makes itself, too; the gateway's pages add what belongs to them. */
function headers({ isSecure }: Plan): Record<string, unknown> {
  return { headers: { ...(isSecure && { stsSeconds: YEAR }), contentTypeNosniff: true } };
}

function rateLimit({ proxy }: Config): Record<string, unknown> {
  const { trustedIPs, rateLimit: bound } = proxy;
  // Whoever has one IPv6 address has all of its /64, so that counts as one source.
  const ipStrategy = trustedIPs.length > 0 ? { excludedIPs: trustedIPs } : { ipv6Subnet: 64 };
  return { rateLimit: { ...bound, sourceCriterion: { ipStrategy } } };
}

function toHttps({ publicUrl }: Plan): Record<string, unknown> {
  const { port } = publicUrl;
  return { redirectScheme: { scheme: "https", permanent: true, ...(port !== "" && { port }) } };
}

/**
 * ForwardAuth. What stands in `authResponseHeaders` is deleted from the request and set from the answer of `/verify`; the
 * answer never has `Authorization`, so the client's token ends here.
 */
function verify(config: Config, plan: Plan): Record<string, unknown> {
  const { servers } = upstreamOf(plan);
  // ForwardAuth knows one address only: several gateways are reached through Traefik itself, which knows who is alive.
  const origin = servers.length === 1 ? servers[0] : `http://${config.proxy.listen.internal}`;
  return {
    forwardAuth: {
      address: `${origin}/verify`,
      trustForwardHeader: false,
      authResponseHeaders: FORGEABLE,
      maxResponseBodySize: LARGEST_REFUSAL,
    },
  };
}

function foreign(): Record<string, unknown> {
  // An empty value removes a header.
  const removed = Object.fromEntries(FOREIGN_SECRETS.map((name) => [name, ""]));
  return {
    headers: {
      customRequestHeaders: { Cookie: "" },
      customResponseHeaders: { ...FOREIGN_ANSWER, ...removed },
    },
  };
}

function replacePath({ path }: Upstream): Record<string, unknown> {
  return { replacePath: { path } };
}

function pathName(upstream: string): string {
  return `${upstream}-path`;
}
