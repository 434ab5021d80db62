/**
 * What a failure is about, told by the place that throws to the place that answers: the wire never sees it.
 */
import type { AttemptStep } from "../../control/attempts.ts";

type About = Pick<AttemptStep, "clientId" | "grantId" | "resource">;

const known = new WeakMap<object, About>();

/** @returns `error` itself, to be thrown */
export function about<E extends Error>(error: E, facts: About): E {
  known.set(error, { ...known.get(error), ...facts });
  return error;
}

export function whatItIsAbout(error: unknown): About {
  return (typeof error === "object" && error !== null && known.get(error)) || {};
}
