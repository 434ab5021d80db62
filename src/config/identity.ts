/**
 * Who tells the gateway which person it is, and who of those may come in.
 */
import { z } from "zod";
import { accountsProvider, canHavePasskeys } from "./accounts.ts";
import { parseRule, ruleLists, RULE_WORDS, type AllowRule, type Lists } from "./allow.ts";
import { issuerProblem, oidcProvider, withPreset } from "./oidc.ts";
import { secretReference, secureUrl } from "./values.ts";

/** Begins subjects, allow rules and the path of the callback. */
const providerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
  .refine(
    (name) => !RULE_WORDS.has(name) && !/-(?:org|team)$/.test(name),
    "would be mistaken in allow rules: not client, email, group, nor with -org or -team at its end",
  )
  .describe("Name in subjects, in allow rules and in /callback/<name>.");

const localProvider = z
  .strictObject({
    type: z.literal("local").describe("The kind of provider."),
    name: providerName.default("local"),
  })
  .describe("Whoever sits at this machine; for development.");

const githubProvider = z
  .strictObject({
    type: z.literal("github").describe("GitHub, by an OAuth app."),
    name: providerName.default("github"),
    clientId: z.string().min(1).describe("Client ID of the OAuth app."),
    clientSecret: secretReference.describe("Its client secret: ${NAME} or { file }."),
    baseUrl: secureUrl
      .default("https://github.com")
      .describe("Address of a GitHub Enterprise Server, when it is that."),
  })
  .describe("People with an account at GitHub. The numeric id is the person.");

const allowRule = z.string().superRefine((text, context) => {
  try {
    parseRule(text);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

export const allowRules = z.array(allowRule).meta({
  examples: [["github:583231", "github:@octocat", "github-org:acme", "email:*@acme.com"]],
});

export const identity = z
  .strictObject({
    providers: z
      .array(
        z.discriminatedUnion("type", [
          localProvider,
          accountsProvider(providerName),
          githubProvider,
          oidcProvider(providerName),
        ]),
      )
      .min(1)
      .default([{ type: "local", name: "local" }])
      .describe("Who tells the gateway which person it is."),
    allow: allowRules
      .optional()
      .describe(
        "Who of all those people may come in; one match is enough. Without it whoever is at this machine or has an account of the gateway's own; providers elsewhere need it.",
      ),
    admins: allowRules
      .optional()
      .describe("Who of those people may administer the gateway; nobody unless named."),
  })
  .prefault({})
  .describe("Who may come in.");

interface Named {
  publicUrl: string;
  identity: z.output<typeof identity>;
  trustedIssuers: readonly { name: string }[];
  services: Lists["services"];
}

/** @returns what is wrong with rules and providers taken together, each with its place */
export function identityProblems(config: Named): { path: (string | number)[]; message: string }[] {
  const { providers, allow } = config.identity;
  const types = new Map<string, Provider | undefined>([
    ...config.trustedIssuers.map(({ name }) => [name, undefined] as const),
    ...providers.map((provider) => [provider.name, provider] as const),
  ]);
  const problems: ReturnType<typeof identityProblems> = ruleLists(config).flatMap(
    ({ path, rules }) =>
      rules.flatMap((text, index) => {
        const message = ruleProblem(text, types) ?? adminProblem(path, text);
        return message === undefined ? [] : [{ path: [...path, index], message }];
      }),
  );
  // Of these nobody has an account whom the operator did not give one.
  const open = providers.find(({ type }) => type !== "local" && type !== "accounts");
  if (open && allow === undefined) {
    const message = `name who may come in: without it everybody who has an account at ${open.name} could`;
    problems.push({ path: ["identity", "allow"], message });
  }
  const second = providers.findLastIndex(({ type }) => type === "accounts");
  if (second !== providers.findIndex(({ type }) => type === "accounts")) {
    const message = "the gateway keeps one set of accounts; name the type accounts once";
    problems.push({ path: ["identity", "providers", second, "type"], message });
  }
  for (const [index, provider] of providers.entries()) {
    const message = provider.type === "oidc" ? issuerProblem(provider) : undefined;
    if (message !== undefined) {
      problems.push({ path: ["identity", "providers", index, "issuer"], message });
    }
    const wantsPasskeys = provider.type === "accounts" && provider.passkeys === true;
    if (wantsPasskeys && !canHavePasskeys(config.publicUrl)) {
      const message = "browsers take no passkeys at an IP address: name a host in publicUrl";
      problems.push({ path: ["identity", "providers", index, "passkeys"], message });
    }
  }
  return problems;
}

type Provider = z.output<typeof identity>["providers"][number];

/** Anybody can register a client, and what it is used for is decided by the person. */
function adminProblem(path: readonly unknown[], text: string): string | undefined {
  const isClient = path[1] === "admins" && text.startsWith("client:");
  return isClient ? "an admin is a person: name one, not a client" : undefined;
}

/** A rule that can match nobody is a mistake, and would shut somebody out without a word. */
function ruleProblem(
  text: string,
  providers: ReadonlyMap<string, Provider | undefined>,
): string | undefined {
  let rule: AllowRule;
  try {
    rule = parseRule(text);
  } catch {
    return undefined; // said already
  }
  if (rule.kind === "email" || rule.kind === "client") return undefined;
  if (!providers.has(rule.provider)) return `no provider is named "${rule.provider}"`;
  const provider = providers.get(rule.provider);
  const isGitHub = provider?.type === "github";
  if ((rule.kind === "login" || rule.kind === "organization") && !isGitHub) {
    return `${rule.provider} has no ${rule.kind === "login" ? "logins" : "organisations"} to rely on`;
  }
  if (rule.kind !== "group") return undefined;
  const hasGroups = provider?.type === "oidc" && withPreset(provider).groupsClaim !== undefined;
  return hasGroups ? undefined : `${rule.provider} names no groups; set its groupsClaim`;
}
