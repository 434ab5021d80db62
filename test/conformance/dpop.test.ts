/** Tokens bound to a client's key, from the first request to the last: RFC 9449. */
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digest, randomToken } from "../../src/random.ts";
import { createDpopKey, proofOf, type DpopKey } from "../support/dpop.ts";
import { approve } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  jsonOf,
  LOOPBACK,
  obtainCode,
  opens,
  post,
  redirectOf,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { discover } from "../support/strict-client.ts";

const insecure = { [oauth.allowInsecureRequests]: true };

let gateway: TestGateway;
let client: RawClient;
let confidential: RawClient;
let key: DpopKey;
let other: DpopKey;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
  confidential = await registered(gateway, { token_endpoint_auth_method: "client_secret_post" });
  [key, other] = [await createDpopKey(), await createDpopKey()];
});
afterAll(() => gateway.close());

const withProof = async (fields: Fields, by: DpopKey | undefined = key): Promise<Response> =>
  requestToken(gateway, fields, { dpop: await proofOf(gateway, by) });
const boundTokens = async (of = client, by = key, fields: Fields = {}): Promise<Tokens> => {
  const { form } = await obtainCode(gateway, of, fields);
  return tokensOf(await withProof({ ...form, client_secret: of.client_secret }, by));
};
/** One MCP request. @param by no proof when undefined */
async function call(
  accessToken: string,
  options: { scheme?: string; by?: DpopKey | undefined; path?: string } = { by: key },
): Promise<Response> {
  const uri = gateway.resource;
  const proof = options.by && (await proofOf(gateway, options.by, { uri, accessToken }));
  const response = await fetch(uri, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: `${options.scheme ?? "DPoP"} ${accessToken}`,
      ...(proof !== undefined && { dpop: proof }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
  await response.body?.cancel();
  return response;
}
const challengeOf = (response: Response): string => response.headers.get("www-authenticate") ?? "";

describe("a strict client with a key", () => {
  it("finds DPoP in the metadata and uses it to the end (RFC 9449 §4-§9)", async () => {
    const { server, resource } = await discover(gateway.resource);
    expect(server.dpop_signing_alg_values_supported).toEqual(["ES256", "EdDSA", "PS256", "RS256"]);
    const me: oauth.Client = { client_id: client.client_id };
    const handle = oauth.DPoP(me, await oauth.generateKeyPair("ES256"));
    const options = { ...insecure, DPoP: handle };
    const verifier = oauth.generateRandomCodeVerifier();
    const pushed = await oauth.processPushedAuthorizationResponse(
      server,
      me,
      await oauth.pushedAuthorizationRequest(
        server,
        me,
        oauth.None(),
        {
          response_type: "code",
          redirect_uri: LOOPBACK,
          resource,
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        },
        options,
      ),
    );
    const url = new URL(server.authorization_endpoint!);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      request_uri: pushed.request_uri,
    }).toString();
    const answer = oauth.validateAuthResponse(server, me, await approve(url), oauth.expectNoState);
    const exchange = (): Promise<Response> =>
      oauth.authorizationCodeGrantRequest(
        server,
        me,
        oauth.None(),
        answer,
        LOOPBACK,
        verifier,
        options,
      );
    const tokens = await oauth.processAuthorizationCodeResponse(server, me, await exchange());
    expect(tokens.token_type).toBe("dpop");
    const [, payload = ""] = tokens.access_token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as { cnf: object };
    expect(claims.cnf).toEqual({ jkt: await handle.calculateThumbprint() });

    const initialize = (): Promise<Response> =>
      oauth.protectedResourceRequest(
        tokens.access_token,
        "POST",
        new URL(gateway.resource),
        new Headers({ "content-type": "application/json", accept: "application/json" }),
        JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
        options,
      );
    expect((await initialize()).status).not.toBe(401);
    expect((await initialize()).status).not.toBe(401);
    const refreshed = await oauth.processRefreshTokenResponse(
      server,
      me,
      await oauth.refreshTokenGrantRequest(
        server,
        me,
        oauth.None(),
        tokens.refresh_token!,
        options,
      ),
    );
    expect(refreshed.token_type).toBe("dpop");
  });

  it("is off for a client that does not use it", async () => {
    const { form } = await obtainCode(gateway, client);
    const response = await requestToken(gateway, form);
    expect(response.headers.has("dpop-nonce")).toBe(false);
    const tokens = await tokensOf(response);
    expect(tokens.token_type).toBe("Bearer");
    expect(await opens(gateway, tokens.access_token)).toBe(true);
    const bare = await ask(gateway.resource, { method: "POST" });
    expect(challengeOf(bare)).not.toContain("DPoP");
    expect(bare.headers.has("dpop-nonce")).toBe(false);
  });
});

it("is demanded of a client that has registered so (RFC 9449 §5.2)", async () => {
  const strict = await registered(gateway, { dpop_bound_access_tokens: true });
  expect(strict["dpop_bound_access_tokens"]).toBe(true);
  const { form } = await obtainCode(gateway, strict);
  expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_dpop_proof");
  await tokensOf(await withProof(form));
});

describe("a bound access token", () => {
  it("opens its resource with a proof of its key, and only so (DP-02)", async () => {
    const { access_token: token, token_type: type } = await boundTokens();
    expect(type).toBe("DPoP");
    const good = await call(token);
    expect(good.status).not.toBe(401);
    expect(good.headers.get("dpop-nonce")).toMatch(/^[\w-]{43}$/);
    const missing = await call(token, {});
    expect(missing.status).toBe(401);
    expect(challengeOf(missing)).toContain('DPoP error="invalid_dpop_proof"');
    const foreign = await call(token, { by: other });
    expect(foreign.status).toBe(401);
    expect(challengeOf(foreign)).toMatch(
      /^Bearer resource_metadata=.*, DPoP error="invalid_token".*algs="ES256 EdDSA PS256 RS256"/,
    );
  });

  it("is refused as a bearer's, with or without a proof (DP-02, JW-29)", async () => {
    const { access_token: token } = await boundTokens();
    for (const by of [undefined, key]) {
      const response = await call(token, { scheme: "Bearer", by });
      expect(response.status).toBe(401);
      expect(challengeOf(response)).toContain('DPoP error="invalid_token"');
    }
    expect(await opens(gateway, token)).toBe(false);
  });

  it("is the only kind that DPoP opens a resource with", async () => {
    const { form } = await obtainCode(gateway, client);
    const { access_token: unbound } = await tokensOf(await requestToken(gateway, form));
    const response = await call(unbound);
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toContain('DPoP error="invalid_token"');
    expect(await opens(gateway, unbound)).toBe(true);
  });

  it("is refused at once when its grant has ended", async () => {
    const tokens = await boundTokens();
    await post(gateway, "/revoke", { client_id: client.client_id, token: tokens.refresh_token });
    expect((await call(tokens.access_token)).status).toBe(401);
  });

  it("is checked in the same way behind a proxy, for the request the proxy holds", async () => {
    const { access_token: token } = await boundTokens();
    const { protocol, host, pathname } = new URL(gateway.resource);
    const verify = async (options: {
      method?: string;
      uri?: string;
      by?: DpopKey;
      scheme?: string;
    }): Promise<Response> => {
      const { method = "GET", uri = gateway.resource, by = key, scheme = "DPoP" } = options;
      const proof = await proofOf(gateway, by, { method, uri, accessToken: token });
      return fetch(`${gateway.url}/verify`, {
        headers: {
          authorization: `${scheme} ${token}`,
          dpop: proof,
          "x-forwarded-method": "GET",
          "x-forwarded-proto": protocol.slice(0, -1),
          "x-forwarded-host": host,
          "x-forwarded-uri": `${pathname}?session=1`,
        },
      });
    };
    expect((await verify({})).status).toBe(200);
    for (const wrong of [
      { method: "POST" },
      { uri: `${gateway.url}/verify` },
      { by: other },
      { scheme: "Bearer" },
    ]) {
      const response = await verify(wrong);
      expect(response.status, JSON.stringify(wrong)).toBe(401);
      expect(challengeOf(response)).toContain("DPoP error=");
    }
    const refused = await verify({ uri: `${gateway.url}/verify` });
    expect(refused.headers.get("access-control-expose-headers")).toContain("DPoP-Nonce");
    expect(refused.headers.get("dpop-nonce")).toMatch(/^[\w-]{43}$/);
  });

  it("tells a resource that asks which key it is bound to (RFC 9449 §6.2)", async () => {
    const { access_token: token } = await boundTokens(confidential);
    const answer = await jsonOf<Record<string, unknown>>(
      await post(gateway, "/introspect", {
        client_id: confidential.client_id,
        client_secret: confidential.client_secret,
        token,
      }),
    );
    expect(answer).toMatchObject({ token_type: "DPoP", cnf: { jkt: key.thumbprint } });
  });
});

describe("a refresh token of a public client (RF-22, DP-02)", () => {
  it("works with its key only, and a try without it does no harm", async () => {
    const first = await boundTokens();
    const form = refreshForm(client, first.refresh_token);
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_dpop_proof");
    expect(await errorOf(await withProof(form, other))).toBe("400 invalid_grant");
    const second = await tokensOf(await withProof(form));
    expect(second.token_type).toBe("DPoP");
    expect((await call(second.access_token)).status).not.toBe(401);
    const next = refreshForm(client, second.refresh_token);
    expect(await errorOf(await requestToken(gateway, next))).toBe("400 invalid_dpop_proof");
    expect(await errorOf(await withProof(next, other))).toBe("400 invalid_grant");
    await tokensOf(await withProof(next));
  });

  it("cannot be used by a thief to end the grant", async () => {
    const first = await boundTokens();
    const form = refreshForm(client, first.refresh_token);
    const second = await tokensOf(await withProof(form));
    gateway.clock.advance(60);
    expect(await errorOf(await withProof(form, other))).toBe("400 invalid_grant");
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_dpop_proof");
    await tokensOf(await withProof(refreshForm(client, second.refresh_token)));
    // With the key it is a reuse, and ends the family.
    expect(await errorOf(await withProof(form))).toBe("400 invalid_grant");
    expect((await call(second.access_token)).status).toBe(401);
  });

  it("yields the same successor within the grace, with the key", async () => {
    const first = await boundTokens();
    const form = refreshForm(client, first.refresh_token);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => tokensOf(await withProof(form))),
    );
    expect(new Set(answers.map(({ refresh_token: token }) => token)).size).toBe(1);
    expect(await errorOf(await withProof(form, other))).toBe("400 invalid_grant");
  });

  it("is bound by its authentication instead when its client has one (RFC 9449 §5)", async () => {
    const secret = { client_secret: confidential.client_secret };
    const first = await boundTokens(confidential);
    const form = refreshForm(confidential, first.refresh_token, secret);
    const second = await tokensOf(await withProof(form, other));
    expect((await call(second.access_token, { by: other })).status).not.toBe(401);
    expect((await call(second.access_token, { by: key })).status).toBe(401);
  });
});

describe("an authorization code bound by dpop_jkt (RFC 9449 §10)", () => {
  it("is redeemed with that key only, and a wrong try leaves it unused", async () => {
    const { form } = await obtainCode(gateway, client, { dpop_jkt: key.thumbprint });
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_dpop_proof");
    expect(await errorOf(await withProof(form, other))).toBe("400 invalid_grant");
    expect((await tokensOf(await withProof(form))).token_type).toBe("DPoP");
  });

  it("must be bound to something that can be a thumbprint", async () => {
    for (const jkt of ["x", "", `${key.thumbprint}=`, "!".repeat(43)]) {
      const response = await ask(authorizationUrl(gateway, client, { dpop_jkt: jkt }));
      if (jkt === "") expect(response.headers.get("location")).toContain("/login");
      else expect(redirectOf(response)["error"]).toBe("invalid_request");
    }
  });

  it("may be bound by a proof at PAR instead, which dpop_jkt must not contradict", async () => {
    const verifier = randomToken();
    const push = async (fields: Fields): Promise<Response> => {
      const request = authorizationUrl(gateway, client, {
        code_challenge: digest(verifier),
        ...fields,
      });
      const dpop = await proofOf(gateway, key, { uri: `${gateway.url}/par` });
      return post(gateway, "/par", Object.fromEntries(request.searchParams), { dpop });
    };
    expect(await errorOf(await push({ dpop_jkt: other.thumbprint }))).toBe(
      "400 invalid_dpop_proof",
    );
    const { request_uri: requestUri } = await jsonOf<{ request_uri: string }>(
      await push({ dpop_jkt: key.thumbprint }),
    );
    const url = new URL(`${gateway.url}/authorize`);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      request_uri: requestUri,
      dpop_jkt: other.thumbprint,
    }).toString();
    const form = {
      grant_type: "authorization_code",
      client_id: client.client_id,
      code: (await approve(url)).searchParams.get("code")!,
      code_verifier: verifier,
      redirect_uri: LOOPBACK,
    };
    expect(await errorOf(await withProof(form, other))).toBe("400 invalid_grant");
    await tokensOf(await withProof(form));
  });
});

it("lets browsers' clients send proofs and read nonces", async () => {
  for (const url of [`${gateway.url}/token`, `${gateway.url}/par`, gateway.resource]) {
    const response = await ask(url, {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "POST" },
    });
    expect(response.headers.get("access-control-allow-headers")?.split(", ")).toContain("dpop");
    expect(response.headers.get("access-control-expose-headers")).toContain("DPoP-Nonce");
  }
});
