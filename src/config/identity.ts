/**
 * Who tells the gateway which person it is, and who of those may come in.
 */
import { z } from "zod";
import { parseRule, RULE_WORDS, type AllowRule } from "./allow.ts";
import { secretReference, secureUrl } from "./values.ts";

/** Begins subjects, allow rules and the path of the callback. */
const providerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
  .refine(
    (name) => !RULE_WORDS.has(name) && !/-(?:org|team)$/.test(name),
    "would be mistaken in allow rules: not email, group, nor with -org or -team at its end",
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
      .array(z.discriminatedUnion("type", [localProvider, githubProvider]))
      .min(1)
      .default([{ type: "local", name: "local" }])
      .describe("Who tells the gateway which person it is."),
    allow: allowRules
      .optional()
      .describe(
        "Who of all those people may come in; one match is enough. Without it whoever is at this machine, for the provider local only.",
      ),
  })
  .prefault({})
  .describe("Who may come in.");

interface Named {
  identity: z.output<typeof identity>;
  trustedIssuers: readonly { name: string }[];
  services: Readonly<Record<string, { allow?: string[] | undefined }>>;
}

/** @returns what is wrong with rules and providers taken together, each with its place */
export function identityProblems(config: Named): { path: (string | number)[]; message: string }[] {
  const { providers, allow } = config.identity;
  const names = new Set([...providers, ...config.trustedIssuers].map(({ name }) => name));
  const places: { path: string[]; rules: readonly string[] | undefined }[] = [
    { path: ["identity", "allow"], rules: allow },
    ...Object.entries(config.services).map(([name, service]) => ({
      path: ["services", name, "allow"],
      rules: service.allow,
    })),
  ];
  const problems: ReturnType<typeof identityProblems> = places.flatMap(({ path, rules = [] }) =>
    rules.flatMap((text, index) => {
      const provider = providerOf(text);
      return provider === undefined || names.has(provider)
        ? []
        : [{ path: [...path, index], message: `no provider is named "${provider}"` }];
    }),
  );
  const open = providers.find(({ type }) => type !== "local");
  if (open && allow === undefined) {
    const message = `name who may come in: without it everybody who has an account at ${open.name} could`;
    problems.push({ path: ["identity", "allow"], message });
  }
  return problems;
}

function providerOf(text: string): string | undefined {
  let rule: AllowRule;
  try {
    rule = parseRule(text);
  } catch {
    return undefined; // said already
  }
  return rule.kind === "email" ? undefined : rule.provider;
}
