/**
 * claude.ai: from Anthropic's servers, without a browser of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emulations } from "../../src/client/emulation/index.ts";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { echo, person, serveDocument, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startTlsSite, type TlsSite } from "../support/tls-site.ts";

let site: TlsSite;
let gateway: TestGateway;

beforeAll(async () => {
  site = await startTlsSite();
  gateway = await startGateway({ certificates: [site.certificate] });
});
afterAll(async () => {
  await gateway.close();
  await site.close();
});

describe("claude.ai", () => {
  it("registers twice with a secret, logs in and calls a tool (claude-ai-mcp#966, #1043)", async () => {
    const visit = await visitAs("claude", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.client["token_endpoint_auth_method"]).toBe("client_secret_post");
    expect(visit.registered).toHaveLength(2);
    expect(await echo(visit, login)).toContain("hello");
  });

  it("logs in by its metadata document and calls a tool", async () => {
    const url = serveDocument(site, emulations.get("claude")!);
    const visit = await visitAs("claude", gateway.resource, { document: { url } });
    const login = await logIn(visit, person);
    expect(login.client.client_id).toBe(url);
    expect(await echo(visit, login)).toContain("hello");
  });

  it("gets a token for a resource written with a slash (mcp-auth-proxy#123)", async () => {
    const visit = await visitAs("claude", gateway.resource);
    const emulation = { ...visit.emulation, resource: (identifier: string) => `${identifier}/` };
    const slashed = { ...visit, emulation };
    expect(await echo(slashed, await logIn(slashed, person))).toContain("hello");
  });

  it("is served at the bare path and with a slash (claude-ai-mcp#299)", async () => {
    const visit = await visitAs("claude", `${gateway.resource}/`);
    expect(await echo(visit, await logIn(visit, person))).toContain("hello");
  });

  it("finds everything on other paths than /mcp (claude-ai-mcp#878, #716)", async () => {
    const visit = await visitAs("claude", `${gateway.url}/echo/mcp`);
    const login = await logIn(visit, person);
    expect(login.found.identifier).toBe(`${gateway.url}/echo/mcp`);
    expect(await echo(visit, login)).toContain("hello");
  });

  it("refreshes from two machines at once and keeps both tokens (fastmcp#4901, #4265)", async () => {
    const visit = await visitAs("claude", gateway.resource);
    const login = await logIn(visit, person);
    const both = await Promise.all([refresh(visit, login), refresh(visit, login)]);
    expect(both[0].refresh_token).toBe(both[1].refresh_token);
    for (const tokens of both) expect(await echo(visit, { ...login, tokens })).toContain("hello");
    const next = await refresh(visit, { ...login, tokens: both[1] });
    expect(await echo(visit, { ...login, tokens: next })).toContain("hello");
  });
});
