/**
 * Accounts of the gateway's own: for set-ups in which nobody else knows the people. Each is made by the operator
 * (`mcp-gateway user add`), so nobody else has one.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { duration } from "./values.ts";

/** Part of subjects and allow rules, typed at the login: one spelling, no look-alikes. */
export const ACCOUNT_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export const accountsProvider = (name: z.ZodString | z.ZodType<string, string>) =>
  z
    .strictObject({
      type: z.literal("accounts").describe("Accounts with a password, kept by the gateway."),
      name: name.default("accounts"),
      passwordLength: z
        .int()
        .min(8)
        .max(64)
        .default(12)
        .describe("Fewest characters of a password (NIST SP 800-63B); there are no other rules."),
      invitation: duration
        .prefault("3d")
        .describe("How long the link works at which a person sets a password."),
      passkeys: z
        .boolean()
        .optional()
        .describe(
          "Whether people may add passkeys to their account and log in with them. Unless told, wherever browsers do that: not at an IP address.",
        ),
    })
    .describe("People to whom the operator gave an account with mcp-gateway user add.");

/** A passkey belongs to a host name for ever (WebAuthn §5.1.2); an IP address has none. */
export function canHavePasskeys(publicUrl: string): boolean {
  if (!URL.canParse(publicUrl)) return false;
  const { hostname } = new URL(publicUrl);
  return isIP(hostname.replace(/^\[|\]$/g, "")) === 0;
}
