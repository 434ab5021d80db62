/**
 * Whether the rules in force let a person in, and to this service (config/allow.ts). Asked at login, at consent, whenever
 * something is issued, and at each use of a token: a list that was changed counts at the very next request.
 */
import type { Identity } from "../auth-info.ts";
import { matchesRule, parseRule, type AllowRule, type Comer } from "../config/allow.ts";
import type { ServerContext } from "./context.ts";

/** No client has it. */
const NO_CLIENT = "";

type Deciding = Pick<ServerContext, "config" | "resources">;
type Wanted = { clientId: string; resource: string };

/** @param wanted the client it comes with, and the resource URI it is about; undefined for a page of ours */
export function isAdmitted(
  deciding: Deciding,
  identity: Identity,
  wanted: Wanted | undefined,
): boolean {
  return closedBy(deciding, identity, wanted) === undefined;
}

/** Which list of rules keeps a person out, as it is called in the configuration; undefined when none does. */
export function closedBy(
  { config, resources }: Deciding,
  identity: Identity,
  wanted: Wanted | undefined,
): string | undefined {
  const comer = { identity, clientId: wanted?.clientId ?? NO_CLIENT };
  if (!fits(config.identity.allow, comer)) return "identity.allow";
  // By its address: with the last admin the resource is gone, and what was granted for it must go, too.
  if (wanted?.resource === resources.adminUri) {
    return isAdmin({ config }, identity) ? undefined : "identity.admins";
  }
  const service = wanted && resources.named(wanted.resource)?.service;
  const isOpen = service === undefined || fits(config.services[service]?.allow, comer);
  return isOpen ? undefined : `services.${service}.allow`;
}

/** Whether the person is let in at all, whatever they want and come with. */
export function mayComeIn({ config }: Pick<Deciding, "config">, identity: Identity): boolean {
  return fits(config.identity.allow, { identity, clientId: "" });
}

/** The same for what was given out already. A client that acts for itself is the operator's own, and no person. */
export function isStillAdmitted(
  context: Deciding,
  grant: { subject: string; clientId: string; resource: string },
  identity: Identity,
): boolean {
  return grant.subject === grant.clientId || isAdmitted(context, identity, grant);
}

/** Whether the person may administer the gateway. They still have to be let in like everybody else. */
export function isAdmin({ config }: Pick<Deciding, "config">, identity: Identity): boolean {
  const { admins } = config.identity;
  return admins !== undefined && fits(admins, { identity, clientId: "" });
}

function fits(list: readonly string[] | undefined, comer: Comer): boolean {
  return list === undefined || parsed(list).some((rule) => matchesRule(rule, comer));
}

/** Lists are replaced and never changed, so each is read once. */
const known = new WeakMap<readonly string[], AllowRule[]>();

function parsed(list: readonly string[]): AllowRule[] {
  const rules = known.get(list) ?? list.map(parseRule);
  known.set(list, rules);
  return rules;
}
