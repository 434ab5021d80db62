/**
 * What the rules of a service say, in words, for whoever reads them with other eyes than their writer; and those of them that
 * can never let anything through.
 */
import type { Policy, ServiceRules } from "../config/policy.ts";
import { KINDS } from "./decide.ts";
import { fitsPattern, folded } from "./pattern.ts";

export interface RulesInWords {
  /** One sentence for each set of rules; none when everything may be used. */
  rules: string[];
  /** Places below the service whose pattern is denied as a whole, such as `tools.allow.1`. */
  neverUsed: string[];
}

export function describeRules(service: ServiceRules): RulesInWords {
  const { policies } = service;
  const own = wordsOf(service);
  const rules = own === "" ? [] : [own];
  for (const [index, policy] of (policies ?? []).entries()) {
    rules.push(
      `policies.${index} ${addressees(policy)}: ${wordsOf(policy) || "everything of that"}`,
    );
  }
  if (policies) rules.push("nothing for whom no policy is");
  const neverUsed = [
    ...deniedPatterns("", service, [service]),
    ...(policies ?? []).flatMap((policy, index) =>
      deniedPatterns(`policies.${index}.`, policy, [service, policy]),
    ),
  ];
  return { rules, neverUsed };
}

function wordsOf(rules: ServiceRules | Policy): string {
  const lists = KINDS.flatMap((kind) => {
    const { allow, deny } = rules[kind] ?? {};
    const allowed = allow && (allow.length === 0 ? "none" : `only ${allow.join(", ")}`);
    const words = [allowed, deny && `never ${deny.join(", ")}`].filter(
      (part) => part !== undefined,
    );
    return words.length === 0 ? [] : [`${kind}: ${words.join("; ")}`];
  });
  const ofArguments = Object.entries(rules.arguments ?? {}).flatMap(([tool, named]) =>
    Object.entries(named).map(([name, rule]) => {
      const bound = "prefix" in rule ? `under ${rule.prefix.join(", ")}` : rule.values.join(" or ");
      return `${name} of ${tool}: ${bound}`;
    }),
  );
  return [...lists, ...ofArguments].join("; ");
}

function addressees({ for: people, clients }: Policy): string {
  const who = people ? `for ${people.join(" or ")}` : "for everybody";
  return clients ? `${who} with ${clients.join(" or ")}` : who;
}

/** A pattern is denied as a whole when one that denies fits it, its own `*` taken for a letter. */
function deniedPatterns(
  place: string,
  rules: ServiceRules | Policy,
  denying: readonly (ServiceRules | Policy)[],
): string[] {
  return KINDS.flatMap((kind) => {
    const denied = denying.flatMap((one) => one[kind]?.deny ?? []).map(folded);
    return (rules[kind]?.allow ?? []).flatMap((pattern, index) =>
      denied.some((deny) => fitsPattern(deny, folded(pattern)))
        ? [`${place}${kind}.allow.${index}`]
        : [],
    );
  });
}
