/**
 * The two ceremonies of Web Authentication (Level 3): a device makes a key for this gateway, and signs with it. What a browser
 * brings of them is checked here, against the challenge it was given; nothing is kept.
 *
 * The device must have verified the person (fingerprint, face, PIN), so a passkey is two factors in one. Who made the device is
 * not asked: an answer that proves it all the same is refused, because its certificates name addresses to look at.
 *
 * The library is loaded at the first use: it is most of a start's time, and many gateways have no passkeys.
 */
import { z } from "zod";
import { canHavePasskeys } from "../../config/accounts.ts";
import type { Config } from "../../config.ts";
import { OAuthError } from "../../errors.ts";
import type { PasskeyRecord } from "../store/passkey-records.ts";

/** Whose the passkeys are: the host name and the origin of the gateway. */
export interface RelyingParty {
  id: string;
  origin: string;
}

/** COSE (RFC 9053): Ed25519, ECDSA with P-256, RSA. */
export const ALGORITHMS = [-8, -7, -257] as const;

/** @returns undefined when this gateway takes none */
export function relyingPartyOf(config: Config): RelyingParty | undefined {
  const { hostname, origin } = new URL(config.publicUrl);
  const provider = config.identity.providers.find(({ type }) => type === "accounts");
  const isOff = provider?.type !== "accounts" || provider.passkeys === false;
  return isOff || !canHavePasskeys(config.publicUrl) ? undefined : { id: hostname, origin };
}

const base64url = z.string().regex(/^[\w-]+$/);
const common = { id: base64url, rawId: base64url, type: z.literal("public-key") };
const assertionSchema = z.object({
  ...common,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url,
  }),
});
const creationSchema = z.object({
  ...common,
  response: z.object({ clientDataJSON: base64url, attestationObject: base64url }),
});

export type Assertion = z.output<typeof assertionSchema>;

/** @param text JSON, as the script of the page wrote it @throws OAuthError access_denied */
export function parseAssertion(text: string): Assertion {
  return parse(assertionSchema, text);
}

/**
 * @param seen the passkey it says it is of
 * @returns how often that one has signed by now
 * @throws OAuthError access_denied when it was not made with this key for this challenge, host and origin
 */
export async function checkAssertion(
  party: RelyingParty,
  assertion: Assertion,
  challenge: string,
  seen: PasskeyRecord,
): Promise<number> {
  const { verifyAuthenticationResponse } = await import("@simplewebauthn/server");
  const { authenticationInfo } = await verified(
    verifyAuthenticationResponse({
      response: { ...assertion, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
      // The counter is for us to look at, once the signature is known to be right.
      credential: {
        id: seen.credentialId,
        publicKey: Buffer.from(seen.publicKey, "base64url"),
        counter: 0,
      },
    }),
  );
  return authenticationInfo.newCounter;
}

export interface CreatedPasskey {
  credentialId: string;
  publicKey: string;
  counter: number;
  /** Which make of device or program it is; zeros when it does not say. */
  aaguid: string;
}

/** @param text JSON, as the script of the page wrote it @throws OAuthError access_denied like `checkAssertion` */
export async function checkCreation(
  party: RelyingParty,
  text: string,
  challenge: string,
): Promise<CreatedPasskey> {
  const creation = parse(creationSchema, text);
  const { verifyRegistrationResponse } = await import("@simplewebauthn/server");
  const { decodeAttestationObject } = await import("@simplewebauthn/server/helpers");
  const { registrationInfo } = await verified(
    (async () => {
      const object = Buffer.from(creation.response.attestationObject, "base64url");
      const attestation = decodeAttestationObject(new Uint8Array(object));
      const format = attestation.get("fmt");
      const isSelf = format === "packed" && attestation.get("attStmt").get("x5c") === undefined;
      if (format !== "none" && !isSelf) throw new Error(`attestation ${format} was not asked for`);
      return verifyRegistrationResponse({
        response: { ...creation, clientExtensionResults: {} },
        expectedChallenge: challenge,
        expectedOrigin: party.origin,
        expectedRPID: party.id,
        requireUserVerification: true,
        supportedAlgorithmIDs: [...ALGORITHMS],
      });
    })(),
  );
  const { credential, aaguid } = registrationInfo!;
  const publicKey = Buffer.from(credential.publicKey).toString("base64url");
  return { credentialId: credential.id, publicKey, counter: credential.counter, aaguid };
}

export function passkeyRefused(detail: string, cause?: unknown): OAuthError {
  const description = "This passkey could not be checked. Try again, or use your password";
  return new OAuthError("access_denied", description, { detail, cause });
}

/** What the library says no to is the person's to repeat, and its reason the log's. */
async function verified<T extends { verified: boolean }>(check: Promise<T>): Promise<T> {
  const result = await check.catch((error: unknown) => {
    // It quotes what came and what was given.
    const reason = (error as Error).message.replaceAll(/[\w-]{43,}/g, "...").slice(0, 300);
    throw passkeyRefused(`passkey: ${reason}`, error);
  });
  if (!result.verified) throw passkeyRefused("passkey: the signature is not its own");
  return result;
}

function parse<T>(schema: z.ZodType<T>, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw passkeyRefused("passkey: the answer is not one of a passkey");
}
