/**
 * An SDK's MCP server behind the SDK's own bearer check and oidc-provider: nothing of ours in it.
 */
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import type { AddressInfo } from "node:net";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { onTestFinished } from "vitest";
import { startOidcProvider } from "./oidc-peer.ts";
import type { Upstream } from "./upstream.ts";

/** @returns the URL to connect to */
export async function guard(upstream: Upstream): Promise<string> {
  const app = express();
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resource = `${origin}/mcp`;
  const provider = await startOidcProvider(resource);
  const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await provider.close();
    await upstream.close();
  });
  const metadata = "/.well-known/oauth-protected-resource/mcp";
  app.get(metadata, (_request, response) => {
    const scopes_supported = ["mcp"];
    response.json({ resource, authorization_servers: [provider.issuer], scopes_supported });
  });
  app.use(
    requireBearerAuth({
      resourceMetadataUrl: origin + metadata,
      verifier: {
        async verifyAccessToken(token) {
          const expected = { issuer: provider.issuer, audience: resource };
          const { payload } = await jwtVerify(token, keys, expected);
          const [clientId, scopes] = [String(payload["client_id"]), ["mcp"]];
          return { token, clientId, scopes, expiresAt: payload.exp! };
        },
      },
    }),
  );
  app.use((request, response) => {
    const { method, originalUrl: path, headers } = request;
    const passed = ask(new URL(path, upstream.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  return resource;
}
