/**
 * Where a request comes from, for limits: the peer of the socket, or what trusted proxies say of it.
 *
 * Each proxy appends its own peer to `X-Forwarded-For`, so the list is read from its end: the first address that is not one of
 * our proxies is the source, and whatever stands before it was written by the source itself. What a request from
 * anybody else carries in that header means nothing.
 *
 * Whoever has one IPv6 address has all of its /64, so that counts as one source.
 */
import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";
import type { Config } from "../config.ts";
import { trustedProxies, withoutMapping } from "./trusted-proxies.ts";

/** @returns an IPv4 address, or an IPv6 network such as `2001:db8:0:0::/64` */
export function sourceAddress(
  { trustedProxies: proxies }: Pick<Config, "trustedProxies">,
  request: Pick<IncomingMessage, "headers"> & {
    socket: Pick<IncomingMessage["socket"], "remoteAddress">;
  },
): string {
  const isTrusted = trustedProxies(proxies);
  let source = withoutMapping(request.socket.remoteAddress ?? "");
  if (!isTrusted(source)) return networkOf(source);
  const header = request.headers["x-forwarded-for"];
  const hops = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",");
  for (const hop of hops.toReversed()) {
    const address = addressIn(hop);
    if (address === undefined) break; // nothing a proxy of ours would write
    source = address;
    if (!isTrusted(source)) break;
  }
  return networkOf(source);
}

/** Some proxies write a port behind the address. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const [, bracketed, dotted] = /^\[([^\]]+)\](?::\d+)?$|^([\d.]+)(?::\d+)?$/.exec(text) ?? [];
  const address = withoutMapping(bracketed ?? dotted ?? text);
  return isIP(address) === 0 ? undefined : address;
}

function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  // The parser of URLs writes every spelling of an address in one way, with at most one `::`.
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, "")}]/`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array<string>(8 - groups.length - rest.length).fill("0");
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(":")}::/64`;
}
