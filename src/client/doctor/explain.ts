/**
 * What a check is about, for who wants to know before or after it has failed.
 */
import { UserError } from "../../errors.ts";
import { preflightChecks } from "../deploy/preflight-checks.ts";
import { asSteps } from "./as-client.ts";
import { checks } from "./examine.ts";
import { localChecks } from "./local.ts";

export interface Explanation {
  id: string;
  title: string;
  why: string;
  next: string;
}

/** @throws UserError when there is no such check */
export function explain(id: string): Explanation {
  const all: readonly Explanation[] = [...checks, ...asSteps, ...localChecks, ...preflightChecks];
  const found = all.find((check) => check.id === id);
  if (found) return { id, title: found.title, why: found.why, next: found.next };
  throw new UserError(`There is no check ${id}`, {
    hint: `There are: ${all.map((check) => check.id).join(", ")}`,
  });
}
