/**
 * Allow rules: who may come in. A rule names a provider by its configured name, and what that provider says of the person:
 *
 *     github:583231               one person, by the id that never changes
 *     github:@octocat             one person, by a login name; whoever takes that name later is meant then
 *     github:*                    everybody this provider knows
 *     github-org:acme             active members of an organisation
 *     github-team:acme/platform   active members of a team
 *     group:oidc/engineering      who has this group at the provider oidc
 *     email:ada@acme.com          a verified e-mail address, of any provider
 *     email:*@acme.com            any verified address of exactly this domain
 *     client:s6BhdRkqt3           whoever comes with this OAuth client, by its client_id
 *
 * One match is enough. What a provider did not say, or said without having verified it, matches nothing.
 */
import type { Identity } from "../auth-info.ts";

export type AllowRule =
  | { kind: "everybody"; provider: string }
  | { kind: "subject"; provider: string; subject: string }
  | { kind: "login"; provider: string; login: string }
  /** `acme`, or `acme/platform` for a team. */
  | { kind: "organization"; provider: string; organization: string }
  | { kind: "group"; provider: string; group: string }
  | { kind: "email"; local: string; domain: string }
  | { kind: "client"; clientId: string };

/** Who comes, and with what. */
export interface Comer {
  /** Absent for a client that acts for itself. */
  readonly identity?: Identity;
  readonly clientId: string;
}

/** What a provider has to find out, so that the rules can be answered. */
export interface RuleNeeds {
  /** Organisations and teams as in `Identity.organizations`. */
  organizations: string[];
  groups: string[];
  email: boolean;
}

/** They begin rules of another kind. */
export const RULE_WORDS: ReadonlySet<string> = new Set(["client", "email", "group"]);

const FORMS =
  "write <provider>:<id>, <provider>:@<login>, <provider>:*, <provider>-org:<name>, <provider>-team:<org>/<team>, group:<provider>/<group>, email:*@<domain> or client:<client_id>";

/** @throws Error that says what is wrong */
export function parseRule(text: string): AllowRule {
  const [, word = "", rest = ""] = /^([a-z0-9][a-z0-9-]*):(\S(?:.*\S)?)$/.exec(text) ?? [];
  if (word === "") throw new Error(FORMS);
  if (word === "email") return emailRule(rest);
  if (word === "client") return { kind: "client", clientId: rest };
  if (word === "group") {
    const [, provider = "", group = ""] = /^([a-z0-9][a-z0-9-]*)\/(.+)$/.exec(rest) ?? [];
    if (provider === "") throw new Error("write group:<provider>/<group>");
    return { kind: "group", provider, group };
  }
  const [, owner = "", kind = ""] = /^(.+)-(org|team)$/.exec(word) ?? [];
  if (owner !== "") {
    const form = kind === "org" ? /^[^/\s]+$/ : /^[^/\s]+\/[^/\s]+$/;
    if (!form.test(rest)) {
      throw new Error(`write ${word}:${kind === "org" ? "<organisation>" : "<org>/<team>"}`);
    }
    return { kind: "organization", provider: owner, organization: lowerCase(rest) };
  }
  if (rest === "*") return { kind: "everybody", provider: word };
  if (/[*]/.test(rest)) throw new Error("* stands alone, or before @ in an e-mail rule");
  if (!rest.startsWith("@")) return { kind: "subject", provider: word, subject: text };
  if (rest === "@") throw new Error("write the login name after @");
  return { kind: "login", provider: word, login: lowerCase(rest.slice(1)) };
}

function emailRule(rest: string): AllowRule {
  const address = emailParts(rest);
  if (!address || address.domain.includes("*") || /^.+\*|\*.+$/.test(address.local)) {
    throw new Error("write email:<name>@<domain> or email:*@<domain>");
  }
  return { kind: "email", ...address };
}

export function matchesRule(rule: AllowRule, { identity, clientId }: Comer): boolean {
  if (rule.kind === "client") return rule.clientId === clientId;
  if (!identity) return false;
  if (rule.kind === "email") return hasEmail(rule, identity);
  if (!identity.subject.startsWith(`${rule.provider}:`)) return false;
  switch (rule.kind) {
    case "subject":
      return identity.subject === rule.subject;
    case "login":
      return identity.login !== undefined && lowerCase(identity.login) === rule.login;
    case "organization":
      return identity.organizations?.some((name) => lowerCase(name) === rule.organization) ?? false;
    case "group":
      return identity.groups?.includes(rule.group) ?? false;
    default:
      return true; // everybody of this provider
  }
}

/** Where rules stand. */
export interface Lists {
  identity: { allow?: string[] | undefined; admins?: string[] | undefined };
  services: Readonly<
    Record<
      string,
      { allow?: string[] | undefined; policies?: { for?: string[] | undefined }[] | undefined }
    >
  >;
}

/** All lists of rules, each with its place in the configuration. */
export function ruleLists({ identity, services }: Lists): {
  path: (string | number)[];
  rules: readonly string[];
}[] {
  return [
    { path: ["identity", "allow"], rules: identity.allow },
    { path: ["identity", "admins"], rules: identity.admins },
    ...Object.entries(services).flatMap(([name, { allow, policies = [] }]) => [
      { path: ["services", name, "allow"], rules: allow },
      ...policies.map((policy, index) => ({
        path: ["services", name, "policies", index, "for"],
        rules: policy.for,
      })),
    ]),
  ].map(({ path, rules = [] }) => ({ path, rules }));
}

/** What the provider of this name has to find out for the rules in force. */
export function ruleNeeds(lists: Lists, provider: string): RuleNeeds {
  const rules = ruleLists(lists).flatMap((list) => list.rules);
  return needsOf(rules.map(parseRule), provider);
}

function needsOf(rules: readonly AllowRule[], provider: string): RuleNeeds {
  const needs: RuleNeeds = { organizations: [], groups: [], email: false };
  for (const rule of rules) {
    if (rule.kind === "email") needs.email = true;
    else if (rule.kind === "client" || rule.provider !== provider) continue;
    else if (rule.kind === "organization") needs.organizations.push(rule.organization);
    else if (rule.kind === "group") needs.groups.push(rule.group);
  }
  needs.organizations = [...new Set(needs.organizations)];
  return needs;
}

function hasEmail(
  rule: { local: string; domain: string },
  { email, emailVerified }: Identity,
): boolean {
  if (email === undefined || emailVerified !== true) return false;
  const address = emailParts(email);
  if (!address || address.local.includes("*")) return false;
  return address.domain === rule.domain && (rule.local === "*" || address.local === rule.local);
}

/** One @, printable ASCII only: letters that look or fold alike are how strangers pass for others. */
function emailParts(text: string): { local: string; domain: string } | undefined {
  const [, local, domain] = /^([!-?A-~]{1,64})@([!-?A-~]{1,255})$/.exec(text) ?? [];
  return local === undefined || domain === undefined
    ? undefined
    : { local: lowerCase(local), domain: lowerCase(domain) };
}

/** ASCII only: the Kelvin sign is no k here. */
function lowerCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
