import { userInfo } from "node:os";
import { describe, expect, it } from "vitest";
import { makeConfig } from "../../../../src/config-file.ts";
import { createIdentityProviders } from "../../../../src/server/identity/index.ts";
import { createLocalProvider } from "../../../../src/server/identity/local.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

const STATE = "s".repeat(43);
const callback = new URL("https://gw.example.com/callback/local");

function answer(fields: Record<string, string>): URL {
  return new URL(`?${new URLSearchParams({ state: STATE, ...fields }).toString()}`, callback);
}

function stage(requireCode: boolean) {
  const clock = createFakeClock();
  const codes: string[] = [];
  const announce = (code: string): void => void codes.push(code);
  const provider = createLocalProvider({
    name: "local",
    requireCode,
    announce,
    clock,
    user: "ada",
  });
  return { clock, codes, provider };
}

describe("local identity", () => {
  it("asks on loopback for one button and announces nothing", async () => {
    const { provider, codes } = stage(false);
    const step = await provider.begin({ callback, state: STATE });
    expect(step).toMatchObject({ form: { button: "Continue as ada", fields: [] }, pending: {} });
    expect(codes).toEqual([]);
    expect(await provider.finish(answer({}), step.pending)).toEqual({
      subject: "local:ada",
      name: "ada",
    });
  });

  it("takes the code in any case, with or without its dash", async () => {
    const { provider, codes } = stage(true);
    const { pending } = await provider.begin({ callback, state: STATE });
    const [code = ""] = codes;
    for (const typed of [code, code.toLowerCase(), code.replace("-", ""), ` ${code} `]) {
      expect(await provider.finish(answer({ code: typed }), pending)).toMatchObject({
        subject: "local:ada",
      });
    }
  });

  it.each(["", "AAAA-AAAA", "-", "\u0000", "x".repeat(200)])("refuses %j", async (code) => {
    const { provider } = stage(true);
    const { pending } = await provider.begin({ callback, state: STATE });
    await expect(provider.finish(answer({ code }), pending)).rejects.toMatchObject({
      code: "access_denied",
    });
  });

  it("refuses everything when nothing is pending, rather than nothing", async () => {
    const { provider } = stage(true);
    await expect(provider.finish(answer({ code: "" }), {})).rejects.toMatchObject({
      code: "access_denied",
    });
  });

  it("lets a code live for five minutes", async () => {
    const { provider, codes, clock } = stage(true);
    const { pending } = await provider.begin({ callback, state: STATE });
    const right = answer({ code: codes[0]! });
    clock.advance(299);
    expect(await provider.finish(right, pending)).toMatchObject({ name: "ada" });
    clock.advance(1);
    await expect(provider.finish(right, pending)).rejects.toMatchObject({ code: "access_denied" });
  });

  it("announces another code for every login", async () => {
    const { provider, codes } = stage(true);
    for (let login = 0; login < 20; login++) await provider.begin({ callback, state: STATE });
    expect(new Set(codes).size).toBe(20);
  });
});

describe("the configured identity providers", () => {
  it("come by name, in configured order", async () => {
    const config = makeConfig({
      publicUrl: "https://gw.example.com",
      identity: {
        providers: [
          { type: "local", name: "b" },
          { type: "local", name: "a" },
        ],
      },
      services: { files: { command: "true" } },
    });
    const clock = createFakeClock();
    const providers = createIdentityProviders(config, {
      clock,
      requireCode: false,
      announce: String,
      accounts: { verify: async () => undefined },
    });
    expect([...providers.keys()]).toEqual(["b", "a"]);
    const provider = providers.get("b")!;
    const { subject } = await provider.finish(callback, {});
    expect(subject).toBe(`b:${userInfo().username}`);
  });
});
