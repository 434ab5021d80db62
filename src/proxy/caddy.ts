/**
 * The same plan for Caddy, as a Caddyfile: certificates are Caddy's own work, ForwardAuth is what its `forward_auth` stands
 * for, written out so that no version of it leaves a header of the client's in place.
 *
 * Caddy as it is published has no limit of rates; the gateway's own limits hold behind it.
 */
import { IDENTITY_HEADERS } from "../auth-info.ts";
import type { Config } from "../config.ts";
import { UserError } from "../errors.ts";
import { FOREIGN_ANSWER, FOREIGN_SECRETS, FORGEABLE, OTHERS_WORDS } from "./foreign.ts";
import { planProxy, type Plan, type Route, type Upstream } from "./plan.ts";
import {
  authority,
  escapeRegExp,
  HEAD,
  IDLE,
  printBlocks,
  sitesOf,
  splitAddress,
  upstreamOf,
  YEAR,
  type Block,
  type RenderedFile,
  type Site,
} from "./target.ts";

const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** @returns one Caddyfile @throws UserError */
export function renderCaddy(config: Config): RenderedFile[] {
  const plan = planProxy(config);
  const sites = sitesOf(plan);
  const blocks: Block[] = [
    ["", globalOptions(config, plan)],
    ["(site)", siteOptions(config, plan)],
    ["(to-gateway)", [toGateway(config, plan)]],
    ...(plan.routes.some(({ access }) => access === "verify")
      ? [["(verified)", verified(config, plan)] as const]
      : []),
    ...sites.map((site) => siteBlock(config, plan, site)),
    ...(plan.isSecure ? [redirect(plan, sites)] : []),
    ...unknownHosts(plan),
  ];
  const text = blocks
    .map((block) => printBlocks([block], { tab: "\t", end: "" }).trimStart())
    .join("\n");
  return [{ path: "Caddyfile", text: `${HEAD}\n${text}` }];
}

function globalOptions({ proxy }: Config, { listen, isSecure }: Plan): Block[] {
  const { acme } = proxy;
  const url = acme?.caServer === "staging" ? STAGING : acme?.caServer;
  return [
    `http_port ${splitAddress(listen.http).port}`,
    ...(isSecure ? [`https_port ${splitAddress(listen.https).port}`] : []),
    // Its own redirect names the port that it listens on, which need not be the public one.
    isSecure ? "auto_https disable_redirects" : "auto_https off",
    "skip_install_trust",
    ...(acme === undefined ? [] : [`email ${acme.email}`]),
    ...(url === undefined || url === "production" ? [] : [`acme_ca ${url}`]),
    [
      "servers",
      [["timeouts", ["read_header 10s", `idle ${IDLE.client}s`]], "max_header_size 16384"],
    ],
  ];
}

/** What every site has: its headers on all answers, and a log without what is secret. */
function siteOptions({ proxy }: Config, { isSecure }: Plan): Block[] {
  const hsts = `Strict-Transport-Security max-age=${YEAR}`;
  // Codes and tokens travel in queries, headers and redirects; none is written down.
  const fields = ["request>uri regexp \\?.* ?", "request>headers delete", "resp_headers delete"];
  return [
    ["header", [...(isSecure ? [hsts] : []), "X-Content-Type-Options nosniff", "-Server", "defer"]],
    ...(proxy.accessLog
      ? [["log", [["format filter", ["wrap json", ["fields", fields]]]]] as const]
      : []),
  ];
}

function toGateway(config: Config, plan: Plan): Block {
  return [`reverse_proxy ${upstreamOf(plan).servers.join(" ")}`, gatewayOptions(config, plan)];
}

function gatewayOptions(config: Config, plan: Plan): Block[] {
  const isShared = upstreamOf(plan).servers.length > 1;
  return [
    ...transport(config, IDLE.gateway),
    // By source address: an MCP session lives in one gateway, and its client keeps no cookie that could name it.
    ...(isShared
      ? ["lb_policy ip_hash", "lb_try_duration 5s", "health_uri /readyz", "health_interval 5s"]
      : []),
  ];
}

/** Nothing is buffered or compressed, and an answer may last as long as its session. */
function transport({ proxy }: Config, idle: number): Block[] {
  const { trustedIPs } = proxy;
  return [
    // Not -1, with which a request goes on when its client has gone.
    "flush_interval 1ms",
    ...(trustedIPs.length > 0 ? [`trusted_proxies ${trustedIPs.join(" ")}`] : []),
    [
      "transport http",
      ["versions 1.1", "compression off", "dial_timeout 5s", `keepalive ${idle}s`],
    ],
  ];
}

/**
 * What a foreign server's request passes first. 2xx of `/verify` says who is calling; every other answer goes to the client as
 * it is, and without an answer there is 502.
 */
function verified(config: Config, plan: Plan): Block[] {
  const removed = [
    // Headers that it names would be taken from the request on the way to the server.
    "Connection",
    // `X_Auth_Subject` and `X.Auth.Subject` are `X-Auth-Subject` to many a server behind.
    ...["*_*", "*.*"],
    ...OTHERS_WORDS,
    ...FORGEABLE.filter((name) => name !== "Authorization"),
  ];
  const caller = Object.entries(IDENTITY_HEADERS).flatMap(([key, name]): Block[] => {
    const value = `{http.reverse_proxy.header.${name}}`;
    // By version of Caddy, what an answer lacks is nothing, "<nil>", or the name of the placeholder.
    return [`@${key} vars_regexp ${value} ^[^<{]`, `request_header @${key} ${name} ${value}`];
  });
  return [
    ...removed.map((name) => `request_header -${name}`),
    [
      `reverse_proxy ${upstreamOf(plan).servers.join(" ")}`,
      [
        ...["method GET", "rewrite /verify"],
        ...["header_up X-Forwarded-Method {method}", "header_up X-Forwarded-Uri {uri}"],
        ...gatewayOptions(config, plan),
        "@may status 2xx",
        ["handle_response @may", caller],
      ],
    ],
    // The client's token ends here, and its cookies are for pages of the gateway's.
    ...["Authorization", "Cookie"].map((name) => `request_header -${name}`),
    [
      "header",
      [
        ...Object.entries(FOREIGN_ANSWER).map(([name, value]) => `${name} "${value}"`),
        ...FOREIGN_SECRETS.map((name) => `-${name}`),
        "defer",
      ],
    ],
  ];
}

function siteBlock(config: Config, plan: Plan, { host, routes }: Site): Block {
  const scheme = plan.isSecure ? "https" : "http";
  return [
    `${scheme}://${host}`,
    [
      ...bind(plan.isSecure ? plan.listen.https : plan.listen.http),
      ...(plan.isSecure ? certificates(config) : []),
      "import site",
      // In the order in which it is written: the first route that matches answers.
      ["route", [...routes.flatMap((route) => routeBlocks(config, plan, route)), "respond 404"]],
    ],
  ];
}

function routeBlocks(config: Config, plan: Plan, { name, ...route }: Route): Block[] {
  // As it was sent: Caddy's own matchers of paths know no case, and read what is encoded.
  const asked = `vars_regexp {http.request.uri} "${pattern(route)}"`;
  const matcher: Block =
    route.method === undefined
      ? `@${name} ${asked}`
      : [`@${name}`, [`method ${route.method}`, asked]];
  const upstream = upstreamOf(plan, route.upstream);
  const inner = route.access === "verify" ? foreign(config, upstream) : ["import to-gateway"];
  return [matcher, [`route @${name}`, inner]];
}

function foreign(config: Config, { servers, path }: Upstream): Block[] {
  return [
    ["request_body", [`max_size ${config.limits.requestBody}`]],
    "import verified",
    `rewrite * "${path}"`,
    [
      `reverse_proxy ${servers[0]}`,
      ["header_up Host {upstream_hostport}", ...transport(config, IDLE.foreign)],
    ],
  ];
}

/** Of a path with its query. */
function pattern({ paths: { exact = [], below = [] } }: Pick<Route, "paths">): string {
  const either = (paths: readonly string[]): string => paths.map(escapeRegExp).join("|");
  const whole = exact.length > 0 ? [`(${either(exact)})(\\?|$)`] : [];
  const begun = below.length > 0 ? [`(${either(below)})([/?]|$)`] : [];
  return `^${[...whole, ...begun].join("|^")}`;
}

/** @throws UserError */
function certificates({ proxy: { acme, certificates: own } }: Config): Block[] {
  if (acme === undefined && own.length === 0) return ["tls internal"];
  const files = own.map(({ certFile, keyFile }) => `tls "${certFile}" "${keyFile}"`);
  if (acme === undefined) return files;
  if (acme.challenge === "dns-01") {
    throw new UserError("Caddy as it is published cannot answer dns-01", {
      hint: "Set proxy.acme.challenge to tls-alpn-01 or http-01, or name files in proxy.certificates.",
    });
  }
  const other = acme.challenge === "http-01" ? "tlsalpn" : "http";
  return [...files, ["tls", [["issuer acme", [`disable_${other}_challenge`]]]]];
}

function bind(address: string): Block[] {
  const { host } = splitAddress(address);
  return host === "" ? [] : [`bind ${host.replaceAll(/[[\]]/g, "")}`];
}

function redirect(plan: Plan, sites: readonly Site[]): Block {
  return [
    sites.map(({ host }) => `http://${host}`).join(", "),
    [
      ...bind(plan.listen.http),
      "import site",
      `redir https://${authority(plan, "{host}")}{uri} 308`,
    ],
  ];
}

/** Without them Caddy would answer 200, with nothing. */
function unknownHosts({ isSecure, listen }: Plan): Block[] {
  const addresses = isSecure
    ? ([
        ["http", listen.http],
        ["https", listen.https],
      ] as const)
    : ([["http", listen.http]] as const);
  return addresses.map(([scheme, address]) => [
    `${scheme}://:${splitAddress(address).port}`,
    [...bind(address), "respond 404"],
  ]);
}
