/**
 * Records as small as their types allow.
 */
import type { ClientRecord } from "../../src/server/store/client-records.ts";
import type { AccessTokenRecord, GrantRecord, InteractionRecord, RefreshTokenRecord } from "../../src/server/store/records.ts"; // prettier-ignore

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
