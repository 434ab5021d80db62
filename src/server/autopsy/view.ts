/**
 * An attempt as the rules look at it.
 */
import type { AttemptStep, StepName, Verdict } from "../../control/attempts.ts";

export interface Rule {
  /** Stable: events, logs and scripts name it. */
  readonly id: string;
  readonly state: Verdict["state"];
  applies(view: View): boolean;
  why(view: View): string;
  /** One or two sentences an operator can act on. */
  fix?(view: View): string;
}

export interface View {
  readonly steps: readonly AttemptStep[];
  /** The last step that is more than looking around; undefined while there is none. */
  readonly last: AttemptStep | undefined;
  /** Seconds since anything happened. */
  readonly quiet: number;
  /** The last step of this name that went well. */
  done(what: StepName): AttemptStep | undefined;
  /** The last of this name since tokens were issued. */
  sinceToken(what: StepName): AttemptStep | undefined;
  /** Whether the last step is this one, and what was said of it fits. */
  ends(what: StepName, said?: RegExp): boolean;
}

/** Seconds in which a program goes on by itself, if it goes on at all. */
export const PATIENCE = 30;
/** Seconds a person may take: as long as an interaction lives. */
export const PATIENCE_WITH_PEOPLE = 600;

const LOOKING_AROUND: ReadonlySet<StepName> = new Set<StepName>([
  "mcp.unauthorized",
  "metadata.resource",
  "metadata.server",
  "path.unknown",
  "host.unknown",
]);

/** @param steps in order of time, at least one */
export function viewOf(steps: readonly AttemptStep[], now: number): View {
  const last = steps.findLast(({ what }) => !LOOKING_AROUND.has(what));
  const token = steps.findLastIndex(({ what }) => what === "token.issued");
  return {
    steps,
    last,
    quiet: now - (steps.at(-1)?.at ?? now),
    done: (what) =>
      steps.findLast((step) => step.what === what && (step.status ?? 200) < 400 && !step.error),
    sinceToken: (what) =>
      token < 0 ? undefined : steps.slice(token + 1).findLast((step) => step.what === what),
    ends: (what, said = /(?:)/) => last?.what === what && said.test(saidOf(last)),
  };
}

/** Error code and reason in one text, for the rules to look at. */
function saidOf({ error = "", detail = "" }: AttemptStep): string {
  return `${error} ${detail}`;
}

/** How an operator knows the client. */
export function nameOf({ steps }: View): string {
  const named = steps.findLast(({ clientName }) => clientName !== undefined)?.clientName;
  return named === undefined ? "the client" : `the client ${named}`;
}

export function resourceOf({ steps }: View): string {
  return steps.findLast(({ resource }) => resource !== undefined)?.resource ?? "the MCP endpoint";
}
