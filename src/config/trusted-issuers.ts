/**
 * Identity providers whose word about a person is enough (ID-JAG, enterprise-managed authorization).
 */
import { z } from "zod";

/** @param secureUrl what leaves this program only by https */
export const trustedIssuers = (secureUrl: z.ZodType<string, string>) =>
  z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63")
          .describe("Begins the subject of everybody it names: <name>:<sub>."),
        issuer: secureUrl.describe("Its issuer identifier, exactly as it stands in iss."),
        jwksUri: secureUrl.describe("Where its public keys are. May be inside your network."),
      }),
    )
    .default([])
    .describe(
      "Identity providers whose signed assertions (ID-JAG) let their people in through a registered client, without login or consent here.",
    );
