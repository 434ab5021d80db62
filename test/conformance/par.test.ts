/** Pushed authorization requests, RFC 9126. */
import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { digest, randomToken } from "../../src/random.ts";
import { approve } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  basicAuth,
  errorOf,
  jsonOf,
  LOOPBACK,
  opens,
  pageOf,
  post,
  redirectOf,
  registered,
  requestToken,
  tokensOf,
  type Fields,
  type RawClient,
} from "../support/raw-client.ts";
import { discover } from "../support/strict-client.ts";

let gateway: TestGateway;
let client: RawClient;
let confidential: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
  confidential = await registered(gateway, {
    token_endpoint_auth_method: "client_secret_post",
    redirect_uris: ["https://app.example/callback"],
  });
});
afterAll(() => gateway.close());

const request = (fields: Fields = {}, of = client): Fields =>
  Object.fromEntries([...authorizationUrl(gateway, of, fields).searchParams]);
const push = (fields: Fields = {}, of = client): Promise<Response> =>
  post(gateway, "/par", { ...request({}, of), client_secret: of.client_secret, ...fields });
const pushed = async (fields: Fields = {}, of = client): Promise<string> => {
  const response = await push(fields, of);
  expect(response.status).toBe(201);
  return (await jsonOf<{ request_uri: string }>(response)).request_uri;
};
const go = (requestUri: string, fields: Fields = {}, of = client): URL => {
  const url = new URL(`${gateway.url}/authorize`);
  url.search = new URLSearchParams({
    client_id: of.client_id,
    request_uri: requestUri,
    ...(fields as Record<string, string>),
  }).toString();
  return url;
};

describe("a pushed request", () => {
  it("leads a strict client to tokens, found by metadata (RFC 9126 §5)", async () => {
    const { server, resource } = await discover(gateway.resource);
    expect(server.pushed_authorization_request_endpoint).toBe(`${gateway.url}/par`);
    const insecure = { [oauth.allowInsecureRequests]: true };
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const me: oauth.Client = { client_id: confidential.client_id };
    const secret = oauth.ClientSecretPost(confidential.client_secret!);
    const redirectUri = confidential.redirect_uris[0]!;
    const answer = await oauth.processPushedAuthorizationResponse(
      server,
      me,
      await oauth.pushedAuthorizationRequest(
        server,
        me,
        secret,
        {
          response_type: "code",
          redirect_uri: redirectUri,
          state,
          resource,
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: "S256",
        },
        insecure,
      ),
    );
    expect(answer.expires_in).toBe(60);
    expect(answer.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:[\w-]{43}$/);
    const left = await approve(go(answer.request_uri, {}, confidential));
    const parameters = oauth.validateAuthResponse(server, me, left, state);
    const tokens = await oauth.processAuthorizationCodeResponse(
      server,
      me,
      await oauth.authorizationCodeGrantRequest(
        server,
        me,
        secret,
        parameters,
        redirectUri,
        verifier,
        insecure,
      ),
    );
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("is what counts: nothing the browser adds is read (PA-01)", async () => {
    const verifier = randomToken();
    const requestUri = await pushed({ code_challenge: digest(verifier), scope: "mcp" });
    const left = await approve(
      go(requestUri, {
        redirect_uri: "https://attacker.example/",
        state: "other",
        scope: "mcp offline_access",
        resource: "https://elsewhere.example/mcp",
        code_challenge: digest("w".repeat(43)),
        response_type: "token",
        prompt: "none",
      }),
    );
    expect(left.href.startsWith(LOOPBACK)).toBe(true);
    expect(left.searchParams.get("state")).toBe("s1");
    const tokens = await tokensOf(
      await requestToken(gateway, {
        grant_type: "authorization_code",
        client_id: client.client_id,
        code: left.searchParams.get("code")!,
        code_verifier: verifier,
        redirect_uri: LOOPBACK,
      }),
    );
    expect(tokens.scope).toBe("mcp");
  });

  it("is good once, in parallel too (PA-01)", async () => {
    const requestUri = await pushed();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(go(requestUri))));
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(49);
    expect(await pageOf(await ask(go(requestUri)))).toBe(400);
  });

  it("dies after 60 seconds (PA-01)", async () => {
    const [late, inTime] = [await pushed(), await pushed()];
    gateway.clock.advance(55);
    expect((await ask(go(inTime))).status).toBe(303);
    gateway.clock.advance(6);
    expect(await pageOf(await ask(go(late)))).toBe(400);
  });

  it("is worth nothing to another client, and stays its owner's (PA-01)", async () => {
    const requestUri = await pushed();
    expect(await pageOf(await ask(go(requestUri, {}, confidential)))).toBe(400);
    expect(await pageOf(await ask(go(requestUri, { client_id: "" })))).toBe(400);
    const doubled = go(requestUri);
    doubled.searchParams.append("request_uri", requestUri);
    expect(await pageOf(await ask(doubled))).toBe(400);
    expect((await ask(go(requestUri))).status).toBe(303);
  });

  it("cannot be made up or fetched from elsewhere (PA-01)", async () => {
    const made = `urn:ietf:params:oauth:request_uri:${randomToken()}`;
    for (const requestUri of [made, "urn:ietf:params:oauth:request_uri:"]) {
      expect(await pageOf(await ask(go(requestUri)))).toBe(400);
      // Complete in the front channel besides: that does not save it.
      const complete = authorizationUrl(gateway, client, { request_uri: requestUri });
      expect(await pageOf(await ask(complete))).toBe(400);
    }
    const foreign = authorizationUrl(gateway, client, { request_uri: "https://app.example/r" });
    expect(redirectOf(await ask(foreign))["error"]).toBe("request_uri_not_supported");
  });

  it("asks the person even when it was pushed with prompt none", async () => {
    const requestUri = await pushed({ prompt: "none" });
    expect(redirectOf(await ask(go(requestUri)))["error"]).toBe("login_required");
  });

  it("takes the way of POST /authorize as well", async () => {
    const response = await post(gateway, "/authorize", {
      client_id: client.client_id,
      request_uri: await pushed(),
    });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toContain("/login");
  });

  it("dies with its client", async () => {
    const doomed = await registered(gateway);
    const requestUri = await pushed({}, doomed);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    expect(await pageOf(await ask(go(requestUri, {}, doomed)))).toBe(400);
  });
});

describe("pushing", () => {
  it("needs the client's own authentication (PA-02)", async () => {
    const without = await push({ client_secret: undefined }, confidential);
    expect(await errorOf(without)).toBe("401 invalid_client");
    expect(await errorOf(await push({ client_secret: "wrong" }, confidential))).toBe(
      "401 invalid_client",
    );
    expect(await errorOf(await push({ client_id: "nobody" }))).toBe("401 invalid_client");
  });

  it("takes the client from the header when the form names none", async () => {
    const basic = await registered(gateway, {
      token_endpoint_auth_method: "client_secret_basic",
      redirect_uris: ["https://app.example/callback"],
    });
    const fields = request({ client_id: undefined }, basic);
    const header = basicAuth(basic.client_id, basic.client_secret!);
    const response = await post(gateway, "/par", fields, header);
    expect(response.status).toBe(201);
    const { request_uri: requestUri } = await jsonOf<{ request_uri: string }>(response);
    expect((await ask(go(requestUri, {}, basic))).status).toBe(303);
  });

  it.each([
    ["a request_uri", { request_uri: "urn:ietf:params:oauth:request_uri:x" }, "invalid_request"],
    ["a request object", { request: "e30.e30." }, "request_not_supported"],
    ["a foreign redirect URI", { redirect_uri: "https://attacker.example/" }, "invalid_request"],
    ["no PKCE", { code_challenge: undefined }, "invalid_request"],
    ["plain PKCE", { code_challenge_method: "plain" }, "invalid_request"],
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["a resource that is not here", { resource: "https://x.example/mcp" }, "invalid_target"],
    ["a scope that breaks the grammar", { scope: 'a"b' }, "invalid_scope"],
  ])("refuses %s, before anything is kept (PA-02)", async (_name, fields: Fields, code) => {
    expect(await errorOf(await push(fields))).toBe(`400 ${code}`);
  });

  it("takes POST only, and not without bound (PA-02)", async () => {
    const response = await ask(`${gateway.url}/par`);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await errorOf(response)).toBe("405 invalid_request");
    expect(await errorOf(await push({ state: "s".repeat(40_000) }))).toBe("413 invalid_request");
    expect(await errorOf(await push({ state: "s".repeat(5000) }))).toBe("400 invalid_request");
    const twice = `${new URLSearchParams(request() as Record<string, string>)}&state=2`;
    expect(await errorOf(await post(gateway, "/par", twice))).toBe("400 invalid_request");
  });

  it("leaves no reference in the log or the events, used or not", async () => {
    const [one, two] = [await pushed(), await pushed()];
    await ask(go(one));
    await ask(go(one));
    for (const requestUri of [one, two]) {
      const secret = requestUri.split(":").at(-1)!;
      expect(gateway.logged()).not.toContain(secret);
      expect(JSON.stringify(gateway.events)).not.toContain(secret);
    }
  });
});
