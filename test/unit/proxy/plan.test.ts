import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../src/config-file.ts";
import type { Config, ConfigInput } from "../../../src/config.ts";
import { planProxy, type Plan } from "../../../src/proxy/plan.ts";
import { ruleOf } from "../../../src/proxy/traefik/rule.ts";
import { doorRoutes, routes } from "../../../src/server/routes.ts";
import type { ServerContext } from "../../../src/server/context.ts";

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

/** What the plan does with a request, as Traefik decides: the highest priority among the routes that match. */
function decide(plan: Plan, method: string, url: string): { name: string; access: string } | null {
  const { hostname, pathname } = new URL(url);
  const found = plan.routes
    .filter(({ what }) => what !== "redirect")
    .filter(({ hosts }) => hosts.includes(hostname))
    .filter((route) => route.method === undefined || route.method === method)
    .filter(({ paths: { exact = [], below = [] } }) => {
      return (
        exact.includes(pathname) ||
        below.some((path) => pathname === path || pathname.startsWith(`${path}/`))
      );
    })
    .toSorted((a, b) => b.priority - a.priority)[0];
  return found ? { name: found.name, access: found.access } : null;
}

const gw = "https://gw.example.com";

describe("the plan with path routing", () => {
  const plan = planProxy(config({ defaultService: "files" }));

  it.each([
    ["POST", "/mcp", "mcp", "gateway"],
    ["POST", "/mcp/", "mcp", "gateway"],
    ["POST", "/files/mcp", "mcp-files", "gateway"],
    ["POST", "/wiki/mcp", "mcp-wiki", "verify"],
    ["GET", "/wiki/mcp/", "mcp-wiki", "verify"],
    ["OPTIONS", "/wiki/mcp", "mcp-wiki-preflight", "open"],
    ["GET", "/.well-known/oauth-authorization-server", "discovery", "open"],
    ["GET", "/.well-known/oauth-protected-resource/wiki/mcp", "discovery", "open"],
    ["GET", "/wiki/mcp/.well-known/oauth-protected-resource", "discovery", "open"],
    ["GET", "/authorize", "pages", "gateway"],
    ["GET", "/callback/github", "pages", "gateway"],
  ])("%s %s is the route %s", (method, path, name, access) => {
    expect(decide(plan, method, gw + path)).toEqual({ name, access });
  });

  it.each([
    ...[
      "/",
      "/verify",
      "/verify/",
      "/metrics",
      "/readyz",
      "/admin",
      "/admin/clients",
      "/other/mcp",
    ],
    ...["/mcpfoo", "/mcp/x", "/wiki/mcpfoo", "/wiki/mcp/x", "/wiki", "/authorizefoo", "/WIKI/mcp"],
  ])("%s is nothing", (path) => {
    expect(decide(plan, "GET", gw + path)).toBeNull();
  });

  it("knows no other host", () => {
    expect(decide(plan, "POST", "https://evil.example/mcp")).toBeNull();
  });

  it("opens /admin only where there are admins, and not where that is forbidden", () => {
    const identity = { providers: [{ type: "accounts" as const }], admins: ["accounts:ada"] };
    const closed = planProxy(config({ identity, proxy: { admin: false } }));
    expect(decide(closed, "GET", `${gw}/admin/clients`)).toBeNull();
    const open = planProxy(config({ identity }));
    expect(decide(open, "GET", `${gw}/admin/clients`)).toEqual({
      name: "pages",
      access: "gateway",
    });
  });
});

describe("the plan with subdomain routing", () => {
  const plan = planProxy(config({ routing: "subdomain" }));

  it.each([
    ["https://wiki.gw.example.com/mcp", "mcp-wiki"],
    ["https://files.gw.example.com/mcp/", "mcp-files"],
    ["https://files.gw.example.com/.well-known/oauth-protected-resource/mcp", "discovery-files"],
    ["https://gw.example.com/token", "pages"],
  ])("%s is the route %s", (url, name) => {
    expect(decide(plan, "POST", url)?.name).toBe(name);
  });

  it.each(["/token", "/authorize", "/register", "/verify", "/wiki/mcp"])(
    "a service's host has no %s",
    (path) => {
      expect(decide(plan, "POST", `https://wiki.gw.example.com${path}`)).toBeNull();
    },
  );
});

describe.each([gw, `${gw}/base`])("every endpoint of the gateway at %s", (publicUrl) => {
  const plan = planProxy(config({ publicUrl }));
  const context = { issuer: publicUrl } as ServerContext;

  it.each(routes(context).map(([method, path]) => [method, path] as const))(
    "%s %s is reachable",
    (method, path) => {
      const url = gw + path.replaceAll(/:\w+/g, "x");
      expect(["gateway", "open"]).toContain(decide(plan, method, url)?.access);
    },
  );
});

it("names every path that is not for outside", () => {
  const plan = planProxy(config());
  const hidden = doorRoutes.map(([path]) => path).filter((path) => !path.includes(":"));
  expect(hidden.filter((path) => !decide(plan, "GET", gw + path))).toEqual([
    "/mcp",
    "/admin/*",
    "/verify",
    "/readyz",
  ]);
});

it("writes a rule that only the whole segment matches", () => {
  const rule = ruleOf(planProxy(config()).routes.find(({ name }) => name === "discovery")!);
  expect(rule).toContain("Host(`gw.example.com`) && PathRegexp(`^(");
  expect(rule).toContain("/wiki/mcp/\\.well-known");
  expect(rule).toMatch(/\)\(\/\|\$\)`\)$/);
});
