import { describe, expect, it } from "vitest";
import { isSpecialAddress, isSpecialName } from "../../../src/server/special-addresses.ts";

describe("special addresses (CI-02, RFC 6890)", () => {
  it.each([
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255",
    "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
  ])("refuses %s", (address) => {
    expect(isSpecialAddress(address)).toBe(true);
  }); // prettier-ignore

  it.each([
    "::", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "4000::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
  ])("refuses %s", (address) => {
    expect(isSpecialAddress(address)).toBe(true);
  }); // prettier-ignore

  it.each([
    "",
    "localhost",
    "example.com",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "[::1]",
    "1.2.3.4 ",
  ])("takes %j for no address, and so refuses it", (text) => {
    expect(isSpecialAddress(text)).toBe(true);
  });

  it.each([
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "160.79.104.10", "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2607:6bc0::10", "2a00:1450::1",
    "2001:200::1", "2003::1", "3ffe::1",
  ])("lets %s through", (address) => {
    expect(isSpecialAddress(address)).toBe(false);
  }); // prettier-ignore
});

describe("special names", () => {
  it.each([
    "localhost", "localhost.", "a.localhost", "metadata", "metadata.google.internal", "instance-data.ec2.internal",
    "printer.local", "router.lan", "nas.home.arpa", "1.0.0.127.in-addr.arpa", "x.test", "x.invalid", "x.onion", "example.com.",
  ])("refuses %s", (name) => {
    expect(isSpecialName(name)).toBe(true);
  }); // prettier-ignore

  it.each(["claude.ai", "app.example.com", "internal.example.com", "localhost.example.com"])(
    "lets %s through to the address check",
    (name) => {
      expect(isSpecialName(name)).toBe(false);
    },
  );
});
