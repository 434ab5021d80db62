import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientLifetime, noteClientUse } from "../../../../src/server/oauth/client-expiry.ts";
import { admitClient } from "../../../../src/server/oauth/client-cap.ts";
import { registerClient } from "../../../../src/server/oauth/registration.ts";
import type { ClientRecord } from "../../../../src/server/store/client-records.ts";
import { createServerContext, type TestContext } from "../../../support/server-context.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;
const metadata = { redirect_uris: ["http://127.0.0.1/cb"] };
let context: TestContext;

beforeEach(async () => {
  context = await createServerContext();
});
afterEach(() => context.close());

const register = async (via: ClientRecord["via"] = "registration"): Promise<string> =>
  (await registerClient(context, metadata, via)).client.clientId;

const find = (id: string) => context.store.get("client", id);

describe("the use of a client", () => {
  it("is written once an hour", async () => {
    const id = await register();
    expect(await find(id)).not.toHaveProperty("lastUsedAt");
    await noteClientUse(context, id);
    const first = await find(id);
    context.clock.advance(HOUR - 1);
    await noteClientUse(context, id);
    expect(await find(id)).toBe(first);
    context.clock.advance(1);
    await noteClientUse(context, id);
    expect((await find(id))!.lastUsedAt! - first!.lastUsedAt!).toBe(HOUR);
  });

  it("keeps what its owner changes in the same instant", async () => {
    const id = await register();
    const seen = (await find(id))!;
    const changed = { ...seen, metadata: { ...seen.metadata, client_name: "New" } };
    const [, isChanged] = await Promise.all([
      noteClientUse(context, id),
      context.store.replace("client", id, seen, changed),
    ]);
    const record = await find(id);
    expect(record!.lastUsedAt).toBeDefined();
    expect(record!.metadata.client_name).toBe(isChanged ? "New" : undefined);
  });

  it("brings nobody back who was revoked", async () => {
    const id = await register();
    await Promise.all([noteClientUse(context, id), context.store.delete("client", id)]);
    await noteClientUse(context, id);
    expect(await find(id)).toBeUndefined();
  });

  it("and its lifetime survive a restart", async () => {
    const [unused, used] = [await register(), await register()];
    await noteClientUse(context, used);
    context = await context.reopen();
    context.clock.advance(DAY);
    expect(await find(unused)).toBeUndefined();
    expect(await find(used)).toBeDefined();
  });
});

describe("a lifetime", () => {
  it("has none who was registered by an operator", async () => {
    const id = await register("command");
    await noteClientUse(context, id);
    context.clock.advance(1000 * DAY);
    expect(await find(id)).not.toHaveProperty("lastUsedAt");
  });

  it("is never shorter than that of a token", () => {
    const record = { via: "registration", lastUsedAt: 1 } as ClientRecord;
    const lifetime = (accessToken: number, refreshToken: number, idleClient: number) =>
      clientLifetime(
        {
          config: {
            ...context.config,
            tokens: { ...context.config.tokens, accessToken, refreshToken },
            registration: { ...context.config.registration, idleClient },
          },
        },
        record,
      );
    expect(lifetime(1, 2, 3)).toBe(3 + HOUR);
    expect(lifetime(1, 5, 3)).toBe(5 + HOUR);
    expect(lifetime(7, 5, 3)).toBe(7 + HOUR);
  });
});

describe("room for clients", () => {
  it("is counted anew after a minute, so that those who died make room", async () => {
    const small = {
      ...context,
      config: {
        ...context.config,
        registration: { ...context.config.registration, clients: 2 },
      },
    };
    const command = await register("command");
    const admit = () => admitClient(small, () => registerClient(context, metadata, "command"));
    await admit();
    await expect(admit()).rejects.toThrow("No more clients");
    await context.store.delete("client", command);
    await expect(admit()).rejects.toThrow("No more clients"); // not listed again at every request
    context.clock.advance(60);
    await admit();
  });

  it("is given back when the client could not be stored", async () => {
    const { registration } = context.config;
    const small = {
      ...context,
      config: { ...context.config, registration: { ...registration, clients: 1 } },
    };
    const fails = () => admitClient(small, () => Promise.reject(new Error("disk")));
    for (let i = 0; i < 3; i++) await expect(fails()).rejects.toThrow("disk");
    await admitClient(small, register);
  });
});
