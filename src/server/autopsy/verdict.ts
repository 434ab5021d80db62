/**
 * The verdict on a login attempt: what came of it, why, and what to do. A function of the steps and the time, and nothing
 * else. The first rule that applies decides; rules of the latest stage come first, so that what a client did to get there
 * does not hide why it stopped.
 */
import type { AttemptStep, Verdict } from "../../control/attempts.ts";
import { discoveryRules } from "./discovery-rules.ts";
import { loginRules } from "./login-rules.ts";
import { tokenRules } from "./token-rules.ts";
import { viewOf, type Rule, type View } from "./view.ts";

const rateLimited: Rule = {
  id: "rate-limited",
  state: "failed",
  applies: ({ last, steps }) => last?.status === 429 || steps.at(-1)?.status === 429,
  why: ({ steps }) => `Too many requests in a minute: ${steps.at(-1)?.detail ?? "429"}.`,
  fix: () =>
    "Wait a minute. If many people come from one address, as with hosted clients, raise that number under limits.rates.",
};

export const rules: readonly Rule[] = [
  rateLimited,
  ...tokenRules,
  ...loginRules,
  ...discoveryRules,
];

/** @param steps in order of time, at least one */
export function judge(steps: readonly AttemptStep[], now: number): Verdict {
  const view = viewOf(steps, now);
  const rule = rules.find((one) => one.applies(view));
  if (!rule) return { state: "running", verdict: "running", why: `Waiting for ${awaited(view)}.` };
  const { id: verdict, state } = rule;
  return { state, verdict, why: rule.why(view), ...(rule.fix && { fix: rule.fix(view) }) };
}

function awaited(view: View): string {
  switch (view.last?.what) {
    case "token.issued":
    case "token.refreshed":
      return "the first call with the token";
    case "call.refused":
      return "the client to get a better token";
    case "code.issued":
      return "the client to redeem its code";
    case "consent.given":
      return "the device to come for its token";
    case "consent.shown":
    case "login.finished":
      return "the person to allow it";
    case "authorize":
    case "login.begun":
      return "the person to log in";
    case "registration":
    case "client.document":
      return "a browser to come and log in";
    default:
      return view.done("metadata.server")
        ? "the client to register, or a browser to come"
        : "the client to read the metadata";
  }
}
