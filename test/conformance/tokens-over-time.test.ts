/** Codes and tokens as time passes, copies are made and spellings vary. RFC 9700 §4.8 and §4.14, RFC 9068 §4. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  obtainCode,
  obtainTokens,
  opens,
  post,
  redirectOf,
  refreshForm,
  registered,
  requestToken,
  tokensOf,
  type RawClient,
  type Tokens,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
const DAY = 86_400; // seconds

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

const refresh = async (token: string): Promise<Tokens> =>
  tokensOf(await requestToken(gateway, refreshForm(client, token)));

describe("an authorization code", () => {
  it("always has a challenge, so a verifier is never for nothing (CD-05)", async () => {
    for (const fields of [{ code_challenge: undefined }, { code_challenge: "" }]) {
      const response = await ask(authorizationUrl(gateway, client, fields));
      expect(redirectOf(response)).toMatchObject({ error: "invalid_request" });
    }
  });

  it("is worth nothing once its client was revoked (CD-14)", async () => {
    const doomed = await registered(gateway);
    const { form } = await obtainCode(gateway, doomed);
    await connectControl(gateway.stateDirectory).revokeClient(doomed.client_id);
    expect(await errorOf(await requestToken(gateway, form))).toBe("401 invalid_client");
  });

  it("that only shares its beginning with a used one harms nobody (CD-07)", async () => {
    const { form, code } = await obtainCode(gateway, client);
    const tokens = await tokensOf(await requestToken(gateway, form));
    for (const wrong of [`${code.slice(0, -1)}~`, code.slice(0, 42), `${code}x`, ` ${code}`]) {
      const response = await requestToken(gateway, { ...form, code: wrong });
      expect(await errorOf(response)).toBe("400 invalid_grant");
    }
    expect(await opens(gateway, tokens.access_token)).toBe(true);
  });

  it("is 256 bit without a pattern: none like another in any place (CD-16)", async () => {
    const browser = createFormBrowser();
    const codes: Buffer[] = [];
    for (let i = 0; i < 64; i += 1) {
      const { code } = await obtainCode(gateway, client, {}, browser);
      codes.push(Buffer.from(code, "base64url"));
    }
    expect(new Set(codes.map(String)).size).toBe(64);
    for (let at = 0; at < 32; at += 1) {
      // A constant, a counter or a clock would show few values in some place; 64 random bytes show about 56.
      expect(new Set(codes.map((code) => code[at])).size).toBeGreaterThan(35);
    }
    for (const code of codes) expect(code).toHaveLength(32);
  });
});

describe("a client's secret", () => {
  it("does not expire, and says so (TK-14)", async () => {
    const secretive = await registered(gateway, {
      token_endpoint_auth_method: "client_secret_post",
    });
    expect(secretive["client_secret_expires_at"]).toBe(0);
    const { refresh_token } = await obtainTokens(gateway, secretive);
    gateway.clock.advance(29 * DAY);
    const fields = { client_secret: secretive.client_secret };
    const form = refreshForm(secretive, refresh_token, fields);
    expect((await requestToken(gateway, form)).status).toBe(200);
  });
});

describe("a grant", () => {
  it("ends after its time, however often it was refreshed (RF-14)", async () => {
    const granted = await obtainTokens(gateway, client);
    let { refresh_token } = granted;
    let alive = 0;
    for (; alive < 250; alive += 20) {
      gateway.clock.advance(20 * DAY);
      const response = await requestToken(gateway, refreshForm(client, refresh_token));
      if (response.status !== 200) break;
      ({ refresh_token } = await tokensOf(response));
    }
    expect(alive).toBe(160); // of 180 days
    expect(await errorOf(await requestToken(gateway, refreshForm(client, refresh_token)))).toMatch(
      /invalid_(grant|client)/,
    );
    client = await registered(gateway); // the old one may have been idle for too long
  });

  it("never yields a token that outlives it (RF-14)", async () => {
    const first = await obtainTokens(gateway, client);
    const { iat } = decodeJwt(first.access_token);
    let tokens = first;
    for (let day = 0; day < 179; day += 29) {
      gateway.clock.advance(Math.min(29, 179 - day) * DAY);
      tokens = await refresh(tokens.refresh_token);
    }
    gateway.clock.advance(DAY - 1800);
    tokens = await refresh(tokens.refresh_token);
    expect(decodeJwt(tokens.access_token).exp).toBeLessThanOrEqual(iat! + 180 * DAY);
    client = await registered(gateway);
  });
});

describe("a revoked access token", () => {
  /** Every other text that decodes to the same bytes, and the other signature ECDSA gives for free. */
  function spellings(jwt: string): string[] {
    const [header, payload, signature = ""] = jwt.split(".");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const bytes = Buffer.from(signature, "base64url");
    const same = Array.from(alphabet, (last) => signature.slice(0, -1) + last).filter((text) =>
      Buffer.from(text, "base64url").equals(bytes),
    );
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n; // order of P-256
    const s = n - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
    const malleated = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, "0"), "hex"),
    ]).toString("base64url");
    return [...same, malleated, `${signature}=`, `${signature}==`].map(
      (text) => `${header}.${payload}.${text}`,
    );
  }

  it.each(["before", "after"])(
    "opens nothing in any spelling that was tried %s the revocation (JW-17)",
    async (when) => {
      const { access_token } = await obtainTokens(gateway, client);
      const all = spellings(access_token);
      expect(all.length).toBeGreaterThan(15);
      if (when === "before") for (const one of all) await opens(gateway, one);
      await post(gateway, "/revoke", { client_id: client.client_id, token: access_token });
      for (const one of all) expect(await opens(gateway, one)).toBe(false);
    },
  );
});

describe("a clock that jumps", () => {
  it("brings nothing back that was revoked or used, and makes no token longer (JW-28, ST-17)", async () => {
    const kept = await obtainTokens(gateway, client);
    const revoked = await obtainTokens(gateway, client);
    await post(gateway, "/revoke", { client_id: client.client_id, token: revoked.refresh_token });
    const rotated = await refresh(kept.refresh_token);
    gateway.clock.advance(3599);
    expect(await opens(gateway, revoked.access_token)).toBe(false);
    const late = await refresh(rotated.refresh_token);
    gateway.clock.advance(-3599);
    expect(await opens(gateway, revoked.access_token)).toBe(false);
    expect(
      await errorOf(await requestToken(gateway, refreshForm(client, revoked.refresh_token))),
    ).toBe("400 invalid_grant");
    // Issued in what is now the future: not valid yet, and its life is no longer for that.
    expect(await opens(gateway, late.access_token)).toBe(false);
    const { iat, exp } = decodeJwt(late.access_token);
    expect(exp! - iat!).toBe(3600);
    gateway.clock.advance(3599);
    expect(await opens(gateway, late.access_token)).toBe(true);
  });

  it("back does not open the grace of a rotated token again (ST-17)", async () => {
    const first = await obtainTokens(gateway, client);
    const second = await refresh(first.refresh_token);
    gateway.clock.advance(31);
    expect(
      await errorOf(await requestToken(gateway, refreshForm(client, first.refresh_token))),
    ).toBe("400 invalid_grant");
    gateway.clock.advance(-31);
    for (const { refresh_token } of [first, second]) {
      expect(await errorOf(await requestToken(gateway, refreshForm(client, refresh_token)))).toBe(
        "400 invalid_grant",
      );
    }
  });

  it("back does not make a used code new (ST-17)", async () => {
    const { form } = await obtainCode(gateway, client);
    await tokensOf(await requestToken(gateway, form));
    gateway.clock.advance(-3600);
    expect(await errorOf(await requestToken(gateway, form))).toBe("400 invalid_grant");
    gateway.clock.advance(3600);
  });
});
