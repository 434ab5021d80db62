/**
 * The guard over real sockets. What must not be connected to is made to point at a site of ours, which would see it.
 */
import { once } from "node:events";
import { createServer, type LookupFunction } from "node:net";
import type * as tlsModule from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createGuardedFetch,
  type Fetched,
  type GuardedFetch,
  type GuardedFetchSettings,
} from "../../../src/server/guarded-fetch.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";
import { startTlsSite, type TlsSite } from "../../support/tls-site.ts";

/** Where a connection would go is written down, and then it goes to the site: no test leaves this machine. */
const wire = vi.hoisted(() => ({ isRerouted: false, pinned: [] as string[] }));

vi.mock("node:tls", async (original) => {
  const tls = await original<typeof tlsModule>();
  const connect = (options: ConnectionOptions): TLSSocket => {
    if (!wire.isRerouted) return tls.connect(options);
    options.lookup!("", { all: true }, (_error, entries) => {
      wire.pinned = Array.isArray(entries) ? entries.map(({ address }) => address) : [entries];
    });
    const loopback: LookupFunction = (_name, _options, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]);
    return tls.connect({ ...options, lookup: loopback });
  };
  return { ...tls, connect };
});

let site: TlsSite;
let clock: FakeClock;
const BYTES = { bytes: 100 };

beforeAll(async () => {
  site = await startTlsSite();
  site.serve("/ok", { body: { a: 1 } });
});
afterAll(() => site.close());
afterEach(() => vi.restoreAllMocks());

function guard(settings: Partial<GuardedFetchSettings> = {}): GuardedFetch {
  clock = createFakeClock();
  return createGuardedFetch({
    clock,
    mayLoopback: false,
    certificates: [site.certificate],
    ...settings,
  });
}

const development = (): GuardedFetch => guard({ mayLoopback: true });

async function reasonOf(fetched: Promise<Fetched>): Promise<string> {
  const result = await fetched;
  if (result.isFetched) throw new Error(`fetched: ${result.text}`);
  return result.reason;
}

/** @returns how many connections the site saw while `task` ran */
async function connectionsDuring(task: () => Promise<unknown>): Promise<number> {
  const before = site.connections();
  await task();
  return site.connections() - before;
}

describe("where it connects to (CI-02)", () => {
  it.each([
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST",
    "localhost.", "a.localhost", "127.0.0.1.", "１２７.0.0.1", "ⓛocalhost",
  ])("opens no connection to %s", async (host) => {
    const fetch = guard({ resolve: async () => ["127.0.0.1"] });
    const count = await connectionsDuring(async () => {
      expect(await reasonOf(fetch(`https://${host}:${site.port}/ok`, BYTES))).toMatch(
        /leads to|not a public name/,
      );
    });
    expect(count).toBe(0);
  }); // prettier-ignore

  it.each([
    ["http://example.com/", "http"],
    ["https://user@example.com/", "user information"],
    ["file:///etc/passwd", "file"],
    ["not a URL", "nothing at all"],
  ])("refuses %s (%s)", async (url) => {
    const resolve = vi.fn<() => Promise<string[]>>();
    expect(await reasonOf(guard({ resolve })(url, BYTES))).toBe("not an https URL");
    expect(resolve).not.toHaveBeenCalled();
  });

  it("asks no name server for names that are never public (SB8)", async () => {
    const resolve = vi.fn(async () => ["127.0.0.1"]);
    const fetch = guard({ resolve });
    for (const host of ["metadata.google.internal", "printer.local", "intranet", "example.com."]) {
      expect(await reasonOf(fetch(`https://${host}/`, BYTES))).toContain("not a public name");
    }
    expect(resolve).not.toHaveBeenCalled();
  });
});

describe("names of the DNS (CI-03)", () => {
  const named = (): string => `https://client.example.com:${site.port}/ok`;

  it.each([
    ["a private address", ["127.0.0.1"]],
    ["a private address among public ones", ["8.8.8.8", "127.0.0.1"]],
    ["a private IPv6 address among public ones", ["2606:4700::1111", "::1", "8.8.8.8"]],
    ["what is no address", ["client.example.com"]],
  ])("opens no connection when one leads to %s", async (_, addresses) => {
    const count = await connectionsDuring(async () => {
      const fetch = guard({ resolve: async () => addresses });
      expect(await reasonOf(fetch(named(), BYTES))).toContain("leads to");
    });
    expect(count).toBe(0);
  });

  it("are asked for once; the connection gets the checked answer and no other", async () => {
    // Public when checked, loopback when asked again: a guard that resolves twice would take the second.
    const answers = [["8.8.8.8", "2606:4700::1111"], ["127.0.0.1"], ["127.0.0.1"]];
    const resolve = vi.fn(async () => answers.shift() ?? []);
    wire.isRerouted = true;
    const fetched = await guard({ resolve })(named(), BYTES);
    wire.isRerouted = false;
    // Certificate and SNI are those of the name.
    expect(fetched).toMatchObject({ isFetched: true, text: '{"a":1}' });
    expect(resolve).toHaveBeenCalledTimes(1);
    expect(wire.pinned).toEqual(["8.8.8.8", "2606:4700::1111"]);
  });

  it("that have no address, or do not answer in time, are a failure", async () => {
    expect(await reasonOf(guard({ resolve: async () => [] })(named(), BYTES))).toContain(
      "no address",
    );
    const silent = guard({
      resolve: (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(new Error("cancelled"))),
        ),
    })(named(), BYTES);
    clock.advance(5);
    expect(await reasonOf(silent)).toBe("took over 5 s");
  });

  it("are not loopback by pointing there, in development neither", async () => {
    const fetch = guard({ mayLoopback: true, resolve: async () => ["127.0.0.1"] });
    expect(await reasonOf(fetch(named(), BYTES))).toContain("leads to 127.0.0.1");
  });
});

describe("in development, on loopback", () => {
  it.each(["localhost", "127.0.0.1"])("fetches from %s", async (host) => {
    const fetched = await development()(`https://${host}:${site.port}/ok`, BYTES);
    expect(fetched).toMatchObject({ isFetched: true, text: '{"a":1}' });
  });

  it.each(["127.0.0.2", "10.0.0.1", "[fe80::1]", "169.254.169.254", "a.localhost"])(
    "still refuses %s",
    async (host) => {
      expect(await reasonOf(development()(`https://${host}/`, BYTES))).toMatch(
        /leads to|not a public name/,
      );
    },
  );

  it("does not take a certificate nobody vouches for", async () => {
    const fetch = createGuardedFetch({ clock: createFakeClock(), mayLoopback: true });
    expect(await reasonOf(fetch(`${site.origin}/ok`, BYTES))).toMatch(/certificate/);
  });
});

describe("what it takes for an answer (CI-04, CI-06)", () => {
  it.each([201, 203, 204, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 500, 503])(
    "takes no status %s, and follows nowhere",
    async (status) => {
      const url = site.serve("/status", { status, headers: { location: `${site.origin}/ok` } });
      const count = await connectionsDuring(async () => {
        expect(await reasonOf(development()(url, BYTES))).toBe(`status ${status}`);
      });
      expect(count).toBe(1);
    },
  );

  it("tells a document that was taken away from one that is missing", async () => {
    const gone = await development()(site.serve("/gone", { status: 410 }), BYTES);
    expect(gone).toMatchObject({ isFetched: false, isGone: true });
    const missing = await development()(`${site.origin}/missing`, BYTES);
    expect(missing).toMatchObject({ isFetched: false, isGone: false });
  });

  it.each([
    "text/html",
    "text/plain",
    "application/jsonp",
    "application/json-seq",
    "text/json",
    "",
  ])("takes no %j", async (type) => {
    const url = site.serve("/type", { headers: { "content-type": type }, body: "{}" });
    expect(await reasonOf(development()(url, BYTES))).toBe("not JSON");
  });

  it.each(["application/json", "Application/JSON; charset=utf-8", "application/oauth-client+json"])(
    "takes %s",
    async (type) => {
      const url = site.serve("/type", { headers: { "content-type": type }, body: "{}" });
      expect(await development()(url, BYTES)).toMatchObject({ isFetched: true, text: "{}" });
    },
  );

  it("takes exactly as many bytes as allowed, with and without a declared length", async () => {
    const url = site.serve("/size", { body: "x".repeat(100) });
    expect(await development()(url, BYTES)).toMatchObject({ isFetched: true });
    site.serve("/size", { body: "x".repeat(101) });
    expect(await reasonOf(development()(url, BYTES))).toBe("larger than 100 bytes");
    let written = 0;
    site.serve("/size", (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        if (response.destroyed) return;
        written += 65_536;
        response.write("x".repeat(65_536), more);
      };
      more();
    });
    expect(await reasonOf(development()(url, BYTES))).toBe("larger than 100 bytes");
    expect(written).toBeLessThan(100 * 65_536);
  });

  it("decompresses nothing", async () => {
    const headers = { "content-encoding": "gzip" };
    const url = site.serve("/gzip", { headers, body: gzipSync("{}") });
    expect(await reasonOf(development()(url, BYTES))).toBe("encoded as gzip");
  });

  it("takes only UTF-8", async () => {
    const url = site.serve("/latin", { body: Buffer.from([0x22, 0xe9, 0x22]) });
    expect((await development()(url, BYTES)).isFetched).toBe(false);
  });

  it("takes no endless headers", async () => {
    const url = site.serve("/headers", { headers: { "x-long": "x".repeat(10_000) }, body: "{}" });
    expect((await development()(url, BYTES)).isFetched).toBe(false);
  });
});

describe("bounds", () => {
  it("gives up after five seconds, whether headers or body do not come", async () => {
    for (const isBody of [false, true]) {
      const arrived = new Promise<void>((resolve) => {
        site.serve("/slow", (_request, response) => {
          if (isBody) response.writeHead(200, { "content-type": "application/json" }).write("{");
          setTimeout(resolve, 20);
        });
      });
      const fetched = development()(`${site.origin}/slow`, BYTES);
      await arrived;
      clock.advance(5);
      expect(await reasonOf(fetched)).toBe("took over 5 s");
    }
  });

  it("gives up after five seconds on a port that never speaks TLS", async () => {
    const mute = createServer();
    mute.listen(0, "127.0.0.1");
    await once(mute, "listening");
    const { port } = mute.address() as { port: number };
    const connected = once(mute, "connection");
    const fetched = development()(`https://localhost:${port}/`, BYTES);
    const [socket] = await connected;
    clock.advance(5);
    expect(await reasonOf(fetched)).toBe("took over 5 s");
    socket.destroy();
    mute.close();
  });

  it("runs 4 at once to a host and 16 in total, and says so instead of waiting", async () => {
    const fetch = guard({ resolve: () => new Promise(() => {}) });
    const start = (host: string): Promise<Fetched> => fetch(`https://${host}/`, BYTES);
    const waiting = Array.from({ length: 4 }, () => start("one.example.com"));
    expect(await start("one.example.com")).toMatchObject({ isBusy: true });
    for (let n = 0; n < 12; n += 1) waiting.push(start(`other-${n}.example.com`));
    expect(await start("late.example.com")).toMatchObject({ isBusy: true });
    expect(waiting).toHaveLength(16);
  });

  it("frees its places when fetches end", async () => {
    const fetch = development();
    for (let n = 0; n < 20; n += 1) {
      expect(await fetch(`${site.origin}/ok`, BYTES)).toMatchObject({ isFetched: true });
    }
  });
});
