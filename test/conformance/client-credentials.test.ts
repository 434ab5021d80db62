/** Programs that act for themselves, as a stranger sees it: RFC 6749 §4.4 and the MCP extension of that name. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RegisteredClient } from "../../src/control/answers.ts";
import { fixture, startGateway, type TestGateway } from "../support/gateway.ts";
import {
  credentialsToken,
  registerByCommand,
  registerProgram,
  secretOf,
} from "../support/operator.ts";
import {
  errorOf,
  jsonOf,
  opens,
  post,
  register,
  registered,
  requestToken,
  tokensOf,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let program: RegisteredClient;
let other: string;

beforeAll(async () => {
  const echo = { command: process.execPath, args: [fixture("echo.js")] };
  gateway = await startGateway({
    config: { services: { echo, other: echo }, defaultService: "echo" },
  });
  other = `${gateway.url}/other/mcp`;
  program = await registerProgram(gateway);
});
afterAll(() => gateway.close());

describe("client_credentials, RFC 6749 §4.4 (A26)", () => {
  it("gives a token that opens the service, without a refresh token (CC-04)", async () => {
    const response = await credentialsToken(gateway, program, { resource: gateway.resource });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const tokens = await jsonOf<Tokens>(response);
    expect(tokens).toEqual({
      access_token: expect.any(String) as string,
      token_type: "Bearer",
      expires_in: 3600,
      scope: "mcp",
    });
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      sub: program.clientId,
      client_id: program.clientId,
      aud: gateway.resource,
      scope: "mcp",
    });
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("falls back to the default service like every other request", async () => {
    const { access_token: token } = await tokensOf(await credentialsToken(gateway, program));
    expect(decodeJwt(token).aud).toBe(gateway.resource);
  });

  it("takes a secret in the body from who registered that", async () => {
    const client = await registerProgram(gateway, { authMethod: "client_secret_post" });
    const { clientId: client_id, clientSecret: client_secret } = client;
    const form = { grant_type: "client_credentials", client_id, client_secret };
    expect((await requestToken(gateway, form)).status).toBe(200);
    expect(await errorOf(await credentialsToken(gateway, client))).toBe("401 invalid_client");
  });

  it.each([undefined, "", "wrong"])("refuses the secret %j", async (clientSecret) => {
    const { clientId } = program;
    const response = await credentialsToken(gateway, {
      ...program,
      clientId,
      clientSecret: clientSecret ?? "",
    });
    expect(await errorOf(response)).toBe("401 invalid_client");
  });

  it.each([
    ["another service", () => ({ resource: other }), "400 invalid_target"],
    [
      "a resource of nobody's",
      () => ({ resource: "https://other.example/mcp" }),
      "400 invalid_target",
    ],
    ["a scope beyond the grammar", () => ({ scope: 'a"b' }), "400 invalid_scope"],
  ])("refuses %s", async (_what, fields, error) => {
    expect(await errorOf(await credentialsToken(gateway, program, fields()))).toBe(error);
  });

  it.each(["mcp offline_access x", "offline_access", "nonsense", ""])(
    "never gives more than opens the service: %j",
    async (scope) => {
      const response = await credentialsToken(gateway, program, { scope });
      expect(await jsonOf(response)).toMatchObject({ scope: "mcp" });
    },
  );

  it("opens no other service than the one asked for", async () => {
    const both = await registerProgram(gateway, { services: ["echo", "other"] });
    const { access_token: token } = await tokensOf(
      await credentialsToken(gateway, both, { resource: other }),
    );
    expect(await opens(gateway, token)).toBe(false);
  });
});

describe("who may use it: only whom an operator has registered (A26)", () => {
  it("nobody who registered themselves", async () => {
    const metadata = {
      redirect_uris: ["https://a.example/cb"],
      token_endpoint_auth_method: "client_secret_basic",
    };
    const response = await register(gateway, { ...metadata, grant_types: ["client_credentials"] });
    expect(await errorOf(response)).toBe("400 invalid_client_metadata");
    const asked = { ...metadata, grant_types: ["authorization_code", "client_credentials"] };
    const client = await registered(gateway, asked);
    expect(client.grant_types).toEqual(["authorization_code"]);
    const { client_id: clientId, client_secret: clientSecret } = client;
    const tokens = await credentialsToken(gateway, {
      ...program,
      clientId,
      clientSecret: clientSecret!,
    });
    expect(await errorOf(tokens)).toBe("400 unauthorized_client");
  });

  it("no client that an operator registered for people", async () => {
    const client = await registerByCommand(gateway, {
      redirectUris: ["https://a.example/cb"],
      authMethod: "client_secret_basic",
    });
    expect(await errorOf(await credentialsToken(gateway, client))).toBe("400 unauthorized_client");
  });

  it.each([
    [{ authMethod: "none" as const }, "must prove itself"],
    [{ services: [] }, "at least one service"],
    [{ services: ["nonsense"] }, "There is no service nonsense"],
    [{ services: ["__proto__"] }, "There is no service __proto__"],
    [{ introspects: ["nonsense"] }, "There is no service nonsense"],
    [{ grantTypes: ["client_credentials", "password"] }, "password is not supported"],
  ])("cannot be registered with %j", async (over, sentence) => {
    await expect(registerProgram(gateway, over)).rejects.toThrow(sentence);
  });
});

describe("its end", () => {
  it("by revoking one token leaves the program's others alone (RFC 7009 §2.1)", async () => {
    const [first, second] = [
      await tokensOf(await credentialsToken(gateway, program)),
      await tokensOf(await credentialsToken(gateway, program)),
    ];
    const fields = { token: first.access_token };
    expect((await post(gateway, "/revoke", fields, secretOf(program))).status).toBe(200);
    expect(await opens(gateway, first.access_token)).toBe(false);
    expect(await opens(gateway, second.access_token)).toBe(true);
  });

  it("leaves nothing in the store once the tokens have expired", async () => {
    const shortLived = await startGateway();
    try {
      const client = await registerProgram(shortLived);
      for (let count = 0; count < 5; count += 1) await credentialsToken(shortLived, client);
      expect(await grantsOf(shortLived)).toBe(5);
      shortLived.clock.advance(3601);
      expect(await grantsOf(shortLived)).toBe(0);
    } finally {
      await shortLived.close();
    }
  });
});

async function grantsOf(of: TestGateway): Promise<number> {
  const { connectControl } = await import("../../src/control.ts");
  return (await connectControl(of.stateDirectory).status()).grants;
}
