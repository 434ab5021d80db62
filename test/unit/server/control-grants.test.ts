import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createControlHarness, type ControlHarness } from "../../support/control-harness.ts";

let harness: ControlHarness;
beforeEach(async () => {
  harness = await createControlHarness();
  await harness.start();
  await harness.populate("alpha");
  await harness.populate("beta");
});
afterEach(() => harness.close());

describe("grants in the control API", () => {
  it("are listed with what is alive of each", async () => {
    const now = harness.context.clock.now();
    expect(await harness.control.grants()).toEqual([
      {
        grantId: "grant-alpha",
        clientId: "alpha",
        clientName: "Client alpha",
        subject: "local:me",
        resource: "https://gw.example.com/mcp",
        scopes: ["mcp"],
        createdAt: now,
        expiresAt: now + 1000,
        accessTokens: 1,
        sessions: 1,
      },
      expect.objectContaining({ grantId: "grant-beta" }),
    ]);
  });

  it("tell when tokens were last issued from them", async () => {
    const { store, clock } = harness.context;
    const { items } = await store.list("grant");
    const { id, record } = items.find((item) => item.id === "grant-alpha")!;
    const lastUsedAt = clock.now();
    await store.put("grant", id, { ...record, lastUsedAt });
    expect(await harness.control.grant(id)).toMatchObject({ lastUsedAt });
    expect(await harness.control.grant("grant-beta")).not.toHaveProperty("lastUsedAt");
  });

  it("end with their tokens and sessions, told once, and nobody else's do", async () => {
    expect(await harness.control.revokeGrant("grant-a")).toMatchObject({
      grantId: "grant-alpha",
      accessTokens: 1,
      sessions: 1,
    });
    expect(await harness.control.grants()).toMatchObject([{ grantId: "grant-beta" }]);
    expect(await harness.control.accessTokens()).toMatchObject([{ tokenId: "token-beta" }]);
    expect(await harness.control.sessions()).toMatchObject([{ sessionId: "session-beta" }]);
    expect(await harness.control.client("alpha")).toMatchObject({ grants: 0, accessTokens: 0 });
    expect(harness.context.happened.filter(({ type }) => type === "grant.ended")).toEqual([
      {
        type: "grant.ended",
        at: harness.context.clock.now(),
        grantId: "grant-alpha",
        clientId: "alpha",
        subject: "local:me",
        reason: "revoked by operator",
      },
    ]);
    await expect(harness.control.revokeGrant("grant-alpha")).rejects.toMatchObject({
      message: "There is no grant grant-alpha",
      hint: "mcp-gateway grant list shows which there are.",
    });
  });

  it("must be meant alone", async () => {
    await expect(harness.control.revokeGrant("grant-")).rejects.toThrow("2 grants begin with");
    expect(await harness.control.grants()).toHaveLength(2);
  });
});

describe("MCP sessions in the control API", () => {
  it("end one by one, and leave the grant", async () => {
    expect(await harness.control.endSession("session-a")).toMatchObject({ clientId: "alpha" });
    expect(await harness.control.sessions()).toMatchObject([{ sessionId: "session-beta" }]);
    expect(await harness.control.grants()).toMatchObject([{ sessions: 0 }, { sessions: 1 }]);
    await expect(harness.control.endSession("session-alpha")).rejects.toThrow(
      "There is no session session-alpha",
    );
  });

  it("must be meant alone", async () => {
    await expect(harness.control.endSession("session")).rejects.toThrow("2 sessions begin with");
    await expect(harness.control.session("")).rejects.toThrow("There is no");
  });
});
