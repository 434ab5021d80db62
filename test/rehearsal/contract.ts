/**
 * What must hold of every deployment behind a real reverse proxy, as clients and strangers on another host see it. Registers the tests
 * of one deployment.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config-file.ts";
import { apiQuestion } from "../../src/proxy/traefik/check-api.ts";
import { eventsOf } from "../support/mcp-session.ts";
import { TestOAuthProvider } from "../support/oauth-provider.ts";
import { callMcp, logIn, type LoggedIn } from "../support/strict-client.ts";
import {
  startDeployment,
  type Deployment,
  type DeploymentOptions,
} from "../support/rehearsal/deployment.ts";

const tool = (name: string, id = 1): object => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});

/** 421: a certificate of one host, and another one asked for. */
const REFUSED = [400, 401, 403, 404, 421];

/** Traefik says so at every start, whatever is configured. */
const ALWAYS = /^Traefik can reject some encoded characters/;

export function rehearse(name: string, options: DeploymentOptions): void {
  describe(name, () => {
    let site: Deployment;
    let wiki: LoggedIn;
    let token: string;

    beforeAll(async () => {
      site = await startDeployment(options);
      wiki = await logIn(site.endpoints.wiki);
      token = wiki.tokens.access_token;
    }, 180_000);
    afterAll(() => site?.close(), 60_000);

    const body = JSON.stringify(tool("headers"));

    /** A request as it stands on the wire. */
    function wire(path: string, headers: Record<string, string | string[]> = {}): string {
      const { host } = new URL(site.endpoints.wiki);
      const all = {
        Host: host,
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream",
        "Content-Length": String(body.length),
        Connection: "close",
        ...headers,
      };
      const lines = Object.entries(all).flatMap(([key, value]) =>
        [value].flat().map((one) => `${key}: ${one}\r\n`),
      );
      return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
    }

    const ask = (path: string, headers?: Record<string, string | string[]>): Promise<string> =>
      site.raw(new URL(site.endpoints.wiki).hostname, wire(path, headers));
    const path = (): string => new URL(site.endpoints.wiki).pathname;
    const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

    it("lets the SDK's client discover, register, log in, and be asked in the middle of a call", async () => {
      const provider = new TestOAuthProvider();
      const client = new Client(
        { name: "sdk", version: "1" },
        { capabilities: { elicitation: { form: {} } } },
      );
      // The answer depends on a question that comes before it on the same stream.
      client.setRequestHandler(ElicitRequestSchema, () => ({
        action: "accept",
        content: { name: "Ada", check: true },
      }));
      const url = new URL(site.endpoints.everything);
      const first = new StreamableHTTPClientTransport(url, { authProvider: provider });
      await expect(client.connect(first)).rejects.toThrow(/unauthorized/i);
      await first.finishAuth(provider.callback!.get("code")!);
      await client.connect(new StreamableHTTPClientTransport(url, { authProvider: provider }));
      const asked = { name: "trigger-elicitation-request", arguments: {} };
      expect(JSON.stringify(await client.callTool(asked))).toContain("Ada");
      await client.close();
    });

    it("hands the caller to a foreign server, and nothing that the client forged (FA-15, FA-16, FA-21)", async () => {
      const answer = await ask(`${path()}?query=kept`, {
        Authorization: `Bearer ${token}`,
        Cookie: "__Host-login=secret",
        Connection: ["close", "X-Auth-Subject, X-Auth-Client"],
        "X-Auth-Subject": "github:1",
        "X-Auth-Email": ["root@example.com", "other@example.com"],
        "x-auth-scope": "everything",
        X_Auth_Subject: "github:1",
        "X-Auth_Client": "forged",
        "X.Auth.Name": "forged",
      });
      expect(statusOf(answer)).toBe(200);
      expect(answer).not.toMatch(/^(set-cookie|x-powered-by):/im);
      expect(answer).toMatch(/^access-control-allow-origin: \*\r$/im);
      expect(answer).toMatch(/^strict-transport-security: max-age=31536000\r$/im);
      const { url, headers } = site.foreignRequests().at(-1)!;
      expect(url).toBe("/api/mcp?query=kept");
      expect(headers).toMatchObject({
        "x-auth-subject": "github:583231",
        "x-auth-client": wiki.client.client_id,
        "x-auth-name": "The Octocat",
      });
      expect(headers["x-auth-scope"]).toContain("mcp");
      expect(headers).not.toHaveProperty("x-auth-email");
      expect(headers).not.toHaveProperty("authorization");
      expect(headers).not.toHaveProperty("cookie");
      expect(Object.keys(headers).filter((key) => /[_.]/.test(key))).toEqual([]);
      expect(JSON.stringify(headers)).not.toMatch(/forged|github:1"|root@example/);
    });

    it("lets events of a foreign server through one by one", async () => {
      const response = await callMcp(site.endpoints.wiki, token, tool("stream"));
      expect(response.headers.get("content-type")).toContain("text/event-stream");
      const seen: unknown[] = [];
      for await (const { data } of eventsOf(response)) {
        const { params, result } = JSON.parse(data);
        seen.push(params?.data ?? result.content[0].text);
        // The server writes no event before the one it has written was seen here.
        if (params) await (await callMcp(site.endpoints.wiki, token, tool("next"))).text();
      }
      expect(seen).toEqual([1, 2, 3, "done"]);
    });

    it("lets nothing reach a service without a valid token, nor a foreign page with one (FA-06, FA-12, FA-13, FA-15, SB18)", async () => {
      const everything = await logIn(site.endpoints.everything);
      const sibling = { Authorization: `Bearer ${everything.tokens.access_token}` };
      const other = new URL(site.endpoints.everything);
      const elsewhere = {
        ...sibling,
        "X-Forwarded-Host": other.host,
        "X-Forwarded-Uri": other.pathname,
        "X-Original-URL": other.pathname,
        "X-Rewrite-URL": other.pathname,
        "X-Forwarded-Prefix": other.pathname,
        "X-Forwarded-For": "127.0.0.1",
        Forwarded: `for=127.0.0.1;host=${other.host};proto=https`,
      };
      const preflight = {
        Origin: "https://claude.ai",
        "Access-Control-Request-Method": "POST",
        "X-Forwarded-Method": "OPTIONS",
        "X-HTTP-Method-Override": "OPTIONS",
      };
      const identity = { "X-Auth-Subject": "github:583231", "X-Auth-Scope": "mcp" };
      const spellings = (at: string): string[] => [
        ...[at, `${at}/`, `/${at}`, `${at}//`, `${at}/..;/`, `${at}/../..${at}`, `/x/..${at}`],
        ...[`${at}foo`, `${at}/x`, `${at};x`, `${at}%00`, `${at}%2f`, `${at}%23/public`],
        ...[`/.well-known/..${at}`, `/.well-known/%2e%2e${at}`, `/.well-known/..%2f${at.slice(1)}`],
        ...[at.toUpperCase(), at.replace("/mcp", "%2fmcp"), at.replace("/mcp", "\\mcp")],
        ...[at.replace("m", "%6d"), `https://wiki.internal${at}`, `//evil.test${at}`, `${at}#/x`],
        ...["/api/mcp", "/verify", `/verify?x=${at}`, "/authorize/..", `/token/..${at}`],
      ];
      const before = site.foreignRequests().length;
      for (const spelling of spellings(path())) {
        for (const headers of [{}, elsewhere, { ...preflight, ...identity }]) {
          const status = statusOf(await ask(spelling, headers));
          expect(REFUSED, spelling).toContain(status);
        }
      }
      for (const Authorization of ["Bearer", "Bearer x", `Basic ${token}`, `Bearer ${token}x`]) {
        expect([400, 401]).toContain(statusOf(await ask(path(), { Authorization })));
      }
      const page = { Authorization: `Bearer ${token}`, Origin: "https://evil.test" };
      expect(statusOf(await ask(path(), page))).toBe(403);
      for (const Host of [
        "evil.test",
        "wiki.internal:3000",
        "127.0.0.1",
        "localhost",
        "gw.test.",
      ]) {
        expect(REFUSED).toContain(statusOf(await ask(path(), { Host, ...identity })));
      }
      expect(site.foreignRequests().length).toBe(before);
    });

    it("says of every route that it answers as planned, and so does the command", async () => {
      const address = site.network.addressOf("gw.test")!;
      const hosts = [new URL(site.publicUrl), ...Object.values(site.endpoints)].map(
        (url) => new URL(url).hostname,
      );
      const resolve = hosts.flatMap((host) =>
        [80, 443].flatMap((port) => ["--resolve", `${host}:${port}:${address}`]),
      );
      const everything = await logIn(site.endpoints.everything);
      const environment = { MCP_GATEWAY_TOKEN: everything.tokens.access_token };
      const { code, stdout, stderr } = await site.command(
        ["proxy", "check", ...resolve],
        environment,
      );
      expect(stdout).not.toContain("FAILED");
      expect(stdout).toContain("streams events at once");
      expect(`${code} ${stderr}`).toMatch(/^0 (\d+) of \1 are as planned/);
    });

    it("writes no token and no code into the proxy's log", () => {
      expect(site.proxy.log()).toContain("/wiki/mcp".slice(options.routing === "path" ? 0 : 5));
      expect(site.proxy.log()).not.toContain(token);
      expect(site.proxy.log()).not.toMatch(/[?&](code|state)=/);
    });

    if (options.proxy === "traefik") expectOfTraefik(() => site);

    it("refuses while the gateway is gone, and never lets through (FA-19)", async () => {
      const survivors = [...site.gateways];
      await survivors.shift()!.stop();
      const headers = { Authorization: `Bearer ${token}` };
      if (survivors.length > 0) {
        await expect
          .poll(async () => statusOf(await ask(path(), headers)), { timeout: 30_000 })
          .toBe(200);
      }
      await Promise.all(survivors.map((gateway) => gateway.stop()));
      const before = site.foreignRequests().length;
      expect(statusOf(await ask(path(), headers))).toBeGreaterThanOrEqual(500);
      expect(site.foreignRequests().length).toBe(before);
    });
  });
}

function expectOfTraefik(site: () => Deployment): void {
  it("has the planned routers in Traefik, and no others", async () => {
    const { config } = loadConfig({ file: site().configFile });
    const live = await site().api("/api/http/routers?per_page=10000");
    const { judge } = apiQuestion(config, "http://127.0.0.1:8082");
    expect(await judge(Response.json(live))).toBeUndefined();
  });

  it("writes no warning into Traefik's log", () => {
    const lines = site()
      .proxy.log()
      .split("\n")
      .filter((line) => line !== "");
    const warnings = lines
      .map((line) => JSON.parse(line) as { level: string; message?: string })
      .filter(({ level }) => level !== "info" && level !== "debug")
      .filter(({ message = "" }) => !ALWAYS.test(message));
    expect(warnings).toEqual([]);
    expect(lines.some((line) => line.includes('"RouterName":"mcp-wiki@'))).toBe(true);
  });
}
