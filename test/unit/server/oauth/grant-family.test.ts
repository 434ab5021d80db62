import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Fault, Plan, Sabotage } from "../../../support/fault-store.ts";
import { GrantFamilies, tally } from "../../../support/grant-family.ts";
import type { Deed } from "../../../support/grant-family-model.ts";

const RUNS = 250;

/** A deed, its subject named by how recent it is: what exists is known only when it is done. */
interface Wish {
  /** `go on` is what an honest client does next: redeem the code, refresh. */
  do: Deed["do"] | "go on";
  /** From the newest. */
  family: number;
  /** From the newest: the token in hand, the one before, the one before that. */
  age: number;
  isOwner: boolean;
  isVerifierRight: boolean;
  byAccessToken: boolean;
  faults: Plan["faults"];
}

type Step =
  | { step: "authorize"; faults: Plan["faults"]; isFinished: boolean }
  | { step: "attempt"; wishes: Wish[] }
  | { step: "wait"; seconds: number }
  | { step: "restart" };

const fault: fc.Arbitrary<Fault> = fc.constantFrom(
  "fail", "lose", "duplicate", "delay", "delay", "crash before", "crash after", "crash amid",
); // prettier-ignore
const faults: fc.Arbitrary<Plan["faults"]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.tuple(fc.nat(7), fault), { minLength: 1, maxLength: 2 })
      .map((entries) => Object.fromEntries(entries) as Plan["faults"]),
  },
);

const mostly = fc.integer({ min: 0, max: 9 }).map((n) => n > 0);
const wish: fc.Arbitrary<Wish> = fc.record({
  do: fc.oneof(
    { weight: 14, arbitrary: fc.constant("go on" as const) },
    { weight: 2, arbitrary: fc.constantFrom("use" as const, "revoke" as const) },
    { weight: 1, arbitrary: fc.constantFrom("exchange" as const, "end" as const) },
  ),
  family: fc.constantFrom(0, 0, 0, 0, 1),
  age: fc.constantFrom(0, 0, 0, 0, 0, 1, 1, 2),
  isOwner: mostly,
  isVerifierRight: mostly,
  byAccessToken: fc.boolean(),
  faults,
});
const revokeClient = wish.map((one): Wish => ({ ...one, do: "revoke client" }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ step: fc.constant("authorize" as const), faults, isFinished: mostly }) },
  { weight: 24, arbitrary: fc.record({ step: fc.constant("attempt" as const), wishes: fc.array(wish, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("attempt" as const), wishes: fc.tuple(wish, revokeClient, wish) }) },
  { weight: 6, arbitrary: fc.record({ step: fc.constant("wait" as const), seconds: fc.constantFrom(1, 15, 29, 31, 31, 61, 601, 86_399) }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant("restart" as const) }) },
); // prettier-ignore

function deedOf(world: GrantFamilies, wanted: Wish): Deed | undefined {
  if (wanted.do === "revoke client") return { do: "revoke client" };
  const family = world.families.length - 1 - wanted.family;
  const known = world.families[family];
  if (!known) return undefined;
  const { isOwner, isVerifierRight } = wanted;
  const place = Math.max(-1, ...known.tokens.keys()) - wanted.age;
  const accessToken = world.accessTokens.findLast((token) => token.family === family);
  switch (wanted.do) {
    case "exchange":
      return { do: "exchange", family, isOwner, isVerifierRight };
    case "go on":
      if (known.tokens.size === 0) return { do: "exchange", family, isOwner, isVerifierRight };
      return deedOf(world, { ...wanted, do: "refresh" });
    case "refresh":
      return known.tokens.has(place) ? { do: "refresh", family, place, isOwner } : undefined;
    case "revoke":
      if (wanted.byAccessToken && accessToken) {
        return { do: "revoke", family, place: "access token", isOwner };
      }
      return known.tokens.has(place) ? { do: "revoke", family, place, isOwner } : undefined;
    case "use":
      return accessToken && { do: "use", family, expiresAt: accessToken.expiresAt };
    default:
      return { do: "end", family };
  }
}

const HONEST: Wish = {
  do: "go on",
  family: 0,
  age: 0,
  isOwner: true,
  isVerifierRight: true,
  byAccessToken: false,
  faults: {},
};

function deedsOf(world: GrantFamilies, wishes: readonly Wish[]): { deed: Deed; plan: Plan }[] {
  return wishes.flatMap((wanted, index) => {
    const deed = deedOf(world, wanted);
    // Two who redeem one code end the family; that is for those to see who say "exchange".
    if (!deed || (wanted.do === "go on" && deed.do === "exchange" && index > 0)) return [];
    return [{ deed, plan: { faults: wanted.faults } }];
  });
}

async function follow(steps: readonly Step[], sabotage?: Sabotage): Promise<void> {
  const world = await GrantFamilies.open(sabotage);
  try {
    const first = { step: "authorize", faults: {}, isFinished: true } as const;
    for (const each of [first, ...steps, { step: "restart" } as const]) {
      if (each.step === "authorize") {
        await world.authorize({ faults: withoutCrash(each.faults) });
        if (each.isFinished) await world.attempt(deedsOf(world, [HONEST]));
      }
      if (each.step === "wait") world.clock.advance(each.seconds);
      if (each.step === "restart") await world.restart();
      if (each.step === "attempt") await world.attempt(deedsOf(world, each.wishes));
      await world.check();
    }
  } finally {
    await world.close();
  }
}

function withoutCrash(planned: Plan["faults"]): Plan["faults"] {
  return Object.fromEntries(
    Object.entries(planned).filter(([, value]) => !value.startsWith("crash")),
  );
}

const property = (sabotage?: Sabotage): fc.IAsyncProperty<[Step[]]> =>
  fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), (steps) =>
    follow(steps, sabotage),
  );

describe("a family of codes and tokens whose store fails at any call (ST-21)", () => {
  it("never has two lines of descent, a token after its end, or a 200 that a restart forgets", async () => {
    tally.clear();
    await fc.assert(property(), { numRuns: RUNS });
    // What makes the property worth something must have happened, and often.
    for (const event of ["rotated", "given again", "refused", "restart", "died"]) {
      expect(tally.get(event), event).toBeGreaterThan(RUNS / 4);
    }
  }, 120_000);

  it.each<Sabotage>(["no atomicity", "no checks", "acknowledges early", "forgets tokens"])(
    "would notice a store with this fault: %s",
    async (sabotage) => {
      const result = await fc.check(property(sabotage), { numRuns: RUNS, endOnFailure: true });
      expect(result.failed).toBe(true);
      expect(String(result.errorInstance)).toMatch(
        /nothing explains|two lines of descent|are unused/,
      );
    },
    120_000,
  );
});
