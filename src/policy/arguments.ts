/**
 * Rules for the arguments of tools. An argument with a rule must be there and be what the rule says; what no rule names is
 * free.
 */
import type { ArgumentRule, ServiceRules } from "../config/policy.ts";
import { fitsPattern, folded } from "./pattern.ts";
import { isWithin } from "./path.ts";

/** Nobody needs more; looking at them must not keep others waiting. */
const MOST = 1000; // arguments, and members of a list
const LONGEST_NAME = 1024; // characters

type Rules = NonNullable<ServiceRules["arguments"]>;

/** Whether any rule is about this tool: in whatever case the caller writes it. */
export function hasArgumentRule(rules: Rules, tool: string): boolean {
  return Object.keys(rules).some((pattern) => fitsPattern(folded(pattern), folded(tool)));
}

/** @returns the rule that is broken, by pattern and argument; undefined when all hold */
export function brokenArgument(
  rules: Rules,
  tool: string,
  given: Readonly<Record<string, unknown>>,
): { pattern: string; argument: string } | undefined {
  for (const [pattern, ofTool] of Object.entries(rules)) {
    if (!fitsPattern(folded(pattern), folded(tool))) continue;
    for (const [argument, rule] of Object.entries(ofTool)) {
      if (!holds(rule, argument, given)) return { pattern, argument };
    }
  }
  return undefined;
}

function holds(
  rule: ArgumentRule,
  argument: string,
  given: Readonly<Record<string, unknown>>,
): boolean {
  // The same name in another case could be the one that the server reads.
  const name = folded(argument);
  const names = Object.keys(given);
  if (names.length > MOST || names.some(({ length }) => length > LONGEST_NAME)) return false;
  const alike = names.filter((other) => folded(other) === name);
  if (alike.length !== 1 || alike[0] !== argument) return false;
  const value = given[argument];
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.length > 0 && all.length <= MOST && all.every((one) => fits(rule, one));
}

function fits(rule: ArgumentRule, value: unknown): boolean {
  return "prefix" in rule
    ? isWithin(rule.prefix, value)
    : (rule.values as readonly unknown[]).includes(value);
}
