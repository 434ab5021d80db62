/** Whoever calls stays outside: a program sees messages and its own environment, nothing of the requests they came in. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startBridge, type BridgeServer } from "../../../support/bridge-server.ts";
import { fixture } from "../../../support/gateway.ts";
import { initialize, messagesOf, post } from "../../../support/mcp-session.ts";

/** What a request can carry of its sender; each value is found again wherever it went. */
const CARRIED = {
  authorization: "Bearer canary-authorization",
  "proxy-authorization": "Basic canary-proxy",
  cookie: "session=canary-cookie",
  dpop: "canary-dpop",
  "x-forwarded-user": "canary-user",
  "x-forwarded-email": "canary-email",
  "x-auth-request-access-token": "canary-access",
  "x-auth-subject": "canary-subject",
  "x-real-ip": "canary-address",
  "x-api-key": "canary-key",
};

let server: BridgeServer;
const program = { command: "node", args: [fixture("prober.js"), "argument"] };

beforeAll(async () => {
  server = await startBridge({
    services: { free: program, held: { ...program, permissions: {} } },
    environment: { PATH: process.env["PATH"], HOME: process.env["HOME"], SECRET: "canary-own" },
  });
});
afterAll(() => server.close());

describe("what a program sees of its caller (B15)", () => {
  it.each(["free", "held"])("is the messages alone: %s", async (service) => {
    const opened = await post(server.endpoint(service), initialize(), { headers: CARRIED });
    expect(opened.status).toBe(200);
    await opened.text();
    const headers = { ...CARRIED, "mcp-session-id": opened.headers.get("mcp-session-id")! };
    const ready = { jsonrpc: "2.0", method: "notifications/initialized" };
    await post(server.endpoint(service), ready, { headers });
    for (const name of ["env", "argv", "received"]) {
      const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } };
      const [answer] = await messagesOf(await post(server.endpoint(service), call, { headers }));
      const { text } = (answer as { result: { content: [{ text: string }] } }).result.content[0];
      expect(text).toContain({ env: "PATH", argv: "argument", received: "initialize" }[name]);
      expect(text).not.toMatch(/canary/);
    }
    expect(server.logged()).not.toMatch(/canary/);
  });
});
