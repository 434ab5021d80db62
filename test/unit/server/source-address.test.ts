import { describe, expect, it } from "vitest";
import { sourceAddress } from "../../../src/server/source-address.ts";

const PROXIES = ["127.0.0.1", "::1", "10.0.0.0/8", "2001:db8:ffff::/48"];

const source = (peer: string | undefined, forwarded?: string): string =>
  sourceAddress(
    { trustedProxies: PROXIES },
    {
      socket: { remoteAddress: peer },
      headers: { ...(forwarded !== undefined && { "x-forwarded-for": forwarded }) },
    },
  );

describe("the source of a request (DS-09)", () => {
  it.each([
    ["a direct peer", "198.51.100.7", undefined, "198.51.100.7"],
    ["a direct peer that claims to be another", "198.51.100.7", "203.0.113.9", "198.51.100.7"],
    ["IPv4 on a dual-stack socket", "::ffff:198.51.100.7", undefined, "198.51.100.7"],
    ["behind a proxy", "127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["behind a proxy on a dual-stack socket", "::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"],
    ["behind two proxies", "127.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"],
    ["what the source wrote itself", "127.0.0.1", "8.8.8.8, 203.0.113.9, 10.1.2.3", "203.0.113.9"],
    ["a trusted address the source wrote", "127.0.0.1", "10.9.9.9, 203.0.113.9", "203.0.113.9"],
    ["a request of the proxy itself", "10.1.2.3", undefined, "10.1.2.3"],
    ["only proxies", "127.0.0.1", "10.1.2.3", "10.1.2.3"],
    ["no address at the end", "127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"],
    ["no address behind a proxy", "127.0.0.1", "203.0.113.9, x, 10.1.2.3", "10.1.2.3"],
    ["an empty header", "127.0.0.1", "", "127.0.0.1"],
    ["a port", "127.0.0.1", "203.0.113.9:4711", "203.0.113.9"],
    ["IPv6 with a port", "127.0.0.1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"],
    ["no peer at all", undefined, "203.0.113.9", ""],
  ])("%s", (_, peer, forwarded, expected) => {
    expect(source(peer, forwarded)).toBe(expected);
  });

  it.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:0002::", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
    ["::2", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("counts %s as the network %s", (address, network) => {
    expect(source(address)).toBe(network);
  });

  it("takes a header of 16 KB in no time", () => {
    const before = performance.now();
    expect(source("127.0.0.1", "10.0.0.1,".repeat(1800))).toBe("127.0.0.1");
    expect(source("127.0.0.1", `203.0.113.9,${"10.0.0.1,".repeat(1800)}10.0.0.1`)).toBe(
      "203.0.113.9",
    );
    expect(performance.now() - before).toBeLessThan(100);
  });
});
