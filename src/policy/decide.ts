/**
 * May this caller use this tool, resource or prompt? In this order, and the first that says something decides:
 *
 *   1. deny of the service, and deny of every policy that is for the caller      -> no
 *   2. allow and arguments of the service                                        -> no, unless they let it pass
 *   3. policies, where there are any: allow and arguments of one for the caller  -> yes, if one of them lets it pass
 *
 * So a policy can only take away from what the service allows, and what is not known of a caller never opens anything.
 */
import type { Policy, ServiceRules } from "../config/policy.ts";
import { digitsOf } from "../mcp/exact-json.ts";
import { brokenArgument, hasArgumentRule } from "./arguments.ts";
import { isFor, type Caller } from "./caller.ts";
import { fitsPattern, folded } from "./pattern.ts";
import { canonicalUri, isAllowedUri, isPlainUri, spellingsOf } from "./uri.ts";

export const KINDS = ["tools", "resources", "prompts"] as const;
export type Kind = (typeof KINDS)[number];

export interface Question {
  readonly kind: Kind;
  /** Name or URI, or whatever stands there. */
  readonly name: unknown;
  /** Of a call; without it the question is whether the tool may be seen. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly isAllowed: boolean;
  /** What decided: a place below the service in the configuration, such as `policies.0.tools.deny.1`. */
  readonly rule: string;
  /** The argument that broke the rule. */
  readonly argument?: string;
}

/** A set of rules that counts for the caller, and where it stands. */
export interface Applied {
  readonly place: string;
  readonly rules: ServiceRules | Policy;
}

/** Whether there is anything about tools, resources or prompts at all. */
export function hasRules(rules: ServiceRules): boolean {
  return isLimited(rules, "tools") || isLimited(rules, "resources") || isLimited(rules, "prompts");
}

/** Whether some caller may not use all of this kind. */
export function isLimited(rules: ServiceRules, kind: Kind): boolean {
  const { policies, arguments: ofArguments } = rules;
  if (rules[kind] ?? (kind === "tools" ? ofArguments : undefined)) return true;
  return policies !== undefined;
}

/** @returns the policies that are for the caller */
export function policiesFor({ policies = [] }: ServiceRules, caller: Caller): Applied[] {
  return policies.flatMap((policy, index) =>
    isFor(policy, caller) ? [{ place: `policies.${index}.`, rules: policy }] : [],
  );
}

/** @param applied of `policiesFor` */
export function decide(
  service: ServiceRules,
  applied: readonly Applied[],
  question: Question,
): Decision {
  const { kind } = question;
  const base: Applied = { place: "", rules: service };
  if (!isLimited(service, kind)) return { isAllowed: true, rule: "" };
  const { name } = question;
  // A number that JSON.parse could not make one is a string while it is in here.
  if (typeof name !== "string" || digitsOf(name) !== undefined || !isNameable(kind, name)) {
    return { isAllowed: false, rule: kind };
  }
  let names: readonly string[] | undefined;
  const spelled = (): readonly string[] => (names ??= spellings(kind, name));
  for (const one of [base, ...applied]) {
    const rule = denialBy(one, kind, spelled);
    if (rule !== undefined) return { isAllowed: false, rule };
  }
  const own = permissionOf(base, question, name);
  if (!own.isAllowed || service.policies === undefined) return own;
  const others = applied.map((one) => permissionOf(one, question, name));
  return (
    others.find(({ isAllowed }) => isAllowed) ??
    others.find(({ argument }) => argument !== undefined) ??
    others[0] ?? { isAllowed: false, rule: "policies" }
  );
}

/** A longer name is nobody's, and only made to keep us busy. */
const LONGEST_NAME = 1024; // characters

function isNameable(kind: Kind, name: string): boolean {
  return kind === "resources" ? isPlainUri(name) : name !== "" && name.length <= LONGEST_NAME;
}

/** Whether arguments of this tool matter to the caller. */
export function judgesArguments(
  service: ServiceRules,
  applied: readonly Applied[],
  tool: string,
): boolean {
  return [{ rules: service }, ...applied].some(
    ({ rules }) => rules.arguments !== undefined && hasArgumentRule(rules.arguments, tool),
  );
}

/** Names as patterns of `deny` are compared with: whatever the most forgiving server could read. */
function spellings(kind: Kind, name: string): readonly string[] {
  return kind === "resources" ? spellingsOf(name) : [folded(name)];
}

function denialBy(
  { place, rules }: Applied,
  kind: Kind,
  spelled: () => readonly string[],
): string | undefined {
  const deny = rules[kind]?.deny;
  if (!deny) return undefined;
  const index = comparable(kind, deny).findIndex((pattern) =>
    spelled().some((name) => fitsPattern(pattern, name)),
  );
  return index === -1 ? undefined : `${place}${kind}.deny.${index}`;
}

/** Lists are replaced and never changed, so each is made comparable once. */
const known = new WeakMap<readonly string[], readonly string[]>();

function comparable(kind: Kind, deny: readonly string[]): readonly string[] {
  const patterns = known.get(deny) ?? deny.map(kind === "resources" ? canonicalUri : folded);
  known.set(deny, patterns);
  return patterns;
}

/** What one set of rules says when nothing is denied. */
function permissionOf({ place, rules }: Applied, question: Question, name: string): Decision {
  const { kind, arguments: given } = question;
  const allow = rules[kind]?.allow;
  const index = allow?.findIndex((pattern) =>
    kind === "resources" ? isAllowedUri(pattern, name) : fitsPattern(pattern, name),
  );
  if (index === -1) return { isAllowed: false, rule: `${place}${kind}.allow` };
  const broken =
    kind === "tools" && given && rules.arguments
      ? brokenArgument(rules.arguments, name, given)
      : undefined;
  if (broken) {
    const { pattern, argument } = broken;
    return { isAllowed: false, rule: `${place}arguments.${pattern}.${argument}`, argument };
  }
  const rule = index === undefined ? place.replace(/\.$/, "") : `${place}${kind}.allow.${index}`;
  return { isAllowed: true, rule };
}
