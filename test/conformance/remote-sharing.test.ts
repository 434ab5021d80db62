/**
 * Servers elsewhere that several people share, and servers that change while they are used.
 */
import { afterEach, describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge-server.ts";
import { openSession } from "../support/mcp-session.ts";
import { legacyUpstream, sdkEvents, type Upstream } from "../support/upstream.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

async function behind(upstream: Upstream, more: object = {}) {
  open.push(upstream);
  const bridge = await startBridge({ services: { far: { url: upstream.url, ...more } } });
  open.push(bridge);
  return bridge;
}

const sessionsAt = ({ requests }: Upstream): number =>
  requests.filter(({ body }) => body.method === "initialize").length;

describe("who shares a session with a server elsewhere", () => {
  it.each([
    ["session", 4],
    ["user", 2],
    ["shared", 1],
  ] as const)("is as the configuration says: %s", async (isolation, expected) => {
    const upstream = await legacyUpstream();
    const bridge = await behind(upstream, { isolation, era: "legacy" });
    const sessions = [];
    for (const caller of ["ada", "ada", "bob", "bob"]) {
      sessions.push(await openSession(bridge.endpoint("far"), { caller }));
    }
    expect(sessionsAt(upstream)).toBe(expected);
    const said = await Promise.all(
      sessions.map((session, index) => session.tool("say", { index })),
    );
    expect(said).toEqual([0, 1, 2, 3].map((index) => ({ index })));
  });
});

describe("a server elsewhere that was replaced", () => {
  it("by one with a newer transport is found out again", async () => {
    const old = await sdkEvents();
    const bridge = await behind(old);
    await openSession(bridge.endpoint("far"));
    await old.close();
    open.push(await legacyUpstream(undefined, old.port));
    const session = await openSession(bridge.endpoint("far"));
    expect((await session.request("ping")).result).toEqual({});
  });

  it("by one with the older transport is found out again", async () => {
    const upstream = await legacyUpstream();
    const bridge = await behind(upstream);
    await openSession(bridge.endpoint("far"));
    await upstream.close();
    const { port } = upstream;
    open.push(await sdkEvents(port));
    const session = await openSession(bridge.endpoint("far"));
    expect((await session.request("ping")).result).toEqual({});
  });
});
