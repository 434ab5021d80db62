/**
 * Traefik's dynamic configuration: what may change while it runs. The same object is written to a file and served to
 * Traefik's HTTP provider.
 */
import type { Config } from "../../config.ts";
import { GATEWAY, type Plan, type Route, type Upstream } from "../plan.ts";
import { IDLE, upstreamOf } from "../target.ts";
import { middlewares, middlewaresOf } from "./middlewares.ts";
import { ruleOf } from "./rule.ts";

/** The entry points by the names they have in the static configuration. */
export const ENTRY_POINTS = { http: "web", https: "websecure", internal: "traefik" } as const;

export const CERTIFICATE_RESOLVER = "acme";

/** Traefik itself answers: its dashboard, and nothing at all behind a redirect. */
const OWN_SERVICES = { dashboard: "api@internal", redirect: "noop@internal" } as const;

/** A router as Traefik's API shows it, too. */
export interface Router {
  readonly entryPoints: readonly string[];
  readonly rule: string;
  readonly priority: number;
  readonly middlewares?: readonly string[];
  readonly service: string;
  readonly tls?: object;
}

export interface DynamicConfiguration {
  readonly http: {
    readonly routers: Readonly<Record<string, Router>>;
    readonly middlewares: object;
    readonly services: object;
    readonly serversTransports: object;
  };
  readonly tls?: object;
}

export function dynamicConfiguration(config: Config, plan: Plan): DynamicConfiguration {
  const routers = plan.routes.map((route) => [route.name, router(config, plan, route)] as const);
  return {
    http: {
      routers: Object.fromEntries([...routers, ...verifyRouter(plan)]),
      middlewares: middlewares(config, plan),
      services: Object.fromEntries(
        plan.upstreams.map((upstream) => [upstream.name, service(upstream)]),
      ),
      serversTransports: transports(plan),
    },
    ...(plan.isSecure && { tls: tls(config) }),
  };
}

function router(config: Config, plan: Plan, route: Route): Router {
  const isRedirect = route.what === "redirect";
  const isSecure = plan.isSecure && !isRedirect;
  return {
    entryPoints: [isSecure ? ENTRY_POINTS.https : ENTRY_POINTS.http],
    rule: ruleOf(route),
    priority: route.priority,
    middlewares: middlewaresOf(route),
    service: route.upstream ?? OWN_SERVICES[route.what as keyof typeof OWN_SERVICES],
    ...(isSecure && { tls: certificate(config, plan, route) }),
  };
}

/** Without `domains` Traefik asks for a certificate of the one host in the rule. */
function certificate({ proxy }: Config, { publicUrl, wildcard }: Plan, { what }: Route): object {
  if (!proxy.acme) return {};
  const isCovered = wildcard !== undefined && what !== "dashboard";
  const domains = [{ main: publicUrl.hostname, sans: [wildcard] }];
  return { certResolver: CERTIFICATE_RESOLVER, ...(isCovered && { domains }) };
}

/** For ForwardAuth, when there are several gateways; only Traefik itself comes in there. */
function verifyRouter(plan: Plan): [string, Router][] {
  const { servers } = upstreamOf(plan);
  const isAsked = plan.routes.some(({ access }) => access === "verify");
  if (servers.length === 1 || !isAsked) return [];
  const entryPoints = [ENTRY_POINTS.internal];
  return [["verify", { entryPoints, rule: "Path(`/verify`)", priority: 100, service: GATEWAY }]];
}

function service({ name, servers }: Upstream): object {
  const isGateway = name === GATEWAY;
  return {
    loadBalancer: {
      servers: servers.map((url) => ({ url })),
      // The gateway decides by the host that was asked for. A foreign server knows only the one in its own url.
      passHostHeader: isGateway,
      serversTransport: isGateway ? GATEWAY : "foreign",
      responseForwarding: { flushInterval: "1ms" },
      ...(servers.length > 1 && {
        // By source address: an MCP session lives in one gateway, and its client keeps no cookie that could name it.
        strategy: "hrw",
        healthCheck: { path: "/readyz", interval: "5s", timeout: "3s" },
      }),
    },
  };
}

/**
 * A connection that the server closes just when it is used again costs the request, so Traefik gives it up first: the gateway
 * keeps them for 65 s, Node's servers by default for 5 s.
 */
function transports({ upstreams }: Plan): object {
  const transport = (idle: number): object => ({
    forwardingTimeouts: { dialTimeout: "5s", idleConnTimeout: `${idle}s` },
  });
  const hasForeign = upstreams.some(({ name }) => name !== GATEWAY);
  return {
    [GATEWAY]: transport(IDLE.gateway),
    ...(hasForeign && { foreign: transport(IDLE.foreign) }),
  };
}

function tls({ proxy }: Config): object {
  const { acme, certificates } = proxy;
  // Whoever names no host of ours, or none, is shown no certificate; without any there is only Traefik's own to show.
  const sniStrict = acme !== undefined || certificates.length > 0;
  return {
    options: { default: { minVersion: "VersionTLS12", sniStrict } },
    ...(certificates.length > 0 && { certificates }),
  };
}
