/**
 * The same plan for nginx: one file for its `http` context, such as /etc/nginx/conf.d has. ForwardAuth is `auth_request`, so
 * nginx must have ngx_http_auth_request_module. It is the default server of its ports: no other may be.
 *
 * nginx gets no certificates; another program keeps them where `proxy.certificates` says.
 */
import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { GATEWAY, planProxy, type Plan, type Route, type Upstream } from "../plan.ts";
import {
  authority,
  escapeRegExp,
  HEAD,
  IDLE,
  printBlocks,
  sitesOf,
  splitAddress,
  upstreamOf,
  type Block,
  type RenderedFile,
  type Site,
} from "../target.ts";
import { foreign, refusals, verify } from "./guard.ts";
import {
  answerHeaders,
  asked,
  COMMON_ANSWER,
  hideHeader,
  hostAndPort,
  nameOf,
  setHeader,
  toGateway,
} from "./words.ts";

/** Programs that renew certificates put their answers to http-01 there. */
const WEB_ROOT = "/var/www/html";

const LONGEST_HEADERS = "16k"; // as the gateway itself

const LOG = "/var/log/nginx/mcp-gateway";

/** @returns one file @throws UserError */
export function renderNginx(config: Config): RenderedFile[] {
  const plan = planProxy(config);
  const sites = sitesOf(plan);
  const blocks: Block[] = [
    ...http(config, plan),
    unknownHosts(plan),
    ...(plan.isSecure ? [redirect(config, plan, sites)] : []),
    ...sites.map((site) => server(config, plan, site)),
  ];
  const text = printBlocks(blocks, { tab: "  ", end: ";" }).replaceAll(
    /^(?=server|map|upstream)/gm,
    "\n",
  );
  return [{ path: "mcp-gateway.conf", text: `${HEAD}\n${text}` }];
}

function http({ proxy }: Config, plan: Plan): Block[] {
  const { average } = proxy.rateLimit;
  const format = `{"time":"$time_iso8601","from":"$remote_addr","method":"$request_method","host":"$host","path":"$uri","status":$status,"seconds":$request_time,"bytes":$bytes_sent}`;
  return [
    ...plan.upstreams.map(upstream),
    // nginx reads `//`, `/../` and what is encoded before it looks for a location; here the path has to be what was sent.
    [`map "$uri $request_uri" $mcp_gateway_is_plain`, ["default 0", `"~^([^ ?]*) \\1(?:\\?|$)" 1`]],
    // Whoever has one IPv6 address has all of its /64, so that counts as one source.
    [
      "map $binary_remote_addr $mcp_gateway_source",
      ["default $binary_remote_addr", `"~(?s)^(?<network>.{8}).{8}$" $network`],
    ],
    `limit_req_zone $mcp_gateway_source zone=mcp_gateway:10m rate=${average}r/s`,
    ...(proxy.accessLog ? [`log_format mcp_gateway escape=json '${format}'`] : []),
  ];
}

function upstream({ name, servers }: Upstream): Block {
  return [
    `upstream ${nameOf(name)}`,
    [
      // By source address: an MCP session lives in one gateway, and its client keeps no cookie that could name it.
      ...(servers.length > 1 ? ["hash $remote_addr consistent"] : []),
      ...servers.map((origin) => `server ${hostAndPort(origin)}`),
      ...(name === GATEWAY ? ["keepalive 64", `keepalive_timeout ${IDLE.gateway}s`] : []),
    ],
  ];
}

/** @param more what is said of the port besides */
function listen(address: string, more = ""): Block[] {
  const { host, port } = splitAddress(address);
  const all = host === "" ? [port, `[::]:${port}`] : [`${host}:${port}`];
  return all.map((one) => `listen ${one}${more}`);
}

/** How requests are read: nginx takes it from the server whose name TLS named, or from the default one. */
const READING: readonly Block[] = [
  "client_header_timeout 10s",
  "client_body_timeout 30s",
  `keepalive_timeout ${IDLE.client}s`,
  `large_client_header_buffers 4 ${LONGEST_HEADERS}`,
  // `X_Auth_Subject` and `X.Auth.Subject` are `X-Auth-Subject` to many a server behind.
  "ignore_invalid_headers on",
  "underscores_in_headers off",
  "server_tokens off",
];

function unknownHosts({ isSecure, listen: at }: Plan): Block {
  return [
    "server",
    [
      ...listen(at.http, " default_server"),
      ...(isSecure ? listen(at.https, " ssl default_server") : []),
      ...(isSecure ? ["ssl_reject_handshake on"] : []),
      ...READING,
      "return 404",
    ],
  ];
}

function redirect({ proxy }: Config, plan: Plan, sites: readonly Site[]): Block {
  const challenge: Block = ["location ^~ /.well-known/acme-challenge/", [`root ${WEB_ROOT}`]];
  return [
    "server",
    [
      ...listen(plan.listen.http),
      `server_name ${sites.map(({ host }) => host).join(" ")}`,
      ...READING,
      ...(proxy.acme?.challenge === "http-01" ? [challenge] : []),
      ["location /", [`return 308 https://${authority(plan, "$host")}$request_uri`]],
    ],
  ];
}

function server(config: Config, plan: Plan, { host, routes }: Site): Block {
  const { limits, proxy } = config;
  const isGuarded = routes.some(({ access }) => access === "verify");
  return [
    "server",
    [
      ...listen(plan.isSecure ? plan.listen.https : plan.listen.http, plan.isSecure ? " ssl" : ""),
      `server_name ${host}`,
      ...(plan.isSecure ? certificate(config) : []),
      ...READING,
      ...proxy.trustedIPs.map((range) => `set_real_ip_from ${range}`),
      ...(proxy.trustedIPs.length > 0
        ? ["real_ip_header X-Forwarded-For", "real_ip_recursive on"]
        : []),
      proxy.accessLog ? `access_log ${LOG}.log mcp_gateway` : "access_log off",
      // Its lines hold whole requests, and with them codes in their queries; so only what stops nginx is written.
      `error_log ${LOG}.error.log crit`,
      // The gateway bounds bodies itself, and says so in its own words.
      "client_max_body_size 0",
      ...STREAMING,
      `proxy_read_timeout ${limits.sessionLifetime}s`,
      ...asked(plan, host).map(setHeader),
      ...answerHeaders(plan, {}),
      ...COMMON_ANSWER.map(hideHeader),
      "limit_req_status 429",
      ...(isGuarded ? [verify(plan, host), ...refusals(plan)] : []),
      ...routes
        .filter(({ what }) => what !== "preflight")
        .map((route) => location(config, plan, host, route)),
      ["location /", ["return 404"]],
    ],
  ];
}

/** @throws UserError */
function certificate({ proxy: { certificates } }: Config): Block[] {
  const [only, ...others] = certificates;
  if (only === undefined || others.length > 0) {
    throw new UserError(`nginx needs one certificate, and ${certificates.length} are configured`, {
      hint: "Set proxy.certificates to the one that certbot or another program keeps for all hosts of the gateway.",
    });
  }
  return [
    `ssl_certificate "${only.certFile}"`,
    `ssl_certificate_key "${only.keyFile}"`,
    "ssl_protocols TLSv1.2 TLSv1.3",
  ];
}

/** Nothing is buffered or compressed, and an answer may last as long as its session. */
const STREAMING: readonly Block[] = [
  "gzip off",
  "proxy_http_version 1.1",
  "proxy_buffering off",
  "proxy_request_buffering off",
  "proxy_connect_timeout 5s",
  // A server behind must not steer nginx by headers of its answer.
  "proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset",
];

function location(config: Config, plan: Plan, host: string, route: Route): Block {
  const { exact = [], below = [] } = route.paths;
  const either = (paths: readonly string[]): string => paths.map(escapeRegExp).join("|");
  const pattern = exact.length > 0 ? `^(${either(exact)})$` : `^(${either(below)})(/|$)`;
  const { burst } = config.proxy.rateLimit;
  const inner =
    route.access === "verify"
      ? foreign(config, plan, host, upstreamOf(plan, route.upstream))
      : [
          ...(route.what === "mcp" ? [] : [`limit_req zone=mcp_gateway burst=${burst} nodelay`]),
          `proxy_pass ${toGateway(plan)}`,
        ];
  return [
    `location ~ "${pattern}"`,
    [["if ($mcp_gateway_is_plain = 0)", ["return 400"]], ...inner],
  ];
}
