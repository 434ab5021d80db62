/**
 * What one client's grants may do, simple enough to be right by looking at it. Pure: a state and a deed give the next state
 * and the answer. Codes and tokens are places in a family, not values: which value stands where is for the test to watch.
 */
export const LIFE = {
  code: 60,
  accessToken: 600,
  grace: 30,
  refreshToken: 86_400,
  grant: 3 * 86_400,
  evidence: 86_400,
}; // seconds

export interface ModelState {
  readonly isClientAlive: boolean;
  readonly families: readonly Family[];
}

interface Family {
  readonly grantUntil: number;
  readonly hasEnded: boolean;
  readonly code: { readonly until: number; readonly isRedeemed: boolean };
  /** Each is the successor of the one before. */
  readonly chain: readonly {
    readonly until: number;
    readonly usedAt?: number;
    /** Its successor was used. */
    readonly isClosed?: true;
  }[];
}

export type Deed =
  | { do: "exchange"; family: number; isVerifierRight: boolean; isOwner: boolean }
  | { do: "refresh"; family: number; place: number; isOwner: boolean }
  | { do: "revoke"; family: number; place: number | "access token"; isOwner: boolean }
  | { do: "use"; family: number; expiresAt: number }
  | { do: "end"; family: number }
  | { do: "revoke client" };

/** `ok <place>`: tokens, the refresh token being the one at that place. */
type Outcome = `ok ${number}` | "ok" | "no";

/** @param now seconds since the epoch */
function apply(state: ModelState, deed: Deed, now: number): [ModelState, Outcome] {
  if (deed.do === "revoke client") return [{ ...state, isClientAlive: false }, "ok"];
  const family = state.families[deed.family]!;
  const become = (next: Partial<Family>, outcome: Outcome): [ModelState, Outcome] => [
    { ...state, families: state.families.with(deed.family, { ...family, ...next }) },
    outcome,
  ];
  const isAlive = state.isClientAlive && !family.hasEnded && now < family.grantUntil;
  switch (deed.do) {
    case "end":
      return become({ hasEnded: true }, "ok");
    case "use":
      return [state, isAlive && now < deed.expiresAt ? "ok" : "no"];
    case "revoke": {
      if (!deed.isOwner) return [state, "ok"];
      if (!state.isClientAlive) return [state, "no"];
      const isKnown = deed.place === "access token" || now < (family.chain[deed.place]?.until ?? 0);
      return become({ hasEnded: family.hasEnded || isKnown }, "ok");
    }
    case "exchange": {
      const { code } = family;
      const isProven = deed.isOwner && deed.isVerifierRight && isAlive && now < code.until;
      if (!isProven) return [state, "no"];
      if (code.isRedeemed) return become({ hasEnded: true }, "no");
      const until = now + Math.min(LIFE.evidence, family.grantUntil - now);
      return become({ code: { until, isRedeemed: true }, chain: [newToken(family, now)] }, "ok 0");
    }
    default: {
      const { chain } = family;
      const token = chain[deed.place];
      if (!token || !deed.isOwner || !isAlive || now >= token.until) return [state, "no"];
      const answer: Outcome = `ok ${deed.place + 1}`;
      if (token.usedAt !== undefined) {
        const hasGrace = token.isClosed !== true && now <= token.usedAt + LIFE.grace;
        return hasGrace ? [state, answer] : become({ hasEnded: true }, "no");
      }
      const before = chain
        .slice(0, deed.place)
        .map((one, at) => (at === deed.place - 1 ? { ...one, isClosed: true as const } : one));
      const next = [...before, { ...token, usedAt: now }, newToken(family, now)];
      return become({ chain: next }, answer);
    }
  }
}

export function newFamily(now: number): Family {
  const code = { until: now + LIFE.code, isRedeemed: false };
  return { grantUntil: now + LIFE.grant, hasEnded: false, code, chain: [] };
}

function newToken(family: Family, now: number): Family["chain"][number] {
  return { until: Math.min(now + LIFE.refreshToken, family.grantUntil) };
}

/** What was done, and what came of it as far as anybody knows. */
export interface Observation {
  deed: Deed;
  /** undefined: an error of ours, which says nothing. */
  outcome: Outcome | undefined;
  /** Its calls of the store did not all go as they should: it may have taken effect not at all, once or twice. */
  isFaulty: boolean;
}

/**
 * The states that explain what was seen, in some order of the deeds, from one of the states before.
 * @returns none when nothing explains it: then something is broken
 */
export function explain(
  before: readonly ModelState[],
  seen: readonly Observation[],
  now: number,
): ModelState[] {
  if (seen.length === 0) return [...before];
  const after = new Map<string, ModelState>();
  for (const [index, first] of seen.entries()) {
    const states = before.flatMap((state) => explainOne(state, first, now));
    if (states.length === 0) continue;
    const rest = seen.toSpliced(index, 1);
    for (const state of explain(unique(states), rest, now)) after.set(JSON.stringify(state), state);
  }
  return [...after.values()];
}

function explainOne(state: ModelState, seen: Observation, now: number): ModelState[] {
  const [once, answer] = apply(state, seen.deed, now);
  if (!seen.isFaulty) return answer === seen.outcome ? [once] : [];
  const [twice, second] = apply(once, seen.deed, now);
  // An acknowledgement counts, whatever went wrong on the way to it.
  if (seen.outcome?.startsWith("ok") === true) {
    return [
      ...(answer === seen.outcome ? [once] : []),
      ...(second === seen.outcome ? [twice] : []),
    ];
  }
  return [state, once, twice];
}

function unique(states: readonly ModelState[]): ModelState[] {
  return [...new Map(states.map((state) => [JSON.stringify(state), state])).values()];
}
