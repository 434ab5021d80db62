import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { openCredentialStore, unite } from "../../../src/client/credential-store.ts";

const ENDPOINT = "https://mcp.example/mcp";
const CREDENTIALS = {
  endpoint: ENDPOINT,
  issuer: "https://as.example",
  client: { clientId: "c" },
  tokens: { accessToken: "a", refreshToken: "r" },
};
const quiet = { signal: new AbortController().signal, onWait: () => undefined };

let directory: string;
beforeEach(() => {
  const base = mkdtempSync(join(tmpdir(), "mcpg-store-"));
  directory = join(base, "credentials");
  onTestFinished(() => rmSync(base, { recursive: true }));
});

describe("the credential store", () => {
  it("keeps what it was given, privately, and forgets it", async () => {
    const store = openCredentialStore(ENDPOINT, "", directory);
    expect(await store.read()).toEqual({});
    await store.write({ credentials: CREDENTIALS });
    expect(await store.read()).toEqual({ credentials: CREDENTIALS });
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const [name = ""] = readdirSync(directory);
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    expect(name).not.toContain("mcp.example");
    await store.remove();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("tells endpoints and accounts apart", async () => {
    await openCredentialStore(ENDPOINT, "", directory).write({ credentials: CREDENTIALS });
    for (const [endpoint, account] of [
      [ENDPOINT, "work"],
      [`${ENDPOINT}/`, ""],
    ] as const) {
      expect(await openCredentialStore(endpoint, account, directory).read()).toEqual({});
    }
  });

  it("takes a damaged file, or one of another endpoint, for none", async () => {
    const store = openCredentialStore(ENDPOINT, "", directory);
    await store.write({ credentials: { ...CREDENTIALS, endpoint: "https://other.example" } });
    expect(await store.read()).toEqual({});
    const [name = ""] = readdirSync(directory);
    writeFileSync(join(directory, name), '{"credentials":');
    expect(await store.read()).toEqual({});
  });

  it("follows no symbolic link", async () => {
    const store = openCredentialStore(ENDPOINT, "", directory);
    await store.write({ credentials: CREDENTIALS });
    const [name = ""] = readdirSync(directory);
    rmSync(join(directory, name));
    symlinkSync("/etc/passwd", join(directory, name));
    await expect(store.read()).rejects.toThrow(/symbolic link/);
  });

  it("lets one at a time in, and the next after a failure", async () => {
    const store = openCredentialStore(ENDPOINT, "", directory);
    let inside = 0;
    let most = 0;
    let found: (pid: number) => void = () => undefined;
    const hasWaited = new Promise<number>((fulfil) => (found = fulfil));
    const visit = (at: number): Promise<void> =>
      store.exclusive(
        async () => {
          inside += 1;
          most = Math.max(most, inside);
          // Nobody leaves before somebody has found the door closed.
          await hasWaited;
          inside -= 1;
          if (at === 1) throw new Error("failed inside");
        },
        { ...quiet, onWait: found },
      );
    const results = await Promise.allSettled([visit(0), visit(1), visit(2), visit(3)]);
    expect(results.map(({ status }) => status).toSorted()).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(most).toBe(1);
    expect(await hasWaited).toBe(process.pid);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("stops waiting when told to", async () => {
    const store = openCredentialStore(ENDPOINT, "", directory);
    const stop = new AbortController();
    let leave: () => void = () => undefined;
    let enter: () => void = () => undefined;
    const isInside = new Promise<void>((fulfil) => (enter = fulfil));
    const stay = store.exclusive(() => {
      enter();
      return new Promise<void>((fulfil) => (leave = fulfil));
    }, quiet);
    await isInside;
    const waiting = store.exclusive(async () => "inside", {
      signal: stop.signal,
      onWait: () => stop.abort(),
    });
    await expect(waiting).rejects.toThrow();
    leave();
    await stay;
  });
});

describe("scopes", () => {
  it.each([
    [undefined, undefined, undefined],
    ["", undefined, undefined],
    ["a", undefined, "a"],
    ["a b", "b c", "a b c"],
    ["a", "a", "a"],
  ])("%j and %j are %j", (first, second, all) => {
    expect(unite(first, second)).toBe(all);
  });
});
