/**
 * What of a service may be used: lists of tools, resources and prompts, what arguments may say, and policies for groups of
 * people and clients. The decisions are made in src/policy/.
 */
import { z } from "zod";
import { isLoopbackHost } from "./values.ts";
import { isPlainPath } from "../policy/path.ts";
import { isPlainUri } from "../policy/uri.ts";
import { allowRules } from "./identity.ts";

const namePattern = z
  .string()
  .regex(
    /^[\x21-\x7e]{1,128}$/,
    "a name of visible ASCII characters, in which * stands for anything",
  );

const uriPattern = z
  .string()
  .regex(
    /^[\x21-\x7e]{1,2048}$/,
    "a URI of visible ASCII characters, in which * stands for anything",
  )
  .refine(
    isPlainUri,
    "has . or .. between slashes, in some spelling: nothing with these is ever allowed",
  );

function lists(pattern: z.ZodType<string>, what: string) {
  const several = z.array(pattern).optional();
  return z
    .strictObject({
      allow: several.describe(`${what} that may be used; without it all, and [] is none.`),
      deny: several.describe("Exceptions from that. They win, in whatever case they are written."),
    })
    .refine(({ allow, deny }) => allow ?? deny, "name what to allow or to deny");
}

const argumentRule = z.union([
  z
    .strictObject({
      prefix: z
        .array(
          z
            .string()
            .refine(isPlainPath, "an absolute path without . or .. or %, such as /srv/files"),
        )
        .min(1)
        .describe(
          "Folders; the argument must be an absolute path in one of them, or a list of such.",
        ),
    })
    .describe("A path, or several."),
  z
    .strictObject({
      values: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1)
        .describe("Exactly what it may be, or the members of a list."),
    })
    .describe("One of these values."),
]);

/** Members of a service, and of each of its policies. */
export const rules = {
  tools: lists(namePattern, "Tools, by name where * stands for anything,")
    .optional()
    .meta({ examples: [{ allow: ["read_*", "list_*"], deny: ["delete_*"] }] })
    .describe("Which tools may be seen and called."),
  resources: lists(uriPattern, "Resources, by URI where * stands for anything,")
    .optional()
    .describe("Which resources may be seen, read and subscribed to."),
  prompts: lists(namePattern, "Prompts, by name where * stands for anything,")
    .optional()
    .describe("Which prompts may be seen and used."),
  arguments: z
    .record(namePattern, z.record(z.string().min(1), argumentRule))
    .optional()
    .meta({ examples: [{ "*": { path: { prefix: ["/srv/files"] } } }] })
    .describe(
      "What arguments of tools may say, by tool (* stands for anything) and argument. An argument with a rule must be there.",
    ),
};

const client = z
  .string()
  .regex(/^[\x21-\x7e]{1,2048}$/, "a client_id, or redirect:<host>")
  .refine(
    (text) => !text.startsWith("redirect:") || /^redirect:[a-z0-9.-]+(?::\d{1,5})?$/.test(text),
    "write redirect: and a lower-case host, with its port unless 443",
  )
  .refine(
    (text) => !isLoopbackHost(text.replace(/^redirect:|:\d+$/g, "")),
    "every program on every machine has such an address: it names nobody",
  );

const policy = z
  .strictObject({
    for: allowRules
      .min(1)
      .optional()
      .describe("Who it is for, in the words of allow; one match is enough. Without it everybody."),
    clients: z
      .array(client)
      .min(1)
      .optional()
      .describe(
        "And with which client: its client_id, or redirect:<host> when all its redirect URIs are https at that host. Without it any.",
      ),
    ...rules,
  })
  .describe("What some people may use. Members without a list allow all that the service allows.");

export const policies = z
  .array(policy)
  .min(1)
  .optional()
  .describe(
    "What of that each caller may use: what at least one policy that fits the caller allows, and none that fits denies. Whom none fits may use nothing.",
  );

type Rules = { readonly [name in keyof typeof rules]?: z.output<(typeof rules)[name]> };
export type ArgumentRule = z.output<typeof argumentRule>;
export type Policy = z.output<typeof policy>;
/** The part of a service's entry that is about this. */
export type ServiceRules = Rules & { readonly policies?: Policy[] | undefined };
