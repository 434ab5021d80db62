import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digest } from "../../../../src/random.ts";
import { issueAccessToken } from "../../../../src/server/oauth/access-token.ts";
import { revokeClient } from "../../../../src/server/oauth/client.ts";
import { endGrant } from "../../../../src/server/oauth/grant.ts";
import {
  firstRefreshToken,
  rotateRefreshToken,
  type Rotation,
} from "../../../../src/server/oauth/refresh-rotation.ts";
import { registerClient } from "../../../../src/server/oauth/registration.ts";
import type { GrantRecord } from "../../../../src/server/store/records.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

const GRACE = 30; // seconds, the default

let context: TestContext;
let grant: GrantRecord;
let first: string;

beforeEach(async () => {
  context = await createServerContext();
  const { client } = await registerClient(
    context,
    { redirect_uris: ["http://localhost/cb"] },
    "command",
  );
  const now = context.clock.now();
  grant = {
    grantId: "grant-1",
    clientId: client.clientId,
    subject: "local:ann",
    resource: "https://gw.example.com/files/mcp",
    scopes: ["mcp"],
    identity: { subject: "local:ann" },
    createdAt: now,
    expiresAt: now + context.config.tokens.grant,
  };
  await context.store.put("grant", grant.grantId, grant, context.config.tokens.grant);
  const { token, operation } = firstRefreshToken(context, grant);
  await context.store.transact([operation]);
  first = token;
});

afterEach(() => context.close());

const use = (token: string, clientId = grant.clientId): Promise<Rotation> =>
  rotateRefreshToken(context, clientId, token, (found) =>
    issueAccessToken(context, found, found.scopes),
  );
const next = async (token: string): Promise<string> => (await use(token)).refreshToken;
const isAlive = async (): Promise<boolean> =>
  (await context.store.get("grant", grant.grantId)) !== undefined;
const refuse = (): Promise<never> => Promise.reject(new Error("not that"));
const invalid = expect.objectContaining({ code: "invalid_grant" });
const ends = () => context.happened.filter(({ type }) => type === "grant.ended");

describe("refresh token rotation, RFC 9700 §4.14.2", () => {
  it("replaces a token at its first use, and keeps neither in clear", async () => {
    const second = await next(first);
    expect(second).toMatch(/^[\w-]{43}$/);
    expect(second).not.toBe(first);
    const { items } = await context.store.list("refreshToken");
    expect(JSON.stringify(items)).not.toContain(first);
    expect(JSON.stringify(items)).not.toContain(second);
    expect(items.map(({ id }) => id).toSorted()).toEqual(
      [digest(first), digest(second)].toSorted(),
    );
  });

  it("gives the same successor again within the grace, which counts from the first use", async () => {
    const second = await next(first);
    context.clock.advance(GRACE / 2);
    expect(await next(first)).toBe(second);
    context.clock.advance(GRACE / 2);
    expect(await next(first)).toBe(second);
    context.clock.advance(0.001);
    await expect(use(first)).rejects.toEqual(invalid);
    expect(await isAlive()).toBe(false);
  });

  it("gives the same successor again after a crash", async () => {
    const second = await next(first);
    context = await context.reopen();
    expect(await next(first)).toBe(second);
    expect(await next(second)).not.toBe(second);
  });

  it("ends the whole grant when a token is reused after the grace, once", async () => {
    const { accessToken, refreshToken } = await use(first);
    context.clock.advance(GRACE + 1);
    const answers = await Promise.allSettled([use(first), use(first), use(first)]);
    expect(answers.every(({ status }) => status === "rejected")).toBe(true);
    await expect(use(refreshToken)).rejects.toEqual(invalid);
    expect(await context.store.get("accessToken", accessToken.record.tokenId)).toBeUndefined();
    expect(ends()).toEqual([
      expect.objectContaining({ grantId: grant.grantId, reason: "refresh token reused" }),
    ]);
  });

  it("ends the grace of a token when its successor is first used", async () => {
    const third = await next(await next(first));
    await expect(use(first)).rejects.toEqual(invalid);
    await expect(use(third)).rejects.toEqual(invalid);
    expect(ends()).toHaveLength(1);
  });

  it("forgets the salt then, so that nothing can derive the successor any more", async () => {
    await next(await next(first));
    const record = await context.store.get("refreshToken", digest(first));
    expect(record?.rotation).toEqual({ usedAt: context.clock.now() });
  });

  it("lets 200 parallel uses end in one line of descent", async () => {
    const rotations = await Promise.all(Array.from({ length: 200 }, () => use(first)));
    expect(new Set(rotations.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    const { items } = await context.store.list("refreshToken");
    expect(items.filter(({ record }) => record.rotation === undefined)).toHaveLength(1);
  });

  it("never leaves anything alive when refreshes race with the end of the grant", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { token, operation } = firstRefreshToken(context, grant);
      const put = { type: "put", kind: "grant", id: grant.grantId, record: grant } as const;
      await context.store.transact([put, operation]);
      await Promise.allSettled([
        use(token),
        use(token),
        endGrant(context, grant.grantId, "revoked by client"),
        use(token),
      ]);
      expect(await context.store.deleteGrant(grant.grantId)).toBe(0);
    }
  });

  it("never leaves anything alive when refreshes race with the revocation of the client", async () => {
    await Promise.allSettled([use(first), revokeClient(context, grant.clientId), use(first)]);
    expect(await context.store.deleteGrant(grant.grantId)).toBe(0);
    expect(ends()).toHaveLength(1);
    await expect(use(first)).rejects.toEqual(invalid);
  });

  it("yields nothing once the client's record is gone, even while its grant stands", async () => {
    await context.store.delete("client", grant.clientId);
    await expect(use(first)).rejects.toEqual(invalid);
    expect((await context.store.list("accessToken")).items).toEqual([]);
  });

  it("refuses a token to another client, and leaves its owner unharmed", async () => {
    await expect(use(first, "somebody-else")).rejects.toEqual(invalid);
    const second = await next(first);
    context.clock.advance(GRACE + 1);
    await expect(use(first, "somebody-else")).rejects.toEqual(invalid);
    expect(await next(second)).toBeTypeOf("string");
  });

  it("does not use the token when the request asks for what it may not have", async () => {
    await expect(rotateRefreshToken(context, grant.clientId, first, refuse)).rejects.toThrow(
      "not that",
    );
    expect((await context.store.get("refreshToken", digest(first)))?.rotation).toBeUndefined();
  });

  it("refuses a token that was idle too long, and one that never was", async () => {
    context.clock.advance(context.config.tokens.refreshToken);
    await expect(use(first)).rejects.toEqual(invalid);
    for (const other of ["", "x", "__proto__", "../../x", "\0", "a".repeat(10_000)]) {
      await expect(use(other)).rejects.toEqual(invalid);
    }
  });

  it("ends everything with the grant, however often it was refreshed", async () => {
    let token = first;
    const step = context.config.tokens.refreshToken - 1;
    let rotation: Rotation | undefined;
    while (context.clock.now() + step < grant.expiresAt) {
      context.clock.advance(step);
      rotation = await use(token);
      token = rotation.refreshToken;
    }
    const record = await context.store.get("refreshToken", digest(token));
    expect(record?.expiresAt).toBe(grant.expiresAt);
    context.clock.advance(grant.expiresAt - context.clock.now());
    await expect(use(token)).rejects.toEqual(invalid);
  });

  it("has no grace when the configuration says as good as none", async () => {
    await context.close();
    context = await createServerContext({ tokens: { refreshGrace: "0.001s" } });
    const { client } = await registerClient(
      context,
      { redirect_uris: ["http://localhost/cb"] },
      "command",
    );
    grant = { ...grant, clientId: client.clientId };
    const { token, operation } = firstRefreshToken(context, grant);
    const put = { type: "put", kind: "grant", id: grant.grantId, record: grant } as const;
    await context.store.transact([put, operation]);
    await next(token);
    context.clock.advance(1);
    await expect(use(token)).rejects.toEqual(invalid);
  });
});
