import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientRecord } from "../../../../src/server/store/client-records.ts";
import type { InteractionRecord } from "../../../../src/server/store/records.ts";
import { issueAuthorizationCode } from "../../../../src/server/oauth/authorization-code.ts";
import { findClient, revokeClient } from "../../../../src/server/oauth/client.ts";
import { endGrant } from "../../../../src/server/oauth/grant.ts";
import { registerClient } from "../../../../src/server/oauth/registration.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

let context: TestContext;
let client: ClientRecord;
const identity = { subject: "local:ann" };

beforeEach(async () => {
  context = await createServerContext();
  ({ client } = await registerClient(
    context,
    { redirect_uris: ["http://localhost/cb"] },
    "command",
  ));
});
afterEach(() => context.close());

const interaction = (): InteractionRecord => ({
  clientId: client.clientId,
  redirectUri: "http://localhost/cb",
  redirectUriWasSent: true,
  codeChallenge: "c".repeat(43),
  resource: "https://gw.example.com/files/mcp",
  scopes: ["mcp"],
  csrf: "x",
});
const allow = (): Promise<{ code: string } | undefined> =>
  issueAuthorizationCode(context, interaction(), identity);
const grants = async (): Promise<string[]> =>
  (await context.store.list("grant")).items.map(({ id }) => id);
const told = (type: string) => context.happened.filter((event) => event.type === type);

describe("revoking a client", () => {
  it("ends the client, its grants and their codes, and nobody else's", async () => {
    await allow();
    await allow();
    const { client: other } = await registerClient(
      context,
      { redirect_uris: ["https://a.example/cb"] },
      "command",
    );
    await issueAuthorizationCode(context, { ...interaction(), clientId: other.clientId }, identity);
    expect(await revokeClient(context, client.clientId)).toEqual({ grants: 2 });
    expect(await findClient(context, client.clientId)).toBeUndefined();
    expect(await findClient(context, other.clientId)).toBeDefined();
    expect(await grants()).toHaveLength(1);
    expect((await context.store.list("authorizationCode")).items).toHaveLength(1);
    expect(told("grant.ended").map((event) => "reason" in event && event.reason)).toEqual([
      "client revoked",
      "client revoked",
    ]);
    expect(told("client.revoked")).toEqual([
      expect.objectContaining({ clientId: client.clientId, grants: 2 }),
    ]);
  });

  it("is done by one of many who try, and unknown to the others", async () => {
    await allow();
    const results = await Promise.all([1, 2, 3].map(() => revokeClient(context, client.clientId)));
    expect(results.filter((result) => result !== undefined)).toEqual([{ grants: 1 }]);
    expect(told("client.revoked")).toHaveLength(1);
    expect(told("grant.ended")).toHaveLength(1);
  });

  it("leaves nothing alive of logins and endings that run at the same time", async () => {
    await allow();
    const [grantId = ""] = await grants();
    await Promise.allSettled([
      allow(),
      endGrant(context, grantId, "revoked by client"),
      revokeClient(context, client.clientId),
      allow(),
      allow(),
    ]);
    expect(await grants()).toEqual([]);
    expect((await context.store.list("authorizationCode")).items).toEqual([]);
    const ended = told("grant.ended").map((event) => "grantId" in event && event.grantId);
    expect(new Set(ended).size).toBe(ended.length);
    expect(ended).toContain(grantId);
  });

  it("announces no end that somebody else brought about between its look and its step", async () => {
    await allow();
    await allow();
    const [first = ""] = await grants();
    const list = context.store.list.bind(context.store);
    let isFirstLook = true;
    context.store.list = async (kind, options) => {
      const page = await list(kind, options);
      if (isFirstLook) await endGrant(context, first, "revoked by client");
      isFirstLook = false;
      return page;
    };
    expect(await revokeClient(context, client.clientId)).toEqual({ grants: 1 });
    expect(told("grant.ended")).toHaveLength(2);
  });

  it("lets no login finish afterwards", async () => {
    await revokeClient(context, client.clientId);
    expect(await allow()).toBeUndefined();
    expect(await grants()).toEqual([]);
  });
});

describe("a grant whose code nobody redeems", () => {
  it("is gone with the code", async () => {
    await allow();
    expect(await grants()).toHaveLength(1);
    context.clock.advance(context.config.tokens.authorizationCode);
    expect(await grants()).toEqual([]);
  });
});

describe("what the store holds of a client and a code", () => {
  it("is digests only", async () => {
    const metadata = { redirect_uris: ["https://a.example/cb"] };
    const { clientSecret } = await registerClient(context, metadata, "command");
    const code = await allow();
    for (const kind of ["client", "authorizationCode"] as const) {
      const text = JSON.stringify(await context.store.list(kind));
      expect(text).not.toContain(clientSecret!);
      expect(text).not.toContain(code);
    }
  });
});
