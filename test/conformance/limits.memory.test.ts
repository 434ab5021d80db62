/** That strangers cannot make the gateway grow or wait: rows DS-01, DS-05, DS-07. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { memoryAlive } from "../support/memory.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  obtainTokens,
  pageOf,
  registered,
  requestToken,
} from "../support/raw-client.ts";

let gateway: TestGateway;

beforeEach(() => open({}));
afterEach(() => gateway.close());

async function open(limits: NonNullable<ConfigInput["limits"]>): Promise<void> {
  await gateway?.close().catch(() => {});
  gateway = await startGateway({
    config: { limits: { rates: { authorizations: 1e9, failures: 60 }, ...limits } },
    logLevel: "silent",
  });
}

describe("logins that are never finished (DS-05)", () => {
  it("are bounded: the oldest goes, the newest goes on", async () => {
    await open({ pendingLogins: 5 });
    const client = await registered(gateway);
    const pages: { url: URL; cookie: string }[] = [];
    for (let i = 0; i < 12; i++) {
      const response = await ask(authorizationUrl(gateway, client));
      const url = new URL(response.headers.get("location")!, gateway.url);
      pages.push({ url, cookie: response.headers.getSetCookie()[0]!.split(";")[0]! });
    }
    const statuses = await Promise.all(
      pages.map(async ({ url, cookie }) => pageOf(await ask(url, { headers: { cookie } }))),
    );
    expect(statuses.slice(-5)).toEqual([200, 200, 200, 200, 200]);
    expect(statuses.slice(0, 7)).not.toContain(200);
    await obtainTokens(gateway, client);
  });
});

describe("10 000 sources (DS-07, DS-09)", () => {
  it("are told apart, leave memory as it was, and nobody among them waits for another", async () => {
    const fail = (index: number): Promise<Response> =>
      requestToken(
        gateway,
        { grant_type: "refresh_token", client_id: "unknown" },
        { "x-forwarded-for": `198.51.${index >> 8}.${index & 255}` },
      );
    const round = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 100) {
        const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => fail(index + i)));
        for (const answer of answers) expect(await errorOf(answer)).toBe("401 invalid_client");
      }
    };
    await round(1000);
    const before = memoryAlive();
    await round(10_000);
    expect(memoryAlive() - before).toBeLessThan(40 * 1_048_576); // it is about 1 KB a source
  }, 60_000);
});

describe("connections that send too slowly (DS-01)", () => {
  const { hostname, port } = {
    hostname: "127.0.0.1",
    port: () => Number(new URL(gateway.url).port),
  };

  /** @returns what came back, and after how many seconds the connection was closed */
  async function trickle(head: string): Promise<{ text: string; seconds: number }> {
    const started = performance.now();
    const socket = connect(port(), hostname);
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(socket, "connect");
    socket.write(head);
    const timer = setInterval(() => socket.write("x"), 1000);
    await once(socket, "close");
    clearInterval(timer);
    return { text, seconds: (performance.now() - started) / 1000 };
  }

  it("headers and bodies die in seconds while others are served", async () => {
    const { host } = new URL(gateway.url);
    const form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000";
    const slow = [
      ...Array.from({ length: 50 }, () =>
        trickle(`POST /token HTTP/1.1\r\nHost: ${host}\r\nX-A: `),
      ),
      ...["/token", "/revoke", "/login"].map((path) =>
        trickle(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${form}\r\n\r\n`),
      ),
      trickle(
        `POST /register HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{`,
      ),
    ];
    await obtainTokens(gateway, await registered(gateway));
    const ends = await Promise.all(slow);
    for (const { seconds } of ends.slice(0, 50)) expect(seconds).toBeLessThan(15);
    for (const { text, seconds } of ends) {
      expect(seconds).toBeLessThan(35);
      expect(text === "" || text.startsWith("HTTP/1.1 408")).toBe(true);
    }
  }, 60_000);
});
