import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digest, randomToken } from "../../../../../src/random.ts";
import { issueAuthorizationCode } from "../../../../../src/server/oauth/authorization-code.ts";
import { grantTypes } from "../../../../../src/server/oauth/grant-type/index.ts";
import type { TokenResponse } from "../../../../../src/server/oauth/grant-type/grant-type.ts";
import { registerClient } from "../../../../../src/server/oauth/registration.ts";
import type { ClientRecord } from "../../../../../src/server/store/client-records.ts";
import { createServerContext, type TestContext } from "../../../../support/server-context.ts";

let context: TestContext;
let client: ClientRecord;
const redirectUri = "http://localhost/cb";

beforeEach(async () => {
  context = await createServerContext();
  ({ client } = await registerClient(context, { redirect_uris: [redirectUri] }, "command"));
});
afterEach(() => context.close());

async function issue(): Promise<ReadonlyMap<string, string>> {
  const verifier = randomToken();
  const interaction = {
    clientId: client.clientId,
    redirectUri,
    redirectUriWasSent: true,
    codeChallenge: digest(verifier),
    resource: "https://gw.example.com/files/mcp",
    scopes: ["mcp"],
    csrf: "x",
  };
  const issued = await issueAuthorizationCode(context, interaction, { subject: "local:ann" });
  return new Map([
    ["code", issued!.code],
    ["redirect_uri", redirectUri],
    ["code_verifier", verifier],
  ]);
}

const redeem = (parameters: ReadonlyMap<string, string>): Promise<TokenResponse> =>
  grantTypes.get("authorization_code")!.handle(context, client, parameters, undefined);
const invalid = expect.objectContaining({ code: "invalid_grant" });

describe("redeeming an authorization code, RFC 6749 §4.1.3", () => {
  it("is done by exactly one of 50 at the same instant; the others are replays and end the grant", async () => {
    const parameters = await issue();
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => redeem(parameters)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const kind of ["grant", "authorizationCode", "accessToken", "refreshToken"] as const) {
      expect((await context.store.list(kind)).items, kind).toEqual([]);
    }
    const ends = context.happened.filter(({ type }) => type === "grant.ended");
    expect(ends).toEqual([expect.objectContaining({ reason: "code reused" })]);
  });

  it("gives the grant its full life, and keeps the used code for a day", async () => {
    const parameters = await issue();
    await redeem(parameters);
    context.clock.advance(86_399);
    expect((await context.store.list("authorizationCode")).items).toHaveLength(1);
    context.clock.advance(context.config.tokens.grant - 86_400);
    expect((await context.store.list("grant")).items).toHaveLength(1);
    context.clock.advance(1);
    expect((await context.store.list("grant")).items).toEqual([]);
  });

  it("yields nothing once the client's record is gone, even while its grant stands", async () => {
    const parameters = await issue();
    await context.store.delete("client", client.clientId);
    await expect(redeem(parameters)).rejects.toEqual(invalid);
    expect((await context.store.list("accessToken")).items).toEqual([]);
  });

  it("issues no token that outlives the grant", async () => {
    await context.close();
    context = await createServerContext({ tokens: { grant: "10m" } });
    ({ client } = await registerClient(context, { redirect_uris: [redirectUri] }, "command"));
    const { expires_in } = await redeem(await issue());
    expect(expires_in).toBe(600);
  });
});
