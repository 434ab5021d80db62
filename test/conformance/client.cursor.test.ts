/**
 * Cursor: three redirect URIs of three kinds in one registration.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { logIn } from "../../src/client/emulation/log-in.ts";
import { echo, person, visitAs } from "../support/emulated.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe("Cursor", () => {
  it("registers a scheme, a site and a loopback at once (better-auth#10946, python-sdk#897)", async () => {
    const visit = await visitAs("cursor", gateway.resource);
    const login = await logIn(visit, person);
    expect(login.client["redirect_uris"]).toEqual(visit.emulation.registration(0).redirect_uris);
    expect(await echo(visit, login)).toContain("hello");
  });

  it("keeps its good URIs when one is bad (agent-connector-for-wp#111)", async () => {
    const visit = await visitAs("cursor", gateway.resource);
    const { registration } = visit.emulation;
    const bad = "http://intranet.example/callback";
    const emulation = {
      ...visit.emulation,
      registration: (port: number) => ({
        ...registration(port),
        redirect_uris: [bad, ...registration(port).redirect_uris],
      }),
    };
    const login = await logIn({ ...visit, emulation }, person);
    expect(login.client["redirect_uris"]).not.toContain(bad);
    expect(login.client["redirect_uris_rejected"]).toEqual([
      expect.objectContaining({ redirect_uri: bad }),
    ]);
  });

  it("comes back to its command line on the loopback it registered", async () => {
    const visit = await visitAs("cursor", gateway.resource);
    const emulation = { ...visit.emulation, redirectUri: () => "http://localhost:8787/callback" };
    const terminal = { ...visit, emulation };
    expect(await echo(terminal, await logIn(terminal, person))).toContain("hello");
  });
});
