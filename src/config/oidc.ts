/**
 * An OpenID provider, by its issuer. Presets are data: what is the same for everybody at a well-known provider, so that it need
 * not be looked up. Whatever stands in the configuration goes before the preset.
 */
import { z } from "zod";
import { secretReference, secureUrl } from "./values.ts";

interface Preset {
  issuer?: string;
  scope?: string;
  groupsClaim?: string;
  clientAuth?: "client_secret_basic" | "client_secret_post";
}

const PRESETS = {
  auth0: { clientAuth: "client_secret_post" },
  // The claim email there is whatever somebody typed, so e-mail rules match nobody until emailVerified says otherwise.
  entra: { groupsClaim: "groups", clientAuth: "client_secret_post" },
  gitlab: { issuer: "https://gitlab.com", groupsClaim: "groups" },
  google: { issuer: "https://accounts.google.com" },
  keycloak: { groupsClaim: "groups" },
  okta: { scope: "openid profile email groups", groupsClaim: "groups" },
} as const satisfies Record<string, Preset>;

/** @param name the schema of a provider's name */
export const oidcProvider = (name: z.ZodString) =>
  z
    .strictObject({
      type: z.literal("oidc").describe("Any OpenID provider."),
      name: name.default("oidc"),
      preset: z
        .enum(["auth0", "entra", "gitlab", "google", "keycloak", "okta"])
        .optional()
        .describe(
          "Fills in what is the same for everybody there: scope, groupsClaim, clientAuth; for google and gitlab the issuer, too.",
        ),
      issuer: secureUrl
        .optional()
        .describe("Its issuer identifier; the discovery document is found below it."),
      clientId: z.string().min(1).describe("Client ID this gateway has there."),
      clientSecret: secretReference.describe("Its client secret: ${NAME} or { file }."),
      clientAuth: z
        .enum(["client_secret_basic", "client_secret_post"])
        .optional()
        .describe("How the secret is sent; client_secret_basic unless the preset says otherwise."),
      scope: z
        .string()
        .regex(/^(?:.* )?openid(?: .*)?$/, "must have openid in it")
        .optional()
        .describe("What is asked for; openid profile email unless the preset says otherwise."),
      groupsClaim: z
        .string()
        .min(1)
        .optional()
        .describe("The claim that names a person's groups, for rules group:<provider>/<group>."),
      emailVerified: z
        .enum(["claim", "always"])
        .default("claim")
        .describe(
          "Whether the provider says itself that an e-mail address is verified, by email_verified; always where every address there is.",
        ),
    })
    .describe("People with an account at an OpenID provider. The claim sub is the person.");

export type OidcConfig = z.output<ReturnType<typeof oidcProvider>>;

/** The provider with all that the preset and the defaults fill in. */
export function withPreset(config: OidcConfig) {
  const preset: Preset = config.preset === undefined ? {} : PRESETS[config.preset];
  return {
    ...config,
    issuer: config.issuer ?? preset.issuer,
    scope: config.scope ?? preset.scope ?? "openid profile email",
    groupsClaim: config.groupsClaim ?? preset.groupsClaim,
    clientAuth: config.clientAuth ?? preset.clientAuth ?? "client_secret_basic",
  };
}

/** @returns what is wrong with its issuer */
export function issuerProblem(config: OidcConfig): string | undefined {
  const { issuer } = withPreset(config);
  if (issuer === undefined) return "is needed; only the presets google and gitlab know theirs";
  const { hostname, pathname } = new URL(issuer);
  const isAnybodys = /^\/(?:common|organizations|consumers)(?:\/|$)/.test(pathname);
  return hostname === "login.microsoftonline.com" && isAnybodys
    ? "must name your tenant: any tenant's administrator could name people as they like"
    : undefined;
}
