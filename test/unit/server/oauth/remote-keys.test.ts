import type { JsonWebKey } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { Fetched } from "../../../../src/server/guarded-fetch.ts";
import { createRemoteKeys, type RemoteKeys } from "../../../../src/server/oauth/remote-keys.ts";
import { createFakeClock, type FakeClock } from "../../../support/fake-clock.ts";

const URI = "https://keys.example/jwks";
const any = (): boolean => true;
const named =
  (kid: string) =>
  (key: JsonWebKey): boolean =>
    key["kid"] === kid;

let clock: FakeClock;
let keys: RemoteKeys;
let answer: (url: string) => Fetched;
let fetches: string[];

const found = (...kids: string[]): Fetched => ({
  isFetched: true,
  text: JSON.stringify({ keys: kids.map((kid) => ({ kty: "RSA", kid })) }),
  headers: {},
});
const failed = (isBusy = false): Fetched => ({
  isFetched: false,
  reason: "status 500",
  isGone: false,
  isBusy,
});

beforeEach(() => {
  clock = createFakeClock();
  fetches = [];
  answer = () => found("a");
  keys = createRemoteKeys({
    clock,
    fetch: async (url) => {
      fetches.push(url);
      return answer(url);
    },
  });
});

describe("key sets of others", () => {
  it("are fetched once for many requests, also at the same moment", async () => {
    await Promise.all([keys(URI, any), keys(URI, any), keys(URI, any)]);
    clock.advance(299);
    expect(await keys(URI, any)).toMatchObject([{ kid: "a" }]);
    expect(fetches).toHaveLength(1);
    clock.advance(1);
    await keys(URI, any);
    expect(fetches).toHaveLength(2);
  });

  it("are fetched anew for an unknown key, but not more often than every half minute", async () => {
    await keys(URI, named("a"));
    answer = () => found("a", "b");
    expect(await keys(URI, named("b"))).toHaveLength(1);
    clock.advance(30);
    expect(await keys(URI, named("b"))).toHaveLength(2);
    for (let count = 0; count < 100; count += 1) await keys(URI, named(`guess ${count}`));
    expect(fetches).toHaveLength(2);
  });

  it("serve for a day more when they cannot be fetched, then no longer", async () => {
    await keys(URI, any);
    answer = () => failed();
    clock.advance(86_400);
    expect(await keys(URI, any)).toHaveLength(1);
    clock.advance(300);
    expect(await keys(URI, any)).toEqual([]);
  });

  it.each(["", "null", "[]", "{}", '{"keys":{}}', '{"keys":["x"]}', '{"keys":[],"keys":[]}'])(
    "are none when the document is %j, and the pause holds then, too",
    async (text) => {
      answer = () => ({ isFetched: true, text, headers: {} });
      expect(await keys(URI, any)).toEqual([]);
      expect(await keys(URI, any)).toEqual([]);
      expect(fetches).toHaveLength(1);
    },
  );

  it("never contain a private or a symmetric key", async () => {
    const text = JSON.stringify({
      keys: [
        { kty: "oct", k: "x" },
        { kty: "EC", d: "x" },
      ],
    });
    answer = () => ({ isFetched: true, text, headers: {} });
    expect(await keys(URI, any)).toEqual([]);
  });

  it("are asked for later when we are too busy", async () => {
    answer = () => failed(true);
    await expect(keys(URI, any)).rejects.toMatchObject({ code: "temporarily_unavailable" });
    answer = () => found("a");
    expect(await keys(URI, any)).toHaveLength(1);
  });

  it("do not pile up: the one unused for longest goes", async () => {
    await keys(URI, any);
    for (let count = 0; count < 1000; count += 1) await keys(`https://k${count}.example/`, any);
    fetches = [];
    await keys("https://k999.example/", any);
    expect(fetches).toEqual([]);
    await keys(URI, any);
    expect(fetches).toEqual([URI]);
  });
});
