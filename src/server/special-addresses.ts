/**
 * Addresses and host names a program must not be led to by a stranger's URL: loopback, private networks, link-local (where
 * clouds keep their credentials), multicast, documentation, and everything that embeds or tunnels to one of these.
 *
 * IPv4 is open but for what the special-purpose registry lists (RFC 6890 and its updates). IPv6 is the other way round: only
 * global unicast (2000::/3, RFC 4291 §2.4) is open, without what the registry takes from it. So the many ways to write an
 * IPv4 address as an IPv6 one (mapped, compatible, NAT64 64:ff9b::/96, 6to4 2002::/16, Teredo 2001::/32) need no unpacking:
 * all are closed.
 */
import { BlockList, isIP } from "node:net";

const closedV4 = subnets("ipv4", [
  "0.0.0.0/8", // this network; some systems take it for loopback
  "10.0.0.0/8",
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's wire server: a public address that answers only from inside
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);

const globalV6 = subnets("ipv6", ["2000::/3"]);
const closedV6 = subnets("ipv6", [
  "2001::/23", // protocol assignments, Teredo among them
  "2001:db8::/32",
  "2002::/16",
  "2620:4f:8000::/48",
  "3fff::/20",
]);

/** Names that never mean a host of the public internet (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const CLOSED_NAMES: ReadonlySet<string> = new Set([
  "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "onion",
  "private", "test",
]); // prettier-ignore

/** @param address an IP address without brackets; what is none counts as special */
export function isSpecialAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return closedV4.check(address, "ipv4");
    case 6:
      // A zone belongs to this machine's own networks.
      if (address.includes("%")) return true;
      return !globalV6.check(address, "ipv6") || closedV6.check(address, "ipv6");
    default:
      return true;
  }
}

/** @param hostname lower case, as a URL parser gives it, no IP address. A trailing dot is one more spelling: refused. */
export function isSpecialName(hostname: string): boolean {
  if (hostname.endsWith(".") || !hostname.includes(".")) return true;
  return CLOSED_NAMES.has(hostname.slice(hostname.lastIndexOf(".") + 1));
}

function subnets(family: "ipv4" | "ipv6", list: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const subnet of list) {
    const [network = "", prefix = ""] = subnet.split("/");
    blocks.addSubnet(network, Number(prefix), family);
  }
  return blocks;
}
