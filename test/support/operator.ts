/**
 * What an operator does beside a gateway that runs: register clients over the control socket, as `client register` does.
 */
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from "jose";
import { connectControl } from "../../src/control.ts";
import type { RegisteredClient, RegisterClient } from "../../src/control/answers.ts";
import { randomId } from "../../src/random.ts";
import { basicAuth, requestToken, type Fields } from "./raw-client.ts";
import type { TestGateway } from "./gateway.ts";

export const registerByCommand = (
  gateway: TestGateway,
  client: RegisterClient,
): Promise<RegisteredClient> => connectControl(gateway.stateDirectory).registerClient(client);

/** A program with a secret that may call the service `echo` for itself. */
export const registerProgram = (
  gateway: TestGateway,
  client: RegisterClient = {},
): Promise<RegisteredClient> =>
  registerByCommand(gateway, {
    name: "Program",
    grantTypes: ["client_credentials"],
    services: ["echo"],
    authMethod: "client_secret_basic",
    ...client,
  });

export const secretOf = ({ clientId, clientSecret = "" }: RegisteredClient) =>
  basicAuth(clientId, clientSecret);

export const credentialsToken = (
  gateway: TestGateway,
  client: RegisteredClient,
  fields: Fields = {},
): Promise<Response> =>
  requestToken(gateway, { grant_type: "client_credentials", ...fields }, secretOf(client));

/** A key pair whose private part stays here. */
export interface Signer {
  publicJwk: JWK;
  sign(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export async function createSigner(alg = "ES256", kid?: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    publicJwk: { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) },
    sign: (claims, header = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header })
        .sign(privateKey),
  };
}

/** What a client says of itself in a client assertion that is in order, but for `claims`; undefined leaves one out. */
export function assertionClaims(
  gateway: TestGateway,
  clientId: string,
  claims: Record<string, unknown> = {},
): JWTPayload {
  const now = Math.floor(gateway.clock.now());
  const { url } = gateway;
  const whole = {
    iss: clientId,
    sub: clientId,
    aud: url,
    iat: now,
    exp: now + 60,
    jti: randomId(),
    ...claims,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

export const assertionForm = (assertion: string, fields: Fields = {}): Fields => ({
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: assertion,
  ...fields,
});
