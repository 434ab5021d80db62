import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { makeConfig } from "../../../src/config-file.ts";
import type { Config, ConfigInput } from "../../../src/config.ts";
import { planProxy } from "../../../src/proxy/plan.ts";
import { dynamicConfiguration, type Router } from "../../../src/proxy/traefik/dynamic.ts";
import { renderTraefik } from "../../../src/proxy/traefik/render.ts";

const config = (input: Partial<ConfigInput> = {}): Config =>
  makeConfig({
    publicUrl: "https://gw.example.com",
    identity: {
      providers: [{ type: "github", clientId: "x", clientSecret: "${SECRET}" }],
      allow: ["github:@octocat"],
    },
    services: {
      files: { command: "node" },
      wiki: { url: "http://wiki:3000/api/mcp", via: "traefik" },
    },
    ...input,
  });

interface Static {
  entryPoints: Record<string, { address: string; forwardedHeaders?: { trustedIPs: string[] } }>;
  certificatesResolvers?: { acme: { acme: Record<string, unknown> } };
  providers: Record<string, Record<string, unknown>>;
  api?: object;
}

function files(input?: Partial<ConfigInput>): { fixed: Static; dynamic: string | undefined } {
  const rendered = renderTraefik(config(input));
  const textOf = (name: string) => rendered.find(({ path }) => path === name)?.text;
  return { fixed: parse(textOf("traefik.yaml")!) as Static, dynamic: textOf("dynamic.yaml") };
}

const acme = { email: "ops@example.com" };

describe("the files for Traefik", () => {
  it("say where they come from", () => {
    for (const { text } of renderTraefik(config())) {
      expect(text).toMatch(/^# Generated from mcp-gateway\.yaml by: mcp-gateway proxy render\n/);
    }
  });

  it("are what was planned", () => {
    const { dynamic } = files();
    const planned = dynamicConfiguration(config(), planProxy(config()));
    expect(parse(dynamic!)).toEqual(planned);
  });

  it("have no dynamic one when Traefik asks the gateway", () => {
    const { fixed, dynamic } = files({
      proxy: { provider: "http" },
      listen: { internal: { port: 9090 } },
    });
    expect(dynamic).toBeUndefined();
    expect(fixed.providers).toEqual({
      http: { endpoint: "http://127.0.0.1:9090/traefik.json", pollInterval: "2s" },
    });
    expect(() => files({ proxy: { provider: "http" } })).toThrow("Traefik cannot ask the gateway");
  });

  it("ask the authority that was configured, in the way that was configured", () => {
    const resolver = (more: object) =>
      files({ proxy: { acme: { ...acme, ...more } } }).fixed.certificatesResolvers?.acme.acme;
    expect(resolver({})).toMatchObject({ email: "ops@example.com", tlsChallenge: {} });
    expect(resolver({})).not.toHaveProperty("caServer");
    expect(resolver({ caServer: "staging" })?.["caServer"]).toMatch(/acme-staging/);
    expect(resolver({ caServer: "https://ca.example/dir", challenge: "http-01" })).toMatchObject({
      caServer: "https://ca.example/dir",
      httpChallenge: { entryPoint: "web" },
    });
    expect(resolver({ challenge: "dns-01", provider: "cloudflare" })).toMatchObject({
      dnsChallenge: { provider: "cloudflare" },
    });
    expect(() => resolver({ challenge: "dns-01" })).toThrow("dns-01 needs the provider");
  });

  it("believe nobody's forwarding headers but of those that were named", () => {
    const { fixed } = files({ proxy: { trustedIPs: ["10.1.0.0/16"] } });
    expect(fixed.entryPoints["websecure"]?.forwardedHeaders?.trustedIPs).toEqual(["10.1.0.0/16"]);
    expect(files().fixed.entryPoints["websecure"]?.forwardedHeaders?.trustedIPs).toEqual([]);
  });

  it("keep dashboard and API off unless configured", () => {
    expect(files().fixed).not.toHaveProperty("api");
    expect(files({ proxy: { api: true } }).fixed.api).toEqual({ dashboard: false, insecure: true });
    const dashboard = { host: "traefik.example.com", usersFile: "/etc/traefik/users" };
    expect(files({ proxy: { dashboard } }).fixed.api).toEqual({ dashboard: true, insecure: false });
    const { routers } = dynamicOf({ proxy: { dashboard } });
    expect(routers["dashboard"]?.middlewares).toContain("dashboard-users");
  });

  it("know only plain http on loopback", () => {
    const { fixed } = files({ publicUrl: "http://localhost:8000" });
    expect(Object.keys(fixed.entryPoints)).toEqual(["web", "traefik"]);
    const { routers } = dynamicOf({ publicUrl: "http://localhost:8000" });
    expect(Object.values(routers).every(({ tls }) => tls === undefined)).toBe(true);
    expect(routers).not.toHaveProperty("redirect");
  });
});

interface Dynamic {
  routers: Record<string, Router & { tls?: { domains?: unknown } }>;
  middlewares: Record<string, Record<string, Record<string, unknown>>>;
  services: Record<string, { loadBalancer: { servers: { url: string }[] } }>;
}

function dynamicOf(input?: Partial<ConfigInput>): Dynamic {
  const given = config(input);
  return dynamicConfiguration(given, planProxy(given)).http as unknown as Dynamic;
}

describe("Traefik's routers", () => {
  it("delete forged identity headers and the client's token on the way to a foreign server", () => {
    const { routers, middlewares, services } = dynamicOf();
    expect(routers["mcp-wiki"]?.middlewares).toEqual([
      "headers",
      "foreign",
      "verify",
      "mcp-wiki-path",
    ]);
    expect(middlewares["verify"]?.["forwardAuth"]).toMatchObject({
      address: "http://127.0.0.1:8080/verify",
      trustForwardHeader: false,
      authResponseHeaders: expect.arrayContaining(["X-Auth-Subject", "Authorization"]) as unknown,
    });
    expect(middlewares["mcp-wiki-path"]).toEqual({ replacePath: { path: "/api/mcp" } });
    expect(services["mcp-wiki"]?.loadBalancer.servers).toEqual([{ url: "http://wiki:3000" }]);
  });

  it("name only middlewares and services that there are", () => {
    const { routers, middlewares, services } = dynamicOf();
    for (const router of Object.values(routers)) {
      for (const name of router.middlewares ?? []) expect(middlewares).toHaveProperty([name]);
      if (!router.service.includes("@")) expect(services).toHaveProperty([router.service]);
      expect(router.priority).toBeGreaterThan(0);
    }
    const named = new Set(Object.values(routers).flatMap((router) => router.middlewares ?? []));
    expect(new Set(Object.keys(middlewares))).toEqual(named);
  });

  it("never buffer or compress", () => {
    const { middlewares, services } = dynamicOf();
    const kinds = Object.values(middlewares).flatMap((one) => Object.keys(one));
    expect(kinds).not.toContain("compress");
    expect(kinds).not.toContain("buffering");
    for (const service of Object.values(services)) {
      expect(service.loadBalancer).toMatchObject({ responseForwarding: { flushInterval: "1ms" } });
    }
  });

  it("share one wildcard certificate with dns-01 and subdomains, and have one for each host else", () => {
    const wildcard = dynamicOf({
      routing: "subdomain",
      proxy: { acme: { ...acme, challenge: "dns-01", provider: "exec" } },
    });
    expect(wildcard.routers["mcp-wiki"]?.tls?.domains).toEqual([
      { main: "gw.example.com", sans: ["*.gw.example.com"] },
    ]);
    const single = dynamicOf({ routing: "subdomain", proxy: { acme } });
    expect(single.routers["mcp-wiki"]?.tls).toEqual({ certResolver: "acme" });
  });

  it("ask several gateways through Traefik itself, which knows who is alive", () => {
    const { routers, middlewares, services } = dynamicOf({
      proxy: { gateways: ["http://10.0.0.1:8080", "http://10.0.0.2:8080"] },
    });
    expect(middlewares["verify"]?.["forwardAuth"]?.["address"]).toBe(
      "http://127.0.0.1:8082/verify",
    );
    expect(routers["verify"]).toMatchObject({ entryPoints: ["traefik"], service: "gateway" });
    expect(services["gateway"]?.loadBalancer).toMatchObject({ healthCheck: { path: "/readyz" } });
  });
});
