import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../src/config-file.ts";
import type { ConfigInput } from "../../../src/config.ts";

const label = "Token";
const make = (service: object, more: Partial<ConfigInput> = {}) =>
  makeConfig({
    publicUrl: "http://localhost",
    ...more,
    services: { one: service } as ConfigInput["services"],
  });
const program = (more: object) => ({ command: "true", credentials: { TOKEN: { label } }, ...more });
const header = (name: string, more: object = {}) => ({
  url: "https://far.example.com/mcp",
  credentials: { token: { label, header: name } },
  ...more,
});

describe("credentials in the configuration", () => {
  it.each<[string, object, RegExp]>([
    ["a shared server", program({ isolation: "shared" }), /belong to one person/],
    ["a process kept ahead", program({ warm: 1 }), /nobody's credentials/],
    ["the same variable twice", program({ env: { TOKEN: "x" } }), /is in env/],
    ...["PATH", "LD_PRELOAD", "NODE_OPTIONS", "Https_Proxy"].map(
      (name) =>
        [name, program({ credentials: { [name]: { label } } }), /decide what the program/] as [
          string,
          object,
          RegExp,
        ],
    ),
    ...["Host", "Connection", "Mcp-Session-Id", "Cookie", "X-Forwarded-For"].map(
      (name) => [name, header(name), /no person may set/] as [string, object, RegExp],
    ),
    ["a header that is configured", header("X-A", { headers: { "x-a": "1" } }), /there twice/],
  ])("refuse %s", (_name, service, reason) => {
    expect(() => make(service)).toThrow(reason);
  });

  it("need a secret of the operator unless the gateway is for one machine", () => {
    expect(() => make(program({}))).not.toThrow();
    const publicUrl = "https://gw.example.com";
    expect(() => make(program({}), { publicUrl })).toThrow(/keys.encryption/);
    const keys = { encryption: "${SECRET}" };
    expect(() => make(program({}), { publicUrl, keys })).not.toThrow();
  });
});
