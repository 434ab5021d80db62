/**
 * What a check has found.
 */
export type Verdict = "passed" | "warning" | "failed" | "skipped";

export interface Finding {
  verdict: Verdict;
  seen: string;
  /** More fitting than the check's own. */
  next?: string;
}

/** A fact that another check misses and reports. */
export class Missing extends Error {}

export const passed = (seen: string): Finding => ({ verdict: "passed", seen });
export const warning = (seen: string): Finding => ({ verdict: "warning", seen });
export const failed = (seen: string): Finding => ({ verdict: "failed", seen });
export const skipped = (seen: string): Finding => ({ verdict: "skipped", seen });
