/**
 * One thing a doctor looks at. A check says what is good in its title, and asks the facts; it never changes anything that it
 * does not put back.
 */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

export interface Check {
  /** Stable; people write it after --explain, and scripts look for it. */
  readonly id: string;
  /** What is the case when all is well. */
  readonly title: string;
  /** Who suffers, and from what, when it is not. */
  readonly why: string;
  /** What to do then. */
  readonly next: string;
  /**
   * @throws Missing when something else must be put right first
   * @throws UserError when it is not well, in its words
   */
  look(facts: Facts): Promise<Finding>;
}

export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}
