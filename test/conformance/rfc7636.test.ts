/** Proof Key for Code Exchange as a stranger sees it: RFC 7636 with RFC 9700 §2.1.1. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digest } from "../../src/random.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  ask,
  authorizationUrl,
  errorOf,
  LOOPBACK,
  obtainCode,
  redirectOf,
  registered,
  requestToken,
  type Fields,
} from "../support/raw-client.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const challenge = digest("v".repeat(43));

describe.each(["none", "client_secret_basic"])(
  "the challenge of a client with the method %s (§4.3, AZ-13, AZ-14, AZ-15, AZ-16, A05)",
  (method) => {
    it.each<[string, Fields]>([
      ["no challenge", { code_challenge: undefined }],
      [
        "no challenge and no method",
        { code_challenge: undefined, code_challenge_method: undefined },
      ],
      ["plain", { code_challenge_method: "plain" }],
      ["no method, which means plain", { code_challenge_method: undefined }],
      ["s256", { code_challenge_method: "s256" }],
      ["S512", { code_challenge_method: "S512" }],
      ["42 characters", { code_challenge: challenge.slice(1) }],
      ["44 characters", { code_challenge: `${challenge}A` }],
      ["129 characters", { code_challenge: "a".repeat(129) }],
      ["padding", { code_challenge: `${challenge.slice(1)}=` }],
      ["base64 instead of base64url", { code_challenge: `${challenge.slice(1)}+` }],
      ["unicode", { code_challenge: `${challenge.slice(1)}é` }],
    ])("is refused: %s", async (_, fields) => {
      const client = await registered(gateway, { token_endpoint_auth_method: method });
      const response = await ask(authorizationUrl(gateway, client, fields));
      expect(redirectOf(response, LOOPBACK)).toMatchObject({
        error: "invalid_request",
        state: "s1",
        iss: gateway.url,
      });
    });
  },
);

describe("the verifier (§4.6)", () => {
  it.each<[string, (verifier: string) => string | undefined, string]>([
    ["missing", () => undefined, "400 invalid_request"],
    ["empty", () => "", "400 invalid_request"],
    ["another", () => "x".repeat(43), "400 invalid_grant"],
    ["too short", (verifier) => verifier.slice(1), "400 invalid_grant"],
    ["too long", (verifier) => verifier.padEnd(129, "a"), "400 invalid_grant"],
    ["the challenge itself", (verifier) => digest(verifier), "400 invalid_grant"],
  ])("is refused when %s, and the right one still works (CD-04, A05)", async (_, wrong, error) => {
    const client = await registered(gateway);
    const { form, verifier } = await obtainCode(gateway, client);
    const response = await requestToken(gateway, { ...form, code_verifier: wrong(verifier) });
    expect(await errorOf(response)).toBe(error);
    expect((await requestToken(gateway, form)).status).toBe(200);
  });

  it("of one's own flow does not open another's code (code injection, RFC 9700 §4.5, CD-13)", async () => {
    const client = await registered(gateway);
    const [mine, theirs] = [await obtainCode(gateway, client), await obtainCode(gateway, client)];
    const response = await requestToken(gateway, { ...mine.form, code: theirs.code });
    expect(await errorOf(response)).toBe("400 invalid_grant");
  });
});
