/**
 * ForwardAuth with `auth_request`: what stands before a foreign server, and what a client is answered that may not pass.
 */
import { IDENTITY_HEADERS } from "../../auth-info.ts";
import type { Config } from "../../config.ts";
import { EXPOSED_HEADERS } from "../../mcp/exposed-headers.ts";
import { FOREIGN_ANSWER, FOREIGN_SECRETS, OTHERS_WORDS } from "../foreign.ts";
import type { Plan, Upstream } from "../plan.ts";
import type { Block } from "../target.ts";
import {
  answerHeaders,
  asked,
  COMMON_ANSWER,
  hideHeader,
  nameOf,
  setHeader,
  toGateway,
  type Header,
} from "./words.ts";

/** ForwardAuth's question. It can be asked by nginx alone. */
export function verify(plan: Plan, host: string): Block {
  const question: Header[] = [
    ...asked(plan, host),
    ["X-Forwarded-Method", "$request_method"],
    ["X-Forwarded-Uri", "$request_uri"],
    ["Content-Length", ""],
  ];
  return [
    "location = /verify",
    [
      "internal",
      `proxy_pass ${toGateway(plan)}/verify`,
      "proxy_method GET",
      "proxy_pass_request_body off",
      ...question.map(setHeader),
    ],
  ];
}

/** `auth_request` knows three answers; that to a client which was refused needs the headers of the first two. */
export function refusals(plan: Plan): Block[] {
  const cors = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": EXPOSED_HEADERS,
    "Cache-Control": "no-store",
    "DPoP-Nonce": "$mcp_gateway_nonce",
  };
  const answer = (name: string, status: number, body: string, more = {}): Block => [
    `location @${name}`,
    [
      "default_type application/json",
      ...answerHeaders(plan, { ...cors, ...more }),
      `return ${status} '${body}'`,
    ],
  ];
  return [
    ["location @preflight", [`proxy_pass ${toGateway(plan)}`]],
    answer("unauthorized", 401, '{"error":"invalid_token"}'),
    answer("forbidden", 403, '{"error":"insufficient_scope"}', {
      "WWW-Authenticate": "$mcp_gateway_challenge",
    }),
    answer("undecided", 503, '{"error":"temporarily_unavailable"}', { "Retry-After": "5" }),
  ];
}

export function foreign(
  { limits }: Config,
  plan: Plan,
  host: string,
  { name, servers: [origin = ""], path = "/" }: Upstream,
): Block[] {
  const words = OTHERS_WORDS.map((name): Header => [name, ""]);
  const caller = Object.entries(IDENTITY_HEADERS);
  const removed: Header[] = [
    ["Authorization", ""],
    ["Cookie", ""],
  ];
  const told = caller.map(([key, name]): Header => [name, `$mcp_gateway_${key}`]);
  const own = new Map(asked(plan, host)).set("Host", new URL(origin).host);
  return [
    `client_max_body_size ${limits.requestBody}`,
    // A preflight carries no token, so the server behind must never see one: the gateway answers in its place.
    "error_page 418 = @preflight",
    ["if ($request_method = OPTIONS)", ["return 418"]],
    "auth_request /verify",
    ...caller.map(([key, name]) => `auth_request_set $mcp_gateway_${key} ${answered(name)}`),
    `auth_request_set $mcp_gateway_challenge ${answered("WWW-Authenticate")}`,
    `auth_request_set $mcp_gateway_nonce ${answered("DPoP-Nonce")}`,
    "error_page 401 = @unauthorized",
    "error_page 403 = @forbidden",
    "error_page 500 = @undecided",
    ...[...own, ...words, ...removed, ...told].map(setHeader),
    ...answerHeaders(plan, FOREIGN_ANSWER),
    ...[...COMMON_ANSWER, ...Object.keys(FOREIGN_ANSWER), ...FOREIGN_SECRETS].map(hideHeader),
    ...(origin.startsWith("https:")
      ? [
          "proxy_ssl_server_name on",
          `proxy_ssl_name ${new URL(origin).hostname}`,
          "proxy_ssl_verify on",
          "proxy_ssl_verify_depth 4",
          "proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt",
        ]
      : []),
    // A `$` would be the name of a variable.
    `proxy_pass "${new URL(origin).protocol}//${nameOf(name)}${path.replaceAll("$", "%24")}$is_args$args"`,
  ];
}

function answered(header: string): string {
  return `$upstream_http_${header.toLowerCase().replaceAll("-", "_")}`;
}
