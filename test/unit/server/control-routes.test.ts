import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ControlClient } from "../../../src/control.ts";
import { createControlHarness, type ControlHarness } from "../../support/control-harness.ts";

let harness: ControlHarness;
let control: ControlClient;
beforeEach(async () => {
  harness = await createControlHarness();
  control = harness.control;
});
afterEach(() => harness.close());

describe("the control API", () => {
  beforeEach(() => harness.start());

  it("tells what runs and what is alive", async () => {
    await harness.populate("alpha");
    harness.context.clock.advance(42);
    expect(await control.status()).toEqual({
      version: "1.2.3",
      url: "https://gw.example.com",
      pid: process.pid,
      startedAt: harness.context.clock.now() - 42,
      uptime: 42,
      services: [
        {
          service: "files",
          era: "auto",
          isolation: "session",
          urls: harness.context.resources.all.map(({ uri }) => uri),
          state: "failing",
          children: [],
          reason: "exit 1",
        },
      ],
      clients: 1,
      grants: 1,
      accessTokens: 1,
      sessions: 1,
    });
  });

  it("lists clients with what they hold", async () => {
    await harness.populate("alpha");
    await harness.populate("beta", "command");
    expect(await control.clients()).toMatchObject([
      {
        clientId: "alpha",
        name: "Client alpha",
        kind: "public",
        via: "registration",
        grants: 1,
        accessTokens: 1,
      },
      { clientId: "beta", via: "command", grants: 1, accessTokens: 1 },
    ]);
  });

  it("finds a client by the beginning of its id when only one begins so", async () => {
    await harness.populate("alpha-1");
    await harness.populate("alpha-2");
    await harness.populate("alpha-22");
    expect(await control.client("alpha-1")).toMatchObject({ clientId: "alpha-1" });
    expect(await control.client("alpha-2")).toMatchObject({ clientId: "alpha-2" });
    await expect(control.client("alph")).rejects.toMatchObject({
      message: "3 clients begin with alph",
      hint: "Write more of the id.",
    });
    await expect(control.client("nobody")).rejects.toMatchObject({
      message: "There is no client nobody",
      exitCode: 1,
    });
    await expect(control.client("../tokens")).rejects.toThrow("There is no client ../tokens");
  });

  it("registers a client, and shows its secret in that answer only", async () => {
    const registered = await control.registerClient({
      name: "n8n",
      redirectUris: ["https://n8n.example.com/callback"],
      authMethod: "client_secret_post",
    });
    expect(registered).toMatchObject({ name: "n8n", kind: "confidential", via: "command" });
    expect(registered.clientSecret).toMatch(/^[\w-]{43}$/);
    const everything = JSON.stringify([
      await control.clients(),
      await control.client(registered.clientId),
      harness.context.happened,
    ]);
    expect(everything).not.toContain(registered.clientSecret);
    expect(everything).not.toMatch(/secret_?digest/i);
  });

  it.each([
    [
      { redirectUris: ["https://a.example/#x"] },
      "Redirect URI https://a.example/#x has a fragment",
    ],
    [{ redirectUris: ["https://a.example/cb", "javascript:alert(1)"] }, "javascript:alert(1)"],
    [{ redirectUris: [] }, "redirectUris"],
    [{ redirectUris: "https://a.example" }, "redirectUris"],
    [{}, "redirectUris"],
    [{ redirectUris: ["https://a.example/cb"], colour: "blue" }, "colour"],
    [{ redirectUris: ["https://a.example/cb"], authMethod: "none_of_these" }, "authMethod"],
    [null, "The body"],
    [7, "The body"],
  ])("refuses to register %j, in a sentence", async (body, sentence) => {
    const { status, text } = await harness.raw("POST", "/clients", JSON.stringify(body));
    expect(status).toBe(400);
    expect((JSON.parse(text) as { error: { message: string } }).error.message).toContain(sentence);
    expect(await control.clients()).toEqual([]);
  });

  it("revokes a client with its grants, tokens and sessions, and nobody else's", async () => {
    await harness.populate("alpha");
    await harness.populate("beta");
    expect(await control.revokeClient("alpha")).toEqual({
      clientId: "alpha",
      grants: 1,
      accessTokens: 1,
      sessions: 1,
    });
    expect(await control.clients()).toMatchObject([{ clientId: "beta" }]);
    expect(await control.accessTokens()).toMatchObject([
      { tokenId: "token-beta", clientName: "Client beta" },
    ]);
    expect(await control.sessions()).toMatchObject([{ sessionId: "session-beta" }]);
    expect(harness.context.happened.map(({ type }) => type)).toContain("client.revoked");
    await expect(control.revokeClient("alpha")).rejects.toThrow("There is no client alpha");
  });

  it("revokes one access token, tells once, and ends what was opened with it", async () => {
    await harness.populate("alpha");
    expect(await control.revokeAccessToken("token-al")).toMatchObject({ tokenId: "token-alpha" });
    expect(await control.accessTokens()).toEqual([]);
    expect(await control.sessions()).toEqual([]);
    expect(await control.client("alpha")).toMatchObject({ grants: 1, accessTokens: 0 });
    expect(harness.context.happened.filter(({ type }) => type === "token.revoked")).toEqual([
      {
        type: "token.revoked",
        at: harness.context.clock.now(),
        clientId: "alpha",
        grantId: "grant-alpha",
        tokenId: "token-alpha",
      },
    ]);
  });

  it("shows what a service wrote, and starts it afresh", async () => {
    const line = { number: 1, at: 0, pid: 7, stream: "stderr", text: "hello" } as const;
    const restarted: string[] = [];
    await harness.stop();
    await harness.start({
      health: () => ({ files: { state: "running", children: [7, 8] } }),
      log: (service) => (service === "files" ? [line] : []),
      restart: async (service) => restarted.push(service) + 1,
    });
    expect(await control.serviceLog("files")).toEqual([line]);
    expect(await control.restartService("files")).toEqual({
      service: "files",
      sessions: 2,
      children: 2,
    });
    expect(restarted).toEqual(["files"]);
    for (const ask of [control.serviceLog("nothing"), control.restartService("nothing")]) {
      await expect(ask).rejects.toMatchObject({
        message: "There is no service nothing",
        hint: "There are: files",
        exitCode: 1,
      });
    }
  });

  it("does not list tokens that have expired", async () => {
    await harness.populate("alpha");
    harness.context.clock.advance(101);
    expect(await control.accessTokens()).toEqual([]);
  });
});
