/**
 * Several `connect` at once on one home, and what is left when one is killed: hosts start all their servers together, and
 * a second one of the same kind is started to look what it can do.
 */
import { randomInt } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHome } from "../support/connect-process.ts";
import { startForeign } from "../support/foreign-server.ts";
import { startGateway } from "../support/gateway.ts";

const MANY = 10;

describe("ten at once", () => {
  it("log in once on an empty home, and refresh once when the token is over", async () => {
    const foreign = await startForeign();
    const home = createHome();
    const all = Array.from({ length: MANY }, () => home.spawn(foreign.url));
    const opened = await Promise.all(all.map((one) => one.open()));
    expect(opened.map(({ result }) => result.serverInfo.name)).toEqual(all.map(() => "foreign"));
    expect(home.pages).toHaveLength(1);
    expect(foreign.asked).toMatchObject({ "/register": 1, "/authorize": 1, authorization_code: 1 });
    foreign.expire();
    const called = await Promise.all(
      all.map((one, at) => one.request(at, "tools/call", { name: `call-${at}` })),
    );
    expect(called.every(({ result }) => result !== undefined)).toBe(true);
    expect(foreign.asked["refresh_token"]).toBe(1);
    expect(home.pages).toHaveLength(1);
    expect(await Promise.all(all.map((one) => one.end()))).toEqual(all.map(() => 0));
  });

  it("start on an expired store and refresh once", async () => {
    const foreign = await startForeign();
    foreign.expiresIn = 1;
    const home = createHome();
    const first = home.spawn(foreign.url);
    await first.open();
    await first.end();
    foreign.expire();
    foreign.expiresIn = 3600;
    const before = foreign.asked["refresh_token"] ?? 0;
    const all = Array.from({ length: MANY }, () => home.spawn(foreign.url));
    await Promise.all(all.map((one) => one.open()));
    expect(foreign.asked["refresh_token"]! - before).toBe(1);
    expect(home.pages).toHaveLength(1);
  });

  it("do not ask the person again when one of them was refused", async () => {
    const foreign = await startForeign();
    foreign.routes["/authorize"] = (request, response) => {
      const query = new URL(request.url!, foreign.origin).searchParams;
      const back = new URL(query.get("redirect_uri")!);
      const refusal = { error: "access_denied", state: query.get("state")!, iss: foreign.origin };
      back.search = new URLSearchParams(refusal).toString();
      response.writeHead(302, { location: back.href }).end();
    };
    const home = createHome();
    const all = Array.from({ length: 3 }, () => home.spawn(foreign.url));
    const answers = await Promise.all(all.map((one) => one.request(1, "initialize", {})));
    for (const { error } of answers) expect(error.message).toContain("access_denied");
    expect(home.pages).toHaveLength(1);
  });
});

describe("kill -9", () => {
  it("in a login leaves a lock that the next one takes over", async () => {
    const foreign = await startForeign();
    const home = createHome();
    home.person = async () => undefined;
    const first = home.spawn(foreign.url);
    first.send({ id: 1, method: "initialize", params: {} });
    await expect.poll(() => home.pages.length, { timeout: 20_000 }).toBe(1);
    first.child.kill("SIGKILL");
    home.person = createHome().person;
    const second = home.spawn(foreign.url);
    expect((await second.open()).result.serverInfo.name).toBe("foreign");
  });

  it("before the answer of a refresh is written never loses the login at this gateway", async () => {
    const gateway = await startGateway();
    onTestFinished(() => gateway.close());
    const home = createHome();
    const first = home.spawn(gateway.resource);
    await first.open();
    await first.end();
    for (let round = 0; round < 6; round += 1) {
      gateway.clock.advance(3601);
      const seen = gateway.events.length;
      const victim = home.spawn(gateway.resource);
      victim.send({ id: 1, method: "initialize", params: {} });
      const isRefreshed = (): boolean =>
        gateway.events.slice(seen).some(({ type }) => type.startsWith("token."));
      await expect.poll(isRefreshed, { interval: 1, timeout: 20_000 }).toBe(true);
      // The answer is on its way; some rounds fall before the write, some behind it.
      await new Promise((fulfil) => setTimeout(fulfil, randomInt(8)));
      victim.child.kill("SIGKILL");
      const next = home.spawn(gateway.resource);
      expect((await next.open()).result.serverInfo.name).toBe("echo");
      expect(await next.end()).toBe(0);
    }
    expect(home.pages).toHaveLength(1);
  });
});
