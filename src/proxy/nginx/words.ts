/**
 * Words that all of nginx's configuration is made of here.
 */
import { GATEWAY, type Plan } from "../plan.ts";
import { authority, upstreamOf, YEAR, type Block } from "../target.ts";

export type Header = readonly [name: string, value: string];

/** What was asked for, in nginx's words; an empty value removes a header. */
export function asked(plan: Plan, host: string): Header[] {
  return [
    ["Host", authority(plan, host)],
    ["Connection", ""],
    ["X-Forwarded-For", "$remote_addr"],
    ["X-Forwarded-Host", authority(plan, host)],
    ["X-Forwarded-Proto", plan.isSecure ? "https" : "http"],
    ["X-Real-IP", "$remote_addr"],
  ];
}

export function setHeader([name, value]: Header): string {
  return `proxy_set_header ${name} "${value}"`;
}

export function hideHeader(name: string): string {
  return `proxy_hide_header ${name}`;
}

export const COMMON_ANSWER = ["Strict-Transport-Security", "X-Content-Type-Options"] as const;

/** For answers that nginx makes itself, too. A level that has any of its own inherits none. */
export function answerHeaders({ isSecure }: Plan, more: Readonly<Record<string, string>>): Block[] {
  const all = {
    ...(isSecure && { "Strict-Transport-Security": `max-age=${YEAR}` }),
    "X-Content-Type-Options": "nosniff",
    ...more,
  };
  return Object.entries(all).map(([name, value]) => `add_header ${name} "${value}" always`);
}

export function toGateway(plan: Plan): string {
  return `${new URL(upstreamOf(plan).servers[0]!).protocol}//${nameOf(GATEWAY)}`;
}

/** Names are common to all of nginx's configuration. No service's is written with `_` here. */
export function nameOf(upstream: string): string {
  return upstream === GATEWAY ? "mcp_gateway" : upstream;
}

export function hostAndPort(origin: string): string {
  const { hostname, port, protocol } = new URL(origin);
  return `${hostname}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`;
}
