/**
 * Clients stop where real ones stop (reference: what operators ask about), and the autopsy says where, why and what to do.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Attempt } from "../../src/control/attempts.ts";
import { digest } from "../../src/random.ts";
import { comeToTheDoor, knock, look, openAutopsy, readMetadata } from "../support/autopsy.ts";
import { createDevices, registerDevice } from "../support/device.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  obtainCode,
  refreshForm,
  register,
  requestToken,
  tokensOf,
  type Code,
  type Fields,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";
import { callMcp } from "../support/strict-client.ts";

const A_LONG_TIME = 3000; // seconds between two tests, so that none sees the steps of another

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    config: {
      services: {
        echo: {
          command: process.execPath,
          args: [fixture("echo.js")],
          scopes: { "echo:all": { description: "call tools", tools: ["*"] } },
        },
      },
    },
  });
});
afterAll(() => gateway?.close());

/** The client of one test: what it says of itself in every request. */
interface Actor {
  agent: string;
  client: (metadata?: Record<string, unknown>) => Promise<RawClient>;
  /** The request a browser is sent with, not followed. */
  authorize: (fields: Fields) => Promise<unknown>;
  browse: () => Promise<{ browser: FormBrowser; page: Page }>;
  code: () => Promise<Code & { client: RawClient }>;
  redeem: (form: Fields) => Promise<number>;
  tokens: () => Promise<Tokens & { client: RawClient }>;
  call: (token?: string, resource?: string, message?: object) => Promise<number>;
}

function createActor(agent: string): Actor {
  const headers = { "user-agent": agent };
  const actor: Actor = {
    agent,
    client: (metadata) => comeToTheDoor(gateway, agent, metadata),
    async authorize(fields) {
      const response = await ask(authorizationUrl(gateway, await actor.client(), fields));
      await response.body?.cancel();
    },
    async browse() {
      const browser = createFormBrowser();
      const page = await browser.open(authorizationUrl(gateway, await actor.client()));
      return { browser, page };
    },
    async code() {
      const client = await actor.client();
      return { client, ...(await obtainCode(gateway, client)) };
    },
    async redeem(form) {
      const response = await requestToken(gateway, form, headers);
      await response.body?.cancel();
      return response.status;
    },
    async tokens() {
      const { client, form } = await actor.code();
      return { client, ...(await tokensOf(await requestToken(gateway, form, headers))) };
    },
    async call(token, resource = gateway.resource, message) {
      const response = await callMcp(resource, token, message, headers);
      await response.body?.cancel();
      return response.status;
    },
  };
  return actor;
}

/** With an id from somewhere else, without a registration. */
async function comeAs({ agent }: Actor, clientId: string): Promise<void> {
  await knock(gateway, agent);
  await readMetadata(gateway, agent);
  const client = { client_id: clientId, redirect_uris: ["http://127.0.0.1:49152/callback"] };
  const response = await ask(authorizationUrl(gateway, client));
  expect(response.status).toBe(400);
  await response.body?.cancel();
}

const seconds = (count: number): void => gateway.clock.advance(count);
const challenge = digest("v".repeat(43));

/** Verdict, what the client does, and words that the reason must have. */
const STOPS: readonly [id: string, act: (actor: Actor) => Promise<unknown>, why: RegExp][] = [
  [
    "metadata-never-fetched",
    async ({ agent }) => {
      await knock(gateway, agent);
      await knock(gateway, agent);
      seconds(31);
    },
    /never asked for the metadata/,
  ],
  [
    "metadata-wrong-path",
    async ({ agent }) => {
      await knock(gateway, agent);
      expect(await look(gateway, "/.well-known/oauth-protected-resource", agent)).toBe(404);
      seconds(31);
    },
    /bare host/,
  ],
  [
    "metadata-wrong-path",
    async ({ agent }) => {
      await knock(gateway, agent);
      expect(await look(gateway, "/.well-known/oauth-authorization-server/mcp", agent)).toBe(404);
      seconds(31);
    },
    /takes the MCP endpoint for the authorization server/,
  ],
  [
    "metadata-wrong-path",
    async ({ agent }) => {
      expect(await look(gateway, "/sse", agent)).toBe(404);
      seconds(31);
    },
    /HTTP\+SSE/,
  ],
  [
    "resource-mismatch",
    async ({ agent, call }) => {
      expect(await call(undefined, `${gateway.resource}/`)).toBe(401);
      await look(gateway, "/.well-known/oauth-protected-resource/mcp", agent);
      seconds(31);
    },
    /\/mcp\/, and the metadata says/,
  ],
  [
    "server-metadata-never-fetched",
    async ({ agent }) => {
      await knock(gateway, agent);
      await look(gateway, "/.well-known/oauth-protected-resource/mcp", agent);
      seconds(31);
    },
    /never asked for that of the authorization server/,
  ],
  [
    "registration-never-tried",
    async ({ agent }) => {
      await knock(gateway, agent);
      await readMetadata(gateway, agent);
      seconds(31);
    },
    /neither registered nor opened a browser/,
  ],
  [
    "registration-redirect-uri",
    async ({ agent }) => {
      await knock(gateway, agent);
      await readMetadata(gateway, agent);
      const headers = { "content-type": "application/json", "user-agent": agent };
      await register(gateway, { redirect_uris: ["http://elsewhere.example/cb"] }, headers);
    },
    /http:\/\/elsewhere\.example\/cb/,
  ],
  [
    "registration-refused",
    async ({ agent }) => {
      const headers = { "content-type": "application/json", "user-agent": agent };
      await register(gateway, "{", headers);
    },
    /not JSON/,
  ],
  ["authorization-never-opened", ({ client }) => client().then(() => seconds(121)), /no browser/],
  [
    "client-document",
    (actor) => comeAs(actor, "https://localhost:1/client.json"),
    /The document at the client's id/,
  ],
  ["client-unknown", (actor) => comeAs(actor, "long-gone"), /long-gone/],
  [
    "redirect-uri-mismatch",
    ({ authorize }) => authorize({ redirect_uri: "https://other.example/cb" }),
    /https:\/\/other\.example\/cb; registered: http:/,
  ],
  ["pkce-missing", ({ authorize }) => authorize({ code_challenge: undefined }), /PKCE/],
  ["pkce-method", ({ authorize }) => authorize({ code_challenge_method: "plain" }), /S256/],
  [
    "resource-unknown",
    ({ authorize }) => authorize({ resource: "https://other.example/mcp" }),
    /https:\/\/other\.example\/mcp/,
  ],
  ["scope-refused", ({ authorize }) => authorize({ scope: '"' }), /scope/],
  ["authorize-refused", ({ authorize }) => authorize({ response_type: "token" }), /response_type/],
  ["login-never-finished", ({ browse }) => browse().then(() => seconds(601)), /local/],
  [
    "consent-never-answered",
    async ({ browse }) => {
      const { browser, page } = await browse();
      await browser.press(page, /Continue/);
      seconds(601);
    },
    /consent page/,
  ],
  [
    "consent-denied",
    async ({ browse }) => {
      const { browser, page } = await browse();
      await browser.press(await browser.press(page, /Continue/), /Cancel/);
    },
    /pressed Cancel/,
  ],
  ["code-never-redeemed", ({ code }) => code().then(() => seconds(31)), /127\.0\.0\.1:49152/],
  [
    "code-verifier",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect(await redeem({ ...form, code_verifier: "w".repeat(43) })).toBe(400);
    },
    /verifier/,
  ],
  [
    "code-redirect-uri",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect(await redeem({ ...form, redirect_uri: "http://127.0.0.1:1/callback" })).toBe(400);
    },
    /127\.0\.0\.1:49152/,
  ],
  [
    "code-reused",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect([await redeem(form), await redeem(form)]).toEqual([200, 400]);
    },
    /twice/,
  ],
  [
    "code-refused",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect(await redeem({ ...form, code: "made-up" })).toBe(400);
    },
    /unknown/,
  ],
  [
    "client-authentication",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect(await redeem({ ...form, client_secret: "wrong" })).toBe(401);
    },
    /client_secret_post/,
  ],
  [
    "token-refused",
    async ({ code, redeem }) => {
      const { form } = await code();
      expect(await redeem({ ...form, code_verifier: undefined })).toBe(400);
    },
    /code_verifier is required/,
  ],
  ["token-unused", ({ tokens }) => tokens().then(() => seconds(31)), /no call followed for 30 s/],
  [
    "call-without-token",
    async ({ tokens, call }) => {
      await tokens();
      expect(await call()).toBe(401);
      seconds(31);
    },
    /without Authorization/,
  ],
  [
    "call-wrong-path",
    async ({ tokens, call }) => {
      const { access_token } = await tokens();
      expect(await call(access_token, `${gateway.url}/other/mcp`)).toBe(404);
      seconds(31);
    },
    /POST \/other\/mcp/,
  ],
  [
    "call-other-resource",
    async ({ tokens, call }) => {
      const { access_token } = await tokens();
      expect(await call(access_token, `${gateway.url}/echo/mcp`)).toBe(401);
    },
    /called http:\S+\/echo\/mcp with a token for another resource: http:\S+\d\/mcp/,
  ],
  [
    "call-scope",
    async ({ tokens, call }) => {
      const { access_token } = await tokens();
      const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "echo" } };
      expect(await call(access_token)).toBe(200);
      expect(await call(access_token, undefined, message)).toBe(403);
      seconds(31);
    },
    /echo:all/,
  ],
  [
    "call-refused",
    async ({ tokens, call }) => {
      const { access_token, client } = await tokens();
      expect(await call(access_token)).toBe(200);
      await openAutopsy(gateway).control.revokeClient(client.client_id);
      expect(await call(access_token)).toBe(401);
    },
    /revoked/,
  ],
  [
    "refresh-never-tried",
    async ({ tokens, call }) => {
      const { access_token } = await tokens();
      expect(await call(access_token)).toBe(200);
      seconds(3601);
      expect(await call(access_token)).toBe(401);
      seconds(31);
    },
    /did not use its refresh token/,
  ],
  [
    "refresh-reused",
    async ({ tokens, call, redeem }) => {
      const { access_token, refresh_token, client } = await tokens();
      expect(await call(access_token)).toBe(200);
      expect(await redeem(refreshForm(client, refresh_token))).toBe(200);
      seconds(31);
      expect(await redeem(refreshForm(client, refresh_token))).toBe(400);
    },
    /used before/,
  ],
  [
    "refresh-refused",
    async ({ tokens, redeem }) => {
      const { client } = await tokens();
      expect(await redeem(refreshForm(client, challenge))).toBe(400);
    },
    /unknown/,
  ],
  [
    "device-never-came",
    async () => {
      const client = await registerDevice(gateway);
      const devices = createDevices(gateway, client);
      await devices.decide((await devices.start()).user_code, /Allow/);
      seconds(31);
    },
    /device/,
  ],
];

describe("a client that stops", () => {
  it.each(STOPS.map((stop, number) => [...stop, number] as const))(
    "gets the verdict %s",
    async (id, act, why, number) => {
      seconds(A_LONG_TIME);
      const autopsy = openAutopsy(gateway);
      const since = gateway.clock.now();
      await act(createActor(`actor/${number}`));
      const attempts = (await autopsy.attempts()).filter(({ startedAt }) => startedAt >= since);
      const attempt = attempts.find(({ verdict }) => verdict === id) as Attempt;
      expect(attempts.map(({ verdict }) => verdict)).toContain(id);
      expect(attempt.why).toMatch(why);
      expect(attempt.fix).toMatch(/^[A-Z]/);
      expect(attempt.state).toMatch(/^(?:failed|stopped)$/);
      expect(gateway.events).toContainEqual(
        expect.objectContaining({
          type: "attempt.ended",
          attempt: attempt.id,
          verdict: id,
        }) as unknown,
      );
      // Nothing that belongs to it stands in another one. A call without a token may be anybody's.
      const others = id === "call-without-token" ? 2 : 1;
      expect(attempts).toHaveLength(others);
    },
  );
});
