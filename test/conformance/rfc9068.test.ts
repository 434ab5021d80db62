/** Access tokens as a stranger sees them: RFC 9068. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  obtainTokens,
  opens,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

describe("an access token, RFC 9068 §2", () => {
  it("is a JWT of type at+jwt that the published key verifies, with every required claim", async () => {
    const { access_token, expires_in } = await obtainTokens(gateway, client);
    const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(access_token, keys, {
      issuer: gateway.url,
      audience: gateway.resource,
      typ: "at+jwt",
      algorithms: ["ES256"],
      currentDate: new Date(gateway.clock.now() * 1000),
    });
    expect(protectedHeader).toEqual({ alg: "ES256", typ: "at+jwt", kid: expect.any(String) });
    expect(payload).toEqual({
      iss: gateway.url,
      aud: gateway.resource,
      sub: expect.stringMatching(/^local:/),
      client_id: client.client_id,
      scope: "mcp",
      gid: expect.any(String),
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: payload.iat! + expires_in,
    });
  });

  it("is a new one each time, within the same grant after a refresh", async () => {
    const first = await obtainTokens(gateway, client);
    const second = await tokensOf(
      await requestToken(gateway, refreshForm(client, first.refresh_token)),
    );
    const [a, b] = [decodeJwt(first.access_token), decodeJwt(second.access_token)];
    expect(a.jti).not.toBe(b.jti);
    expect([a["gid"], a.sub, a.aud]).toEqual([b["gid"], b.sub, b.aud]);
    const other = decodeJwt((await obtainTokens(gateway, client)).access_token);
    expect(other["gid"]).not.toBe(a["gid"]);
    expect(other.sub).toBe(a.sub);
  });

  it("keeps its key over a restart of the gateway, and so does not die of it", async () => {
    const { mkdtempSync, rmSync } = await import("node:fs");
    const stateDirectory = mkdtempSync("/tmp/mcpg-keys-");
    const first = await startGateway({ stateDirectory });
    const tokens = await obtainTokens(first, await registered(first));
    await first.close();
    const port = new URL(first.url).port;
    const second = await startGateway({
      stateDirectory,
      config: { publicUrl: first.url, listen: { host: "localhost", port: Number(port) } },
    });
    try {
      expect(await opens(second, tokens.access_token)).toBe(true);
    } finally {
      await second.close();
      rmSync(stateDirectory, { recursive: true });
    }
  });

  it("says nothing of the person but the subject (§6, JW-30)", async () => {
    const { access_token } = await obtainTokens(gateway, client);
    for (const claim of ["email", "name", "preferred_username", "nonce"]) {
      expect(decodeJwt(access_token)).not.toHaveProperty(claim);
    }
    expect(decodeProtectedHeader(access_token)).not.toHaveProperty("jwk");
  });

  it("opens nothing after its time", async () => {
    const { access_token, expires_in } = await obtainTokens(gateway, client);
    gateway.clock.advance(expires_in - 1);
    expect(await opens(gateway, access_token)).toBe(true);
    gateway.clock.advance(2);
    expect(await opens(gateway, access_token)).toBe(false);
  });

  it("opens nothing once its client was revoked, nor do its codes and refresh tokens (JW-23, RF-21)", async () => {
    const doomed = await registered(gateway);
    const tokens = await obtainTokens(gateway, doomed);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    expect(await opens(gateway, tokens.access_token)).toBe(false);
    const response = await requestToken(gateway, refreshForm(doomed, tokens.refresh_token));
    expect(response.status).toBe(401);
    const told = gateway.events.filter(
      (event) => "clientId" in event && event.clientId === doomed.client_id,
    );
    const ends = told.map(({ type }) => type).filter((type) => /^(grant|client)\./.test(type));
    expect(ends).toEqual(["client.registered", "grant.ended", "client.revoked"]);
  });
});
