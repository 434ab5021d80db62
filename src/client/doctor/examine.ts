/**
 * The whole examination: every check in its order, each with a verdict. Nothing here throws for what is wrong over there.
 */
import { UserError } from "../../errors.ts";
import { address, FIRST } from "./address.ts";
import { browsers } from "./browsers.ts";
import type { Check, CheckGroup } from "./check.ts";
import { failed, Missing, skipped, type Finding, type Verdict } from "./finding.ts";
import { createFacts, type ExamineOptions, type Facts } from "./facts.ts";
import { closeSession, inside } from "./inside.ts";
import { mcpEndpoint } from "./mcp-endpoint.ts";
import { resourceMetadata, serverMetadata } from "./metadata.ts";
import { overall } from "./overall.ts";
import { registration } from "./registration.ts";

export interface Result extends Required<Finding> {
  id: string;
  title: string;
  why: string;
}

export interface GroupResult {
  title: string;
  results: Result[];
}

const groups: readonly CheckGroup[] = [
  address,
  mcpEndpoint,
  resourceMetadata,
  serverMetadata,
  browsers,
  registration,
  inside,
  overall,
];

/** Every check there is. */
export const checks: readonly Check[] = groups.flatMap((group) => group.checks);

export async function* examine(options: ExamineOptions): AsyncGenerator<GroupResult> {
  const facts = await createFacts(options);
  try {
    for (const { title, checks: own } of groups) {
      const results: Result[] = [];
      for (const check of own) results.push(await resultOf(check, facts));
      yield { title, results };
      if (results.some(({ id, verdict }) => id === FIRST && verdict === "failed")) return;
    }
  } finally {
    await closeSession(facts);
    await facts.web.close();
  }
}

async function resultOf(check: Check, facts: Facts): Promise<Result> {
  const { id, title, why } = check;
  const finding = await check.look(facts).catch(findingOf);
  return { id, title, why, next: check.next, ...finding };
}

function findingOf(error: unknown): Finding {
  if (error instanceof Missing) return skipped(error.message);
  if (error instanceof UserError) {
    return { ...failed(error.message), ...(error.hint !== undefined && { next: error.hint }) };
  }
  return failed(error instanceof Error ? error.message : String(error));
}

export type Tally = Record<Verdict, number>;

export function tally(results: readonly Result[]): Tally {
  const count = (verdict: Verdict): number =>
    results.filter((result) => result.verdict === verdict).length;
  return {
    passed: count("passed"),
    warning: count("warning"),
    failed: count("failed"),
    skipped: count("skipped"),
  };
}
