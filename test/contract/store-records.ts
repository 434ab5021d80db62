/**
 * Records as small as their types allow.
 */
import type { ClientRecord } from "../../src/server/store/client-records.ts";
import type { AccessTokenRecord, GrantRecord, InteractionRecord, Records, RefreshTokenRecord } from "../../src/server/store/records.ts"; // prettier-ignore

const RESOURCE = "https://gw.example.com/files/mcp";

export function client(clientId: string): ClientRecord {
  return {
    clientId,
    metadata: {
      redirect_uris: ["http://127.0.0.1/callback"],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    registeredAt: 1_767_225_600,
    via: "registration",
  };
}

export function grant(grantId: string, clientId: string, subject = "local:ada"): GrantRecord {
  return {
    grantId,
    clientId,
    subject,
    resource: RESOURCE,
    scopes: ["mcp"],
    identity: { subject },
    createdAt: 1_767_225_600,
    expiresAt: 1_782_777_600,
  };
}

export function accessToken(members: Partial<AccessTokenRecord> = {}): AccessTokenRecord {
  return {
    tokenId: "t",
    grantId: "g",
    clientId: "a",
    subject: "local:ada",
    resource: RESOURCE,
    scopes: ["mcp"],
    issuedAt: 1_767_225_600,
    expiresAt: 1_767_229_200,
    ...members,
  };
}

export function refreshToken(grantId: string): RefreshTokenRecord {
  return { grantId, clientId: "a", issuedAt: 1_767_225_600, expiresAt: 1_769_817_600 };
}

export function interaction(): InteractionRecord {
  return {
    clientId: "a",
    redirectUri: "http://127.0.0.1/callback",
    redirectUriWasSent: true,
    codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    resource: RESOURCE,
    scopes: ["mcp"],
    csrf: "c",
  };
}

const AT = 1_767_225_600;
const SEALED = { secretId: "s", salt: "a", nonce: "b", text: "c" };

/** One of every kind: a kind without one does not compile. */
export const SAMPLES: Readonly<Records> = {
  client: client("a"),
  recentRegistration: { clientId: "a" },
  metadataDocument: { clientId: "a", fetchedAt: AT, freshUntil: AT + 60, isInUse: false },
  grant: grant("g", "a"),
  consent: {
    subject: "local:ada",
    clientId: "a",
    resource: RESOURCE,
    scopes: ["mcp"],
    shown: "s",
    givenAt: AT,
  },
  authorizationCode: {
    grantId: "g",
    clientId: "a",
    redirectUri: "http://127.0.0.1/callback",
    redirectUriWasSent: true,
    codeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    resource: RESOURCE,
    scopes: ["mcp"],
    expiresAt: AT + 60,
  },
  accessToken: accessToken(),
  refreshToken: refreshToken("g"),
  interaction: interaction(),
  pushedRequest: { clientId: "a", interaction: interaction(), isSilent: false },
  deviceCode: {
    clientId: "a",
    resource: RESOURCE,
    scopes: ["mcp"],
    userCodeId: "u",
    status: "pending",
    interval: 5,
    expiresAt: AT + 600,
  },
  userCode: { device: "d" },
  loginSession: { identity: { subject: "local:ada" }, provider: "local", createdAt: AT },
  usedAssertion: { usedAt: AT },
  mcpSession: {
    owner: "p",
    service: "files",
    configuration: "c",
    subject: "local:ada",
    clientId: "a",
    grantId: "g",
    resource: RESOURCE,
    introduction: { protocolVersion: "2025-11-25" },
    answer: "d",
    subscriptions: ["file:///a"],
    openedAt: AT,
  },
  gatewayProcess: { beats: 1 },
  signingKey: { kid: "k", algorithm: "ES256", sealedJwk: SEALED, createdAt: AT },
  keyRing: { version: "v", kids: ["k"] },
  account: {
    name: "ada",
    createdAt: AT,
    credential: "c",
    password: {
      algorithm: "scrypt",
      cost: 16_384,
      blockSize: 8,
      parallelization: 1,
      salt: "s",
      hash: "h",
    },
    invitation: { id: "i", expiresAt: AT + 60 },
  },
  invitation: { account: "ada" },
  passkey: {
    account: "ada",
    label: "Laptop",
    credentialId: "c",
    publicKey: "p",
    counter: 0,
    createdAt: AT,
  },
  passkeyChallenge: { nonce: "n", userHandle: "u" },
  credential: {
    subject: "local:ada",
    service: "files",
    version: "v",
    values: { TOKEN: { sealed: SEALED, setAt: AT } },
  },
};
