import { describe, expect, it } from "vitest";
import {
  configJsonSchema,
  configSchema,
  isLoopbackHost,
  RESERVED_NAMES,
} from "../../src/config.ts";

const minimal = { publicUrl: "https://gw.example.com", services: { files: { command: "npx" } } };
const problems = (input: unknown): string[] =>
  (configSchema.safeParse(input).error?.issues ?? []).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("the redis store", () => {
  const store = (url: string): string[] => problems({ ...minimal, store: { type: "redis", url } });

  it.each(["${REDIS_URL}", "redis://10.0.0.5:6379", "rediss://gateway@redis.example.com/2"])(
    "takes %s",
    (url) => expect(store(url)).toEqual([]),
  );

  it.each([
    "redis://:secret@10.0.0.5",
    "redis://me:secret@10.0.0.5:6379/0",
    "redis://me:a@b:c@10.0.0.5",
    "http://10.0.0.5",
    "10.0.0.5:6379",
    "",
  ])("refuses %s: passwords do not stand in the file, and it must be a Redis URL", (url) =>
    expect(store(url)).toEqual([expect.stringMatching(/^store\.url: write \$\{REDIS_URL\}/)]),
  );
});

describe("the configuration", () => {
  it("has a default for everything but the public URL and the services", () => {
    expect(configSchema.parse(minimal)).toEqual({
      publicUrl: "https://gw.example.com",
      routing: "path",
      listen: { host: "127.0.0.1", port: 8080 },
      allowedOrigins: ["https://claude.ai", "https://chatgpt.com"],
      trustedIssuers: [],
      trustedProxies: ["127.0.0.1", "::1"],
      identity: { providers: [{ type: "local", name: "local" }] },
      store: { type: "lowdb", path: ".mcp-gateway" },
      registration: {
        dynamic: true,
        redirectSchemes: [],
        unusedClient: 86_400,
        idleClient: 7_776_000,
        clients: 10_000,
        metadataDocuments: { policy: "open", hosts: [] },
      },
      tokens: {
        accessToken: 3600,
        refreshToken: 2_592_000,
        refreshGrace: 30,
        authorizationCode: 60,
        grant: 15_552_000,
      },
      limits: {
        requestBody: 4_194_304,
        sessions: 1000,
        sessionsPerUser: 50,
        sessionIdle: 1800,
        sessionLifetime: 86_400,
        pendingInput: 600,
        requestLifetime: 3600,
        pendingLogins: 20_000,
        rates: {
          registrations: 200,
          authorizations: 120,
          logins: 60,
          failures: 60,
          lookups: 600,
          documents: 60,
        },
      },
      keys: { rotation: 7_776_000 },
      dpop: { nonce: "offered" },
      proxy: {
        listen: { http: ":80", https: ":443", internal: "127.0.0.1:8082" },
        directory: "/etc/traefik",
        provider: "file",
        certificates: [],
        trustedIPs: [],
        rateLimit: { average: 50, burst: 200 },
        admin: true,
        api: false,
        accessLog: true,
      },
      services: {
        files: {
          command: "npx",
          args: [],
          env: {},
          era: "auto",
          isolation: "session",
          timeout: 300,
          warm: 0,
          revive: true,
        },
      },
      log: { level: "info" },
    });
  });

  it.each([
    "https://gw.example.com",
    "https://gw.example.com:8443/base",
    "http://localhost:8080",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
  ])("accepts the public URL %s", (publicUrl) => {
    expect(problems({ ...minimal, publicUrl })).toEqual([]);
  });

  it.each([
    ["http://gw.example.com", "must be https"],
    ["http://localhost.example.com", "must be https"],
    ["http://127.0.0.1.nip.io", "must be https"],
    ["http://10.0.0.5", "must be https"],
    ["ftp://gw.example.com", "must be https"],
    ["javascript:alert(1)", "must be https"],
    ["https://gw.example.com/", "must not end in a slash"],
    ["https://user:pw@gw.example.com", "must not carry credentials"],
    ["https://gw.example.com/#a", "must not carry credentials or a fragment"],
    ["https://GW.example.com", "must be written as browsers write it"],
    ["https://gw.example.com:443", "must be written as browsers write it"],
    ["https://gw.example.com/a/../b", "must be written as browsers write it"],
    ["gw.example.com", "Invalid URL"],
    ["", "Invalid URL"],
  ])("refuses the public URL %s", (publicUrl, reason) => {
    expect(problems({ ...minimal, publicUrl }).join("\n")).toContain(`publicUrl: ${reason}`);
  });

  it.each(["Files", "a_b", "-a", "a.b", "", "x".repeat(64), "__proto__", "a/b", "ä"])(
    "refuses the service name %j",
    (name) => {
      const services = JSON.parse(`{${JSON.stringify(name)}: {"command": "npx"}}`) as object;
      expect(problems({ ...minimal, services })).not.toEqual([]);
    },
  );

  it.each([...RESERVED_NAMES])("refuses a service that would hide /%s", (name) => {
    expect(problems({ ...minimal, services: { [name]: { command: "npx" } } })).not.toEqual([]);
  });

  it.each([
    [{ defaultService: "other" }, "defaultService"],
    [{ services: {} }, "services: name at least one service"],
    [{ listen: { port: 65_536 } }, "listen.port"],
    [{ listen: { host: "" } }, "listen.host"],
    [{ tokens: { accessToken: 3600 } }, "tokens.accessToken"],
    [{ tokens: { accessToken: "0s" } }, "tokens.accessToken"],
    [{ tokens: { authorizationCode: "11m" } }, "tokens.authorizationCode: at most 10m"],
    [{ limits: { requestBody: "4 MB" } }, "limits.requestBody: write a whole number and a unit"],
    [{ limits: { sessions: 0 } }, "limits.sessions"],
    [{ trustedProxies: ["traefik"] }, "trustedProxies.0"],
    [{ identity: { providers: [] } }, "identity.providers"],
    [
      { identity: { providers: [{ type: "local" }, { type: "local" }] } },
      "identity.providers: two providers share a name",
    ],
    [{ log: { level: "loud" } }, "log.level"],
    [{ typo: true }, "typo"],
    [{ listen: { prot: 80 } }, "prot"],
  ])("refuses %j and names the place", (change, place) => {
    expect(problems({ ...minimal, ...change }).join("\n")).toContain(place);
  });

  it("describes every member of the file for editors", () => {
    const { properties } = configJsonSchema() as {
      properties: Record<string, { description: string }>;
    };
    for (const [name, { description }] of Object.entries(properties)) {
      expect(description, name).toMatch(/\w/);
    }
  });
});

describe("isLoopbackHost", () => {
  it("knows this machine's names and no other's", () => {
    expect(["localhost", "127.0.0.1", "::1", "[::1]"].map(isLoopbackHost)).not.toContain(false);
    expect(
      ["0.0.0.0", "localhost.", "127.0.0.2", "example.com", "::"].map(isLoopbackHost),
    ).not.toContain(true);
  });
});
