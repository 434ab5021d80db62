/**
 * Why somebody may use something of a service, or may not: for people who write rules, and for whoever has to find out what they
 * do.
 */
import { matchesRule, parseRule } from "../config/allow.ts";
import type { ServiceRules } from "../config/policy.ts";
import type { Caller } from "./caller.ts";
import { decide, policiesFor, type Question } from "./decide.ts";

export interface Explanation {
  isAllowed: boolean;
  /** The place in the configuration that decides; absent where nothing there is about it. */
  rule?: string;
  /** One sentence. */
  because: string;
  /** Places of the policies that are for the caller. */
  policies: string[];
}

/** The part of the configuration that it takes. */
export interface Explained {
  readonly identity: { readonly allow?: string[] | undefined };
  readonly services: Readonly<Record<string, ServiceRules & { allow?: string[] | undefined }>>;
}

/** @param service the name of one there is */
export function explainDecision(
  config: Explained,
  service: string,
  caller: Caller,
  question: Question,
): Explanation {
  const entry = config.services[service]!;
  const place = `services.${service}`;
  const applied = policiesFor(entry, caller);
  const policies = applied.map((one) => `${place}.${one.place.slice(0, -1)}`);
  const lists = { "identity.allow": config.identity.allow, [`${place}.allow`]: entry.allow };
  for (const [rule, list] of Object.entries(lists)) {
    // A client that acts for itself is the operator's own.
    if (!caller.identity || !list || list.some((one) => matchesRule(parseRule(one), caller)))
      continue;
    return { isAllowed: false, rule, because: `No rule of ${rule} lets this caller in.`, policies };
  }
  const { isAllowed, rule, argument } = decide(entry, applied, question);
  const because = reasonFor(place, question, { isAllowed, rule, argument, entry });
  return { isAllowed, ...(rule !== "" && { rule: `${place}.${rule}` }), because, policies };
}

function reasonFor(
  place: string,
  { kind, name }: Question,
  decided: { isAllowed: boolean; rule: string; argument: string | undefined; entry: ServiceRules },
): string {
  const { isAllowed, rule, argument, entry } = decided;
  const where = `${place}.${rule}`;
  const pattern = valueAt(entry, rule);
  if (rule === "") return `Nothing under ${place} keeps it from this caller.`;
  if (rule === "policies") return `None of ${where} is for this caller.`;
  if (argument !== undefined) return `The argument ${argument} does not keep ${where}.`;
  if (typeof pattern === "string")
    return `${pattern}, ${where}, ${isAllowed ? "allows" : "denies"} it.`;
  if (isAllowed) return `${where} allows all ${kind} that the service allows.`;
  if (rule === kind) return `${JSON.stringify(name)} can be misread, so no rule can allow it.`;
  return `Nothing in ${where} fits it.`;
}

function valueAt(rules: unknown, path: string): unknown {
  let value = rules;
  for (const member of path.split("."))
    value = (value as Record<string, unknown> | undefined)?.[member];
  return value;
}
