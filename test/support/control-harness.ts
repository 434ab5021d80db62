/**
 * The control API over a real socket and a real store, with a bridge that only remembers sessions.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bridge, SessionInfo } from "../../src/bridge/bridge.ts";
import { connectControl, type ControlClient } from "../../src/control.ts";
import { startControlServer } from "../../src/server/control.ts";
import { createControlApi } from "../../src/server/control/control-api.ts";
import { createServerContext, type TestContext } from "./server-context.ts";

export interface ControlHarness {
  directory: string;
  socketPath: string;
  context: TestContext;
  control: ControlClient;
  /** @param over members of the bridge that behave otherwise */
  start(over?: Partial<Bridge>): Promise<void>;
  stop(): Promise<void>;
  /** A client with a grant, an access token and a session. */
  populate(clientId: string, via?: "registration" | "command"): Promise<void>;
  /** One request as any program could send it. */
  raw(
    method: string,
    path: string,
    body?: string | Buffer,
  ): Promise<{ status: number; headers: IncomingMessage["headers"]; text: string }>;
  close(): Promise<void>;
}

export async function createControlHarness(): Promise<ControlHarness> {
  const directory = mkdtempSync(join(tmpdir(), "control-"));
  const socketPath = join(directory, "control.sock");
  const context = await createServerContext();
  let sessions: SessionInfo[] = [];
  let server: { close(): Promise<void> } | undefined;
  const bridge: Bridge = {
    handle: () => Promise.reject(new Error("not here")),
    sessions: () => sessions,
    announce: () => undefined,
    async end({ clientId, grantId, sessionId }) {
      const before = sessions.length;
      sessions = sessions.filter(
        (one) =>
          one.clientId !== clientId && one.grantId !== grantId && one.sessionId !== sessionId,
      );
      return before - sessions.length;
    },
    replaceServices: () => Promise.resolve(),
    health: () => ({ files: { state: "failing", children: [], reason: "exit 1" } }),
    log: () => [],
    restart: async () => 0,
    close: async () => undefined,
  };
  const harness: ControlHarness = {
    directory,
    socketPath,
    context,
    control: connectControl(directory),
    async start(over = {}) {
      const running = { version: "1.2.3", startedAt: context.clock.now() };
      const api = createControlApi({ ...context, ...running, bridge: { ...bridge, ...over } });
      server = await startControlServer(api, socketPath);
    },
    async stop() {
      await server?.close();
      server = undefined;
    },
    async populate(clientId, via = "registration") {
      const now = context.clock.now();
      const grantId = `grant-${clientId}`;
      const subject = "local:me";
      const resource = "https://gw.example.com/mcp";
      const shared = { grantId, clientId, subject, resource, scopes: ["mcp"] };
      await context.store.put("client", clientId, {
        clientId,
        metadata: {
          redirect_uris: ["http://127.0.0.1/callback"],
          token_endpoint_auth_method: "none",
          grant_types: ["authorization_code"],
          response_types: ["code"],
          client_name: `Client ${clientId}`,
        },
        registeredAt: now,
        via,
      });
      const grant = { ...shared, identity: { subject }, createdAt: now, expiresAt: now + 1000 };
      await context.store.put("grant", grantId, grant);
      const tokenId = `token-${clientId}`;
      const token = { ...shared, tokenId, issuedAt: now, expiresAt: now + 100 };
      await context.store.put("accessToken", tokenId, token, 100);
      sessions.push({
        sessionId: `session-${clientId}`,
        service: "files",
        clientId,
        subject,
        grantId,
        era: "legacy",
        protocolVersion: "2025-11-25",
        openedAt: now,
        lastActiveAt: now,
        pid: undefined,
        requests: 3,
      });
    },
    async raw(method, path, body) {
      const outgoing = request({ socketPath, method, path, agent: false });
      outgoing.end(body);
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      let text = "";
      for await (const chunk of response) text += String(chunk);
      return { status: response.statusCode!, headers: response.headers, text };
    },
    async close() {
      await harness.stop();
      await context.close();
      rmSync(directory, { recursive: true });
    },
  };
  return harness;
}
