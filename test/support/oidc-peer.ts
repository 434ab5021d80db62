/**
 * oidc-provider as a second authorization server with our policy: PKCE, rotating refresh tokens, one resource, open
 * registration, codes only. A person who always says yes stands behind it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
// @ts-expect-error -- it comes without types
import { errors, Provider as UntypedProvider } from "oidc-provider";
import { peerOf, probePeer, registerAt, type Peer } from "./differential.ts";
import { startGateway } from "./gateway.ts";
import type { RawClient } from "./raw-client.ts";

const PEER_RESOURCE = "https://resource.example/mcp";

/** The parts of oidc-provider used here. */
interface Provider {
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  Grant: new (of: { accountId: string; clientId: string }) => {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  };
  interactionDetails(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<{ params: Record<string, string | undefined> }>;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
  ): Promise<void>;
  on(event: "server_error", listener: (context: unknown, error: unknown) => void): void;
}

/** This gateway and oidc-provider, with the same clients. */
export interface Pair {
  /** Ours first. */
  peers: [Peer, Peer];
  clientOf(peer: Peer, kind: string): RawClient;
  close(): Promise<void>;
}

/** @param metadata what is registered at both, by a name of the test's own */
export async function startPair(
  metadata: Record<string, Record<string, unknown>> = {},
): Promise<Pair> {
  const [gateway, oidc] = await Promise.all([startGateway(), startOidcPeer()]);
  const peers: [Peer, Peer] = [await peerOf(gateway), oidc];
  const clients = new Map<string, RawClient>();
  for (const peer of peers) {
    for (const [kind, members] of Object.entries(metadata)) {
      clients.set(`${peer.name} ${kind}`, await registerAt(peer, members));
    }
  }
  return {
    peers,
    clientOf: (peer, kind) => clients.get(`${peer.name} ${kind}`)!,
    async close() {
      await Promise.all([gateway.close(), oidc.close()]);
    },
  };
}

async function startOidcPeer(): Promise<Peer & { close(): Promise<void> }> {
  const provider = await startOidcProvider(PEER_RESOURCE);
  const { issuer } = provider;
  const peer = await probePeer("oidc-provider", issuer, PEER_RESOURCE, () => undefined);
  return { ...peer, close: () => provider.close() };
}

/** @param resource the one it gives tokens for */
export async function startOidcProvider(
  resource: string,
): Promise<{ issuer: string; close(): Promise<void> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const failures: unknown[] = [];
  const provider = await createProvider(issuer, resource);
  provider.on("server_error", (_context, error) => failures.push(error));
  const answer = provider.callback();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith("/interaction/") !== true) return answer(request, response);
    sayYes(provider, resource, request, response).catch((error: unknown) => {
      failures.push(error);
      response.writeHead(500).end();
    });
  });
  return {
    issuer,
    async close() {
      await close(server);
      if (failures.length > 0) throw new AggregateError(failures, "the peer itself failed");
    },
  };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

/** Log in and consent in one step, to whatever is asked. */
async function sayYes(
  provider: Provider,
  resource: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { params } = await provider.interactionDetails(request, response);
  const accountId = "person";
  const grant = new provider.Grant({ accountId, clientId: params["client_id"]! });
  grant.addOIDCScope("openid offline_access");
  grant.addResourceScope(resource, "mcp");
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, {
    login: { accountId },
    consent: { grantId },
  });
}

async function createProvider(issuer: string, own: string): Promise<Provider> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "peer" };
  return new UntypedProvider(issuer, {
    jwks: { keys: [jwk] },
    cookies: { keys: ["a key of this test only"], long: { signed: true, sameSite: "none" } },
    enableHttpPostMethods: true,
    scopes: ["offline_access"],
    responseTypes: ["code"],
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
    clientDefaults: { id_token_signed_response_alg: "ES256" },
    enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
    clientBasedCORS: () => true,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_context: unknown, client: { grantTypeAllowed(name: string): boolean }) =>
      client.grantTypeAllowed("refresh_token"),
    expiresWithSession: () => false,
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => own,
        useGrantedResource: () => true,
        getResourceServerInfo(_context: unknown, resource: string) {
          if (resource !== own) throw new errors.InvalidTarget();
          return {
            scope: "mcp",
            audience: resource,
            accessTokenFormat: "jwt",
            accessTokenTTL: 3600,
            jwt: { sign: { alg: "ES256" } },
          };
        },
      },
    },
    ttl: { AuthorizationCode: 60, AccessToken: 3600, RefreshToken: 2_592_000 },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId }),
    }),
  });
}
