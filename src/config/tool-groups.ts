/**
 * Scopes for groups of tools, as a service's entry in the configuration names them.
 */
import { z } from "zod";

const scopeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9:._/-]{0,63}$/, "letters, digits and : . _ / - only, at most 64")
  .refine((name) => !OWN_SCOPES.has(name), "has a meaning of its own already");

const OWN_SCOPES: ReadonlySet<string> = new Set([
  "mcp",
  "offline_access",
  "openid",
  "profile",
  "email",
]);

const toolGroup = z
  .strictObject({
    description: z
      .string()
      .min(1)
      .max(200)
      .describe("What a client with it may do; people read it on the consent page."),
    tools: z
      .array(
        z.string().regex(/^[\x21-\x7e]{1,128}$/, "a tool's name, in which * stands for anything"),
      )
      .min(1)
      .describe("Tools that need it, by name; * stands for anything."),
    includes: z
      .array(scopeName)
      .default([])
      .describe("Other scopes of the service that it is as good as."),
  })
  .describe(
    "Tools that need a scope of their own, besides mcp. A tool in several groups needs all of them.",
  );

export const toolGroups = z
  .record(scopeName, toolGroup)
  .superRefine((groups, context) => {
    for (const [name, { includes }] of Object.entries(groups)) {
      const missing = includes.find((other) => !Object.hasOwn(groups, other));
      if (missing === undefined) continue;
      const message = `"${missing}" is not among the scopes of this service`;
      context.addIssue({ code: "custom", path: [name, "includes"], message });
    }
  })
  .describe("Scopes for groups of tools, by name, such as files:write.");
