import { describe, expect, it } from "vitest";
import type { ConfigInput } from "../../../src/config.ts";
import { makeConfig } from "../../../src/config-file.ts";
import { isNarrower } from "../../../src/config/narrowing.ts";
import type { BridgedServiceConfig } from "../../../src/config/service.ts";

type Entry = ConfigInput["services"][string];

const entry = (service: Entry) =>
  makeConfig({ publicUrl: "http://localhost", services: { any: service } }).services[
    "any"
  ] as BridgedServiceConfig;

const program = (more: object = {}): Entry => ({ command: "server", ...more });
const may = (permissions: object | "all") => program({ permissions });
const remote = (headers: Record<string, string> = {}): Entry => ({
  url: "https://a.example/mcp",
  headers,
});

describe("a service may do less than before when", () => {
  it.each<[string, Entry, Entry]>([
    ["all became something", may("all"), may({ read: ["/"], net: true, run: ["*"] })],
    ["its permissions went", may({ net: true }), program()],
    ["a path went", may({ read: ["/a", "/b"] }), may({ read: ["/a"] })],
    ["a path may not be written any more", may({ write: ["/a"] }), may({ read: ["/a"] })],
    ["the network went", may({ net: true }), may({})],
    ["every program became one", may({ run: ["*"] }), may({ run: ["git"] })],
    ["a variable is not passed any more", may({ env: ["TOKEN"] }), may({})],
    ["a variable was taken out", program({ env: { TOKEN: "${TOKEN}" } }), program()],
    [
      "a variable was changed",
      program({ env: { TOKEN: "old" } }),
      program({ env: { TOKEN: "new" } }),
    ],
    ["it is shared with fewer", program({ isolation: "shared" }), program({ isolation: "user" })],
    ["a header was changed", remote({ authorization: "a" }), remote({ authorization: "b" })],
  ])("%s", (_, before, next) => {
    expect(isNarrower(entry(next), entry(before))).toBe(true);
  });

  it.each<[string, Entry, Entry]>([
    ["nothing changed", may({ read: ["/a"] }), may({ read: ["/a"] })],
    [
      "it may do more",
      may({ read: ["/a"], run: ["git"] }),
      may({ read: ["/b", "/a"], run: ["*"] }),
    ],
    ["it may do all", may({ net: true }), may("all")],
    ["it has more variables", program({ env: { A: "1" } }), program({ env: { A: "1", B: "2" } })],
    ["it is another program", program(), { command: "other" }],
    ["it is shared with more", program(), program({ isolation: "shared" })],
    ["it has more headers", remote(), remote({ authorization: "a" })],
  ])("but not when %s", (_, before, next) => {
    expect(isNarrower(entry(next), entry(before))).toBe(false);
  });
});
