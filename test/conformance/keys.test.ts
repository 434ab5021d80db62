/**
 * Signing keys as those see them who verify tokens: the JWKS from outside, tokens across rotations, the store on disk.
 */
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connectControl, type ControlClient } from "../../src/control.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { callMcp, logIn, refresh, type LoggedIn } from "../support/strict-client.ts";

const AHEAD = 900;
const HOUR = 3600;
const DAY = 86_400;

let stateDirectory: string;
let gateway: TestGateway;
let control: ControlClient;

beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), "keys-"));
});
afterEach(async () => {
  await gateway.close();
  rmSync(stateDirectory, { recursive: true });
});

async function start(keys?: object): Promise<void> {
  gateway = await startGateway({ stateDirectory, ...(keys && { config: { keys } }) });
  control = connectControl(stateDirectory);
}

async function restart(keys?: object): Promise<void> {
  await gateway.close();
  await start(keys);
}

interface Key {
  kid: string;
  [member: string]: unknown;
}

async function jwks(): Promise<Key[]> {
  const response = await fetch(`${gateway.url}/.well-known/jwks.json`);
  return ((await response.json()) as { keys: Key[] }).keys;
}

const kidOf = (login: LoggedIn): string => decodeProtectedHeader(login.tokens.access_token).kid!;

const statusOf = async (token: string): Promise<number> => {
  const response = await callMcp(gateway.resource, token);
  await response.body?.cancel();
  return response.status;
};

/** Everything the gateway has written. */
const onDisk = (): string =>
  readdirSync(stateDirectory)
    .map((name) => join(stateDirectory, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");

describe("the JWKS", () => {
  it("has public members only, with alg, kid and use, and may be kept for a while (JW-27)", async () => {
    await start();
    await control.rotateKeys({ emergency: false });
    const response = await fetch(`${gateway.url}/.well-known/jwks.json`);
    const [, seconds] = /^public, max-age=(\d+)$/.exec(response.headers.get("cache-control")!)!;
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds)).toBeLessThanOrEqual(AHEAD);
    const { keys } = (await response.json()) as { keys: Key[] };
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
      expect(key).toMatchObject({ kty: "EC", crv: "P-256", alg: "ES256", use: "sig" });
    }
  });
});

describe("an ordinary rotation", () => {
  it("publishes first and signs later; old tokens live until they would have died anyway (JW-25)", async () => {
    await start();
    const before = await logIn(gateway.resource);
    // Somebody who keeps our JWKS as long as we allow.
    const verifier = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
    await jwtVerify(before.tokens.access_token, verifier);
    const { kid } = await control.rotateKeys({ emergency: false });
    expect((await jwks()).map((key) => key.kid)).toEqual([kid, kidOf(before)]);
    expect(kidOf(await logIn(gateway.resource))).toBe(kidOf(before));

    gateway.clock.advance(AHEAD);
    const after = await logIn(gateway.resource);
    expect(kidOf(after)).toBe(kid);
    expect(await statusOf(before.tokens.access_token)).not.toBe(401);
    expect(await statusOf(after.tokens.access_token)).not.toBe(401);
    expect((await jwks()).map((key) => key.kid)).toContain(kidOf(before));

    gateway.clock.advance(HOUR + 120);
    expect((await jwks()).map((key) => key.kid)).toEqual([kid]);
    expect(await statusOf(before.tokens.access_token)).toBe(401);
    expect(await control.keys()).toMatchObject([{ kid, state: "active" }]);
  });

  it("survives a restart in the middle (JW-25)", async () => {
    await start();
    const [old] = await jwks();
    const { kid } = await control.rotateKeys({ emergency: false });
    await restart();
    expect((await jwks()).map((key) => key.kid)).toEqual([kid, old!.kid]);
    expect(await control.keys()).toMatchObject([
      { kid: old!.kid, state: "active" },
      { kid, state: "published" },
    ]);
  });

  it("comes by itself after keys.rotation (JW-25)", async () => {
    await start({ rotation: "30d" });
    const [old] = await jwks();
    gateway.clock.advance(30 * DAY);
    await vi.waitFor(async () => expect(await jwks()).toHaveLength(2));
    expect(kidOf(await logIn(gateway.resource))).toBe(old!.kid);
    gateway.clock.advance(AHEAD);
    expect(kidOf(await logIn(gateway.resource))).not.toBe(old!.kid);
  });

  it("is refused while a successor waits", async () => {
    await start();
    await control.rotateKeys({ emergency: false });
    await expect(control.rotateKeys({ emergency: false })).rejects.toThrow("published already");
  });
});

describe("an emergency rotation", () => {
  it("ends all tokens of the old key at once, remembered ones too, and clients go on with a refresh (JW-26)", async () => {
    await start();
    const login = await logIn(gateway.resource);
    expect(await statusOf(login.tokens.access_token)).not.toBe(401); // now it is remembered
    const old = kidOf(login);
    const { kid, removed, accessTokens } = await control.rotateKeys({ emergency: true });
    expect({ removed, accessTokens }).toEqual({ removed: [old], accessTokens: 1 });
    expect(await statusOf(login.tokens.access_token)).toBe(401);
    expect(await control.accessTokens()).toEqual([]);
    expect((await jwks()).map((key) => key.kid)).toEqual([kid]);
    const renewed = await refresh(login);
    expect(decodeProtectedHeader(renewed.access_token).kid).toBe(kid);
    expect(await statusOf(renewed.access_token)).not.toBe(401);
    await restart();
    expect((await jwks()).map((key) => key.kid)).toEqual([kid]);
  });
});

describe("private keys at rest", () => {
  const secretFile = (name: string, text = `${name} of at least sixteen characters`) => {
    const file = join(stateDirectory, `${name}.secret`);
    writeFileSync(file, text);
    return { file };
  };

  it("are encrypted from the first one on when keys.encryption is set", async () => {
    await start({ encryption: secretFile("first") });
    await control.rotateKeys({ emergency: false });
    expect(await control.keys()).toMatchObject([{ isEncrypted: true }, { isEncrypted: true }]);
    await logIn(gateway.resource);
    await gateway.close();
    expect(onDisk()).toContain('"sealedJwk"');
    expect(onDisk()).not.toMatch(/privateJwk|"d":/);
    await start({ encryption: secretFile("first") });
    await logIn(gateway.resource);
  });

  it("do not open without the secret, or with another: one sentence and the next step", async () => {
    await start({ encryption: secretFile("first") });
    const [key] = await jwks();
    await gateway.close();
    await expect(start()).rejects.toMatchObject({
      name: "UserError",
      message: `The signing key ${key!.kid} is encrypted, and keys.encryption is not set`,
      hint: expect.stringContaining("keys.encryption"),
    });
    await expect(start({ encryption: secretFile("second") })).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringContaining("another secret"),
    });
    await expect(start({ encryption: secretFile("short", "abc") })).rejects.toMatchObject({
      name: "UserError",
      message: expect.stringContaining("less than 16 characters"),
    });
    await expect(start({ encryption: { file: "/nowhere" } })).rejects.toMatchObject({
      name: "UserError",
    });
    await start({ encryption: secretFile("first") });
    expect(await jwks()).toEqual([key]);
  });

  it("become encrypted when encryption is switched on, and the key that lay in clear is replaced", async () => {
    await start();
    const login = await logIn(gateway.resource);
    await restart({ encryption: secretFile("first") });
    expect(await control.keys()).toMatchObject([
      { kid: kidOf(login), state: "active", isEncrypted: true },
      { state: "published", isEncrypted: true },
    ]);
    expect((await jwks()).map((key) => key.kid)).toContain(kidOf(login));
  });

  it("move to a new secret when it is listed before the old one", async () => {
    await start({ encryption: secretFile("first") });
    const [key] = await jwks();
    await restart({ encryption: [secretFile("second"), secretFile("first")] });
    await restart({ encryption: secretFile("second") });
    expect(await jwks()).toEqual([key]);
    await gateway.close();
    await expect(start({ encryption: secretFile("first") })).rejects.toMatchObject({
      name: "UserError",
    });
    await start({ encryption: [secretFile("third"), secretFile("second")] });
  });
});
