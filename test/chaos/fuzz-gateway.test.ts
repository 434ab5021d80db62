/**
 * A running gateway under thousands of requests that are nearly right: every one is answered, none with a 5xx, and afterwards
 * the gateway is as well as before.
 */
import * as fc from "fast-check";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMutator } from "../support/fuzz.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import { memoryAlive } from "../support/memory.ts";
import { authorizationUrl, basicAuth, obtainCode, obtainTokens, opens, query, registered } from "../support/raw-client.ts"; // prettier-ignore
import { callMcp } from "../support/strict-client.ts";

const ROUNDS = 60;
const AT_ONCE = 40; // requests of one round
const PATIENCE = 10_000; // ms until a whole request must be answered
const BRIEF = 1000; // ms for what may be no whole request at all

interface Template {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: string;
}

let gateway: TestGateway;
let templates: Template[];
let accessToken: string;

const form = { "content-type": "application/x-www-form-urlencoded" };
const json = { "content-type": "application/json" };

beforeAll(async () => {
  gateway = await startGateway({ logLevel: "error" });
  const client = await registered(gateway);
  const secretive = await registered(gateway, {
    token_endpoint_auth_method: "client_secret_basic",
  });
  const tokens = await obtainTokens(gateway, client);
  const { form: exchange } = await obtainCode(gateway, client);
  accessToken = tokens.access_token;
  const opened = await callMcp(gateway.resource, accessToken);
  const session = opened.headers.get("mcp-session-id") ?? "";
  await opened.body?.cancel();

  const authorize = authorizationUrl(gateway, client);
  const target = `${authorize.pathname}${authorize.search}`;
  const { pathname } = new URL(gateway.resource);
  const mcp = { ...json, accept: "application/json, text/event-stream", authorization: `Bearer ${accessToken}`, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }; // prettier-ignore
  const forwarded = { "x-forwarded-method": "POST", "x-forwarded-proto": "http", "x-forwarded-host": new URL(gateway.url).host, "x-forwarded-uri": pathname }; // prettier-ignore
  const basic = basicAuth(secretive.client_id, secretive.client_secret!);
  const management = { authorization: `Bearer ${String(client["registration_access_token"])}` };
  const manage = `/register/${client.client_id}`;
  const metadata = JSON.stringify({ redirect_uris: ["http://localhost/cb"], client_name: "F", jwks: { keys: [{ kty: "EC" }] } }); // prettier-ignore
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo", arguments: { text: "x" }, _meta: { progressToken: 1 } } }; // prettier-ignore
  const modern = { jsonrpc: "2.0", id: 2, method: "tools/list", params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} } } }; // prettier-ignore
  const post = (path: string, headers: Record<string, string>, body: string): Template => ({ method: "POST", target: path, headers, body }); // prettier-ignore
  const get = (path: string, headers: Record<string, string> = {}): Template => ({ method: "GET", target: path, headers, body: "" }); // prettier-ignore
  templates = [
    get(target, { cookie: `mcp-gateway-session=${"a".repeat(43)}`, accept: "text/html" }),
    post("/authorize", form, authorize.search.slice(1)),
    post("/token", form, query({ ...exchange, code: "a".repeat(43) })),
    post("/token", { ...form, ...basic }, "grant_type=client_credentials&scope=mcp"),
    post("/token", form, query({ grant_type: "refresh_token", refresh_token: tokens.refresh_token, client_id: client.client_id, resource: gateway.resource })),
    post("/token", form, query({ grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: "x", client_id: client.client_id })),
    post("/token", { ...form, dpop: "a.b.c" }, query({ grant_type: "authorization_code", client_id: "https://127.0.0.1/c", client_assertion: accessToken, client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" })),
    post("/revoke", form, query({ token: "x.y.z", client_id: client.client_id })),
    post("/introspect", { ...form, ...basic }, query({ token: accessToken })),
    post("/par", form, authorize.search.slice(1)),
    post("/device_authorization", form, query({ client_id: client.client_id, scope: "mcp" })),
    post("/register", json, metadata),
    { ...post(manage, { ...json, ...management }, metadata), method: "PUT" },
    get(manage, { authorization: "Bearer x" }),
    get("/device?user_code=BCDF-GHJK"), get(`/login?interaction=${"a".repeat(22)}`), get(`/consent?interaction=${"a".repeat(22)}`),
    post("/consent", { ...form, origin: gateway.url, cookie: "a=b" }, `interaction=${"a".repeat(22)}&csrf=x&decision=allow`),
    get("/callback/local?state=a.b&code=c"), post("/callback/local", form, "state=a.b&code=c"),
    get("/.well-known/oauth-authorization-server"), get(`/.well-known/oauth-protected-resource${pathname}`), get("/.well-known/jwks.json"),
    get("/verify", { ...forwarded, authorization: `Bearer ${accessToken}`, "x-forwarded-for": "1.2.3.4, ::1" }),
    post(pathname, mcp, JSON.stringify(call)), post(pathname, mcp, JSON.stringify([call])), post(pathname, mcp, JSON.stringify({ jsonrpc: "2.0", method: "notifications/x" })),
    post(pathname, { ...mcp, "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list" }, JSON.stringify(modern)),
    { ...get(pathname, { ...mcp, accept: "text/event-stream", "last-event-id": "1-1" }) },
    { ...get(pathname, { origin: "https://claude.ai", "access-control-request-method": "POST" }), method: "OPTIONS" },
  ]; // prettier-ignore
}, 60_000);

afterAll(() => gateway.close());

/** What is changed, and whether a whole request is left, which must be answered. */
type Change = "target" | "header" | "body" | "anything";

function requestOf(template: Template, change: Change, seed: number): string {
  const mutate = (corpus: readonly string[]): string => createMutator({ corpus }, seed)();
  const pieces = { ...template, headers: { ...template.headers } };
  if (change === "target") pieces.target = mutate([pieces.target]).replaceAll(/[\0-\x20\x7f-\uffff]/g, "%20"); // prettier-ignore
  if (change === "body") pieces.body = mutate([pieces.body]);
  const names = Object.keys(pieces.headers);
  const name = names[Math.abs(seed) % Math.max(1, names.length)];
  if (change === "header" && name !== undefined) {
    // No line ends and no byte Node refuses itself: what is left reaches us.
    pieces.headers[name] = mutate([pieces.headers[name]!]).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, ""); // prettier-ignore
  }
  const length = Buffer.byteLength(pieces.body.toWellFormed());
  const lines = Object.entries({ host: new URL(gateway.url).host, connection: "close", ...pieces.headers, "content-length": String(length) }); // prettier-ignore
  const head = `${pieces.method} ${pieces.target} HTTP/1.1\r\n${lines.map(([key, value]) => `${key}: ${value}\r\n`).join("")}\r\n`; // prettier-ignore
  return change === "anything" ? mutate([head + pieces.body]) : head + pieces.body;
}

/** @returns the status; undefined when the connection was closed without one, 0 when nothing came */
function send(text: string, patience: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const { port } = new URL(gateway.url);
    const socket = connect({ host: "127.0.0.1", port: Number(port) });
    let answer = "";
    const finish = (status: number | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(status);
    };
    const timer = setTimeout(() => finish(0), patience);
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      answer += chunk;
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
      if (status !== undefined && status !== "100") finish(Number(status));
    });
    socket.on("error", () => finish(undefined)).on("close", () => finish(undefined));
    // Of the head every character is a byte, of a body it is UTF-8.
    const end = text.indexOf("\r\n\r\n");
    socket.write(Buffer.from(text.slice(0, end + 4), "latin1"));
    socket.write(Buffer.from(text.slice(end + 4)));
  });
}

describe("a running gateway", () => {
  it.each<Change>(["target", "header", "body", "anything"])(
    "answers requests whose %s is mutated, never with 5xx",
    async (change) => {
      const before = memoryAlive();
      const isWhole = change !== "anything";
      const seeds = fc.array(fc.integer(), { minLength: AT_ONCE, maxLength: AT_ONCE });
      await fc.assert(
        fc.asyncProperty(fc.noShrink(seeds), async (some) => {
          const sent = some.map((seed) =>
            requestOf(templates[Math.abs(seed >> 8) % templates.length]!, change, seed),
          );
          const statuses = await Promise.all(
            sent.map((text) => send(text, isWhole ? PATIENCE : BRIEF)),
          );
          for (const [index, status] of statuses.entries()) {
            const isBad = (status ?? 0) >= 500 || (isWhole && (status ?? 0) === 0);
            if (isBad) throw new Error(`${status} for ${JSON.stringify(sent[index])}`);
          }
        }),
        { numRuns: change === "anything" ? ROUNDS / 4 : ROUNDS },
      );
      expect(memoryAlive() - before).toBeLessThan(150 * 1_048_576);
      expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
      expect(gateway.logged()).not.toMatch(/request failed|the bridge failed/);
    },
    120_000,
  );

  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

  it("refuses JSON that is nested too deep to be written again", async () => {
    const key = `{"kty":"EC","crv":"P-256","x":${deep(30_000)}}`;
    const body = `{"redirect_uris":["http://localhost/cb"],"jwks":{"keys":[${key}]}}`;
    const answer = await fetch(`${gateway.url}/register`, { method: "POST", headers: json, body });
    expect(answer.status).toBe(400);
    for (const levels of [490, 600, 4000, 100_000]) {
      const template = templates.find(({ body: sent }) => sent.includes("tools/call"))!;
      const response = await fetch(gateway.resource, {
        method: "POST",
        headers: template.headers,
        body: template.body.replace('"x"', deep(levels)),
      });
      expect(response.status, String(levels)).toBe(levels < 500 ? 200 : 400);
      await response.body?.cancel();
    }
  });

  it("outlives an MCP server whose answers are nested too deep", async () => {
    const config = {
      services: { echo: { command: process.execPath, args: [fixture("nests.js")] } },
    };
    const other = await startGateway({ config, logLevel: "error" });
    const { access_token: token } = await obtainTokens(other, await registered(other));
    const opened = await callMcp(other.resource, token);
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    await opened.body?.cancel();
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    const answer = await callMcp(other.resource, token, ping, session);
    expect(await answer.text()).toMatch(/"error"/);
    expect((await fetch(`${other.url}/readyz`)).status).toBe(200);
    await other.close();
  }, 30_000);

  it("still serves whoever does it right", async () => {
    expect(await opens(gateway, accessToken)).toBe(true);
    expect(await obtainTokens(gateway, await registered(gateway))).toHaveProperty("access_token");
  });
});
