/**
 * What every identity provider keeps, whoever it asks. An implementation brings a stage on which a person can answer.
 */
import { describe, expect, it } from "vitest";
import type { PendingLogin } from "../../src/auth-info.ts";
import type { IdentityProvider, LoginStep } from "../../src/server/identity/identity-provider.ts";

export interface IdentityStage {
  provider: IdentityProvider;
  /** What comes back to the callback when the person says yes; contains `state`. */
  accept(step: LoginStep, state: string): Promise<URL>;
  /** What comes back when the person says no or types nonsense; undefined when neither is possible. */
  refuse(step: LoginStep, state: string): Promise<URL | undefined>;
  /** Texts that must not stand in `pending`, once `begin` has run. */
  secrets(): string[];
}

const STATE = "s".repeat(43);

export function identityContract(name: string, setStage: () => IdentityStage): void {
  describe(`identity provider: ${name}`, () => {
    it("tells who it is, by a subject that begins with its own name and stays the same", async () => {
      const stage = setStage();
      const subjects: string[] = [];
      for (const state of [STATE, "t".repeat(43)]) {
        const step = await stage.provider.begin({ callback: callbackOf(stage.provider), state });
        const identity = await stage.provider.finish(await stage.accept(step, state), step.pending);
        expect(identity.subject).toMatch(new RegExp(`^${stage.provider.name}:.+`));
        subjects.push(identity.subject);
      }
      expect(new Set(subjects).size).toBe(1);
    });

    it("sends the person to one place: a location or a form", async () => {
      const { provider } = setStage();
      const step = await provider.begin({ callback: callbackOf(provider), state: STATE });
      expect("location" in step).not.toBe("form" in step);
    });

    it("keeps in pending only plain values and no secret in clear", async () => {
      const stage = setStage();
      const { provider } = stage;
      const { pending } = await provider.begin({ callback: callbackOf(provider), state: STATE });
      expect(JSON.parse(JSON.stringify(pending))).toEqual(pending);
      for (const secret of [STATE, ...stage.secrets()]) {
        expect(JSON.stringify(pending)).not.toContain(secret);
      }
    });

    it("answers a no with access_denied", async () => {
      const stage = setStage();
      const { provider } = stage;
      const step = await provider.begin({ callback: callbackOf(provider), state: STATE });
      const answer = await stage.refuse(step, STATE);
      if (answer === undefined) return;
      await expect(provider.finish(answer, step.pending)).rejects.toMatchObject({
        name: "OAuthError",
        code: "access_denied",
      });
    });

    it("does not take the answer to one login for another", async () => {
      const stage = setStage();
      const { provider } = stage;
      const callback = callbackOf(provider);
      const first = await provider.begin({ callback, state: STATE });
      if (Object.keys(first.pending).length === 0) return; // nothing to prove, so nothing to mix up
      const second = await provider.begin({ callback, state: "t".repeat(43) });
      const answer = await stage.accept(first, STATE);
      const mixed: PendingLogin = second.pending;
      await expect(provider.finish(answer, mixed)).rejects.toMatchObject({ code: "access_denied" });
    });
  });
}

function callbackOf(provider: IdentityProvider): URL {
  return new URL(`https://gw.example.com/callback/${provider.name}`);
}
