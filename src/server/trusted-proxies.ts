/**
 * Which peers are reverse proxies of ours: only what they say of a request's origin is believed.
 */
import { BlockList, isIPv6 } from "node:net";

export type IsTrusted = (address: string | undefined) => boolean;

const REMEMBERED_PEERS = 1000;

const compiled = new WeakMap<readonly string[], IsTrusted>();

/** @param addresses `trustedProxies` of the configuration: addresses and CIDR ranges */
export function trustedProxies(addresses: readonly string[]): IsTrusted {
  const known = compiled.get(addresses);
  if (known) return known;
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = "", prefix] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  // A list check takes longer than all the rest of a /verify; the same few proxies ask again and again.
  const answers = new Map<string, boolean>();
  const isTrusted: IsTrusted = (address) => {
    if (address === undefined) return false;
    const known = answers.get(address);
    if (known !== undefined) return known;
    const plain = withoutMapping(address);
    const answer = list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
    if (answers.size >= REMEMBERED_PEERS) answers.clear();
    answers.set(address, answer);
    return answer;
  };
  compiled.set(addresses, isTrusted);
  return isTrusted;
}

/** IPv4 as a dual-stack socket shows it, in its own notation. */
export function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
