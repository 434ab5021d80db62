/**
 * What the reverse proxy in front does, planned from the configuration: which addresses it answers for, what may be reached
 * there, and who answers. The commands, the files for Traefik and the checks from outside are all made from this plan.
 *
 * Nothing is reachable but what a route names: `/verify`, `/metrics` and `/readyz` have none, and `/admin` has one only where there are
 * admins.
 */
import { RESERVED_NAMES, type Config } from "../config.ts";
import { basePath, endpointsOf, hasAdmins, type Endpoint } from "../config/endpoints.ts";

export interface Plan {
  readonly publicUrl: URL;
  /** Whether people come by https; else everything is plain, on loopback. */
  readonly isSecure: boolean;
  readonly listen: Config["proxy"]["listen"];
  /** Name of the one certificate that serves every host of the gateway; absent where each host has its own. */
  readonly wildcard?: string;
  readonly routes: readonly Route[];
  readonly upstreams: readonly Upstream[];
}

export interface Route {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly paths: Paths;
  /** Every method where absent. */
  readonly method?: "OPTIONS";
  /** The highest that matches wins. */
  readonly priority: number;
  readonly what: "mcp" | "preflight" | "discovery" | "pages" | "dashboard" | "redirect";
  /**
   * Who keeps out those without a right: `open` nobody, `gateway` the one who answers, `verify` the proxy itself by asking
   * `/verify`, `password` the proxy by HTTP Basic, `redirect` nothing can be reached.
   */
  readonly access: "open" | "gateway" | "verify" | "password" | "redirect";
  /** Name of an upstream; absent where the proxy itself answers. */
  readonly upstream?: string;
}

interface Paths {
  /** These only. */
  readonly exact?: readonly string[];
  /** These and everything below them. */
  readonly below?: readonly string[];
}

export interface Upstream {
  readonly name: string;
  /** Origins; several share the load. */
  readonly servers: readonly string[];
  /** What stands in the place of the public path; absent where paths stay as they are. */
  readonly path?: string;
}

export const GATEWAY = "gateway";

/** Where two routes match, what is said of fewer requests wins. */
const PRIORITY = {
  preflight: 500,
  mcp: 400,
  discovery: 300,
  pages: 200,
  dashboard: 200,
  redirect: 100,
} as const;

/** Whether the remote administration can be reached from outside; who may use it is the gateway's own question. */
export function isAdminReachable(config: Config): boolean {
  return config.proxy.admin && hasAdmins(config);
}

/** Paths of the gateway's that nobody outside has business with. */
const INTERNAL: ReadonlySet<string> = new Set(["admin", "mcp", "metrics", "readyz", "verify"]);

export function planProxy(config: Config): Plan {
  const publicUrl = new URL(config.publicUrl);
  const isSecure = publicUrl.protocol === "https:";
  const { acme, dashboard, listen } = config.proxy;
  const hasWildcard = acme?.challenge === "dns-01" && config.routing === "subdomain";
  const routes = [...endpointsOf(config).flatMap((at) => mcpRoutes(config, at))];
  routes.push(...discoveryRoutes(config), pages(config));
  if (dashboard) {
    const below = ["/api", "/dashboard"];
    routes.push(route("dashboard", "dashboard", [dashboard.host], { below }, "password"));
  }
  const hosts = [...new Set(routes.flatMap((each) => each.hosts))];
  if (isSecure) routes.push(route("redirect", "redirect", hosts, { below: [""] }, "redirect"));
  return {
    publicUrl,
    isSecure,
    listen,
    ...(hasWildcard && { wildcard: `*.${publicUrl.hostname}` }),
    routes,
    upstreams: upstreams(config),
  };
}

function route(
  name: string,
  what: Route["what"],
  hosts: readonly string[],
  paths: Paths,
  access: Route["access"],
): Route {
  return { name, what, hosts, paths, access, priority: PRIORITY[what] };
}

/** Bare and with one slash behind it; nothing else, so that nothing is decided about a path that a server reads differently. */
function mcpRoutes(config: Config, { service, origin, path, isDefault }: Endpoint): Route[] {
  const name = isDefault ? "mcp" : `mcp-${service}`;
  const hosts = [new URL(origin).hostname];
  const paths = { exact: [path, `${path}/`] };
  if (!("via" in config.services[service]!)) {
    return [{ ...route(name, "mcp", hosts, paths, "gateway"), upstream: GATEWAY }];
  }
  // A preflight carries no token, so the server behind must never see one: the gateway answers in its place.
  return [
    { ...route(name, "mcp", hosts, paths, "verify"), upstream: upstreamName(service) },
    {
      ...route(`${name}-preflight`, "preflight", hosts, paths, "open"),
      method: "OPTIONS",
      upstream: GATEWAY,
    },
  ];
}

/** Clients look for documents at the root, below the endpoint and below the public URL (RFC 8414 §3, RFC 9728 §3). */
function discoveryRoutes(config: Config): Route[] {
  const issuer = new URL(config.publicUrl).hostname;
  const endpoints = endpointsOf(config);
  const hosts = new Set([issuer, ...endpoints.map(({ origin }) => new URL(origin).hostname)]);
  return Array.from(hosts, (host) => {
    const here = endpoints.filter(({ origin }) => new URL(origin).hostname === host);
    const bases = new Set(["", ...(host === issuer ? [basePath(config)] : [])]);
    for (const { path } of here) bases.add(path);
    const below = Array.from(bases, (base) => `${base}/.well-known`);
    const name = host === issuer ? "discovery" : `discovery-${here[0]!.service}`;
    return { ...route(name, "discovery", [host], { below }, "open"), upstream: GATEWAY };
  });
}

/** OAuth endpoints and pages for people are at the issuer's own host only. */
function pages(config: Config): Route {
  const names = [...RESERVED_NAMES].filter((name) => !INTERNAL.has(name));
  if (isAdminReachable(config)) names.push("admin");
  const below = names.toSorted().map((name) => `${basePath(config)}/${name}`);
  const hosts = [new URL(config.publicUrl).hostname];
  return { ...route("pages", "pages", hosts, { below }, "gateway"), upstream: GATEWAY };
}

function upstreams(config: Config): Upstream[] {
  const { host, port } = config.listen;
  const isEverywhere = host === "0.0.0.0" || host === "::" || host === "localhost";
  const own = `http://${isEverywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host}:${port}`;
  const servers = (config.proxy.gateways ?? [own]).map((url) => new URL(url).origin);
  const foreign = Object.entries(config.services).flatMap(([name, service]): Upstream[] => {
    if (!("via" in service)) return [];
    const url = new URL(service.url);
    return [{ name: upstreamName(name), servers: [url.origin], path: url.pathname }];
  });
  return [{ name: GATEWAY, servers }, ...foreign];
}

function upstreamName(service: string): string {
  return `mcp-${service}`;
}
