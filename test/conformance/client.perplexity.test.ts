/**
 * Perplexity and its like: confidential clients that register themselves.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { refresh } from "../../src/client/emulation/tokens.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe("a Perplexity-style confidential client", () => {
  it.each(["client_secret_basic", "client_secret_post"])(
    "is given a secret for %s and proves itself with it (toolhive#5321)",
    async (method) => {
      const visit = await visitAs("perplexity", gateway.resource);
      const { registration } = visit.emulation;
      const emulation = {
        ...visit.emulation,
        registration: (port: number) => ({
          ...registration(port),
          token_endpoint_auth_method: method,
        }),
      };
      const own = { ...visit, emulation };
      const login = await logIn(own, person);
      expect(login.client["token_endpoint_auth_method"]).toBe(method);
      expect(login.client.client_secret).toMatch(/.{43}/);
      expect(await echo(own, login)).toContain("hello");
      const tokens = await refresh(own, login);
      expect(await echo(own, { ...login, tokens })).toContain("hello");
      const thief = { ...login, client: { ...login.client, client_secret: "guessed" } };
      await expect(refresh(own, thief)).rejects.toThrow(/invalid_client/);
    },
  );

  it("has a refresh token although it names no grant types (toolhive#3078)", async () => {
    const visit = await visitAs("perplexity", gateway.resource);
    const { grant_types: _, ...registration } = visit.emulation.registration(0);
    const emulation = { ...visit.emulation, registration: () => registration as never };
    const login = await logIn({ ...visit, emulation }, person);
    expect(login.tokens.refresh_token).toBeDefined();
  });
});
