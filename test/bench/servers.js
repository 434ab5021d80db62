/**
 * The peers of the bench, each as small as it can be: `node servers.js <name>`; prints one line of JSON when it listens.
 */
import { createServer } from "node:http";

const SECRET = "s".repeat(43);

const peers = {
  /** What Node itself can do: a handler that answers 204 and does nothing. */
  async bare() {
    const server = createServer((_request, response) => {
      response.writeHead(204);
      response.end();
    });
    return { server };
  },

  /** oidc-provider with its memory adapter: JWT access tokens (ES256), rotating refresh tokens, open registration. */
  async oidcProvider() {
    const [{ Provider }, { generateKeyPair, exportJWK }] = await Promise.all([
      import("oidc-provider"),
      import("jose"),
    ]);
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "bench" };
    const provider = new Provider("http://127.0.0.1:0", {
      jwks: { keys: [jwk] },
      scopes: ["mcp", "openid", "offline_access"],
      features: {
        registration: { enabled: true },
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => "http://resource.test/mcp",
          useGrantedResource: () => true,
          getResourceServerInfo: (_context, resource) => ({
            scope: "mcp",
            audience: resource,
            // Its JWTs cannot be introspected; ours can.
            accessTokenFormat: resource.endsWith("/opaque") ? "opaque" : "jwt",
            accessTokenTTL: 3600,
            jwt: { sign: { alg: "ES256" } },
          }),
        },
      },
      rotateRefreshToken: true,
      pkce: { required: () => true },
      findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
      clients: [
        {
          client_id: "bench",
          token_endpoint_auth_method: "none",
          redirect_uris: ["http://127.0.0.1/callback"],
          grant_types: ["authorization_code", "refresh_token"],
          application_type: "native",
          id_token_signed_response_alg: "ES256",
        },
        {
          client_id: "program",
          client_secret: SECRET,
          token_endpoint_auth_method: "client_secret_post",
          redirect_uris: [],
          response_types: [],
          grant_types: ["client_credentials"],
          id_token_signed_response_alg: "ES256",
        },
      ],
    });
    provider.on("server_error", (_context, error) => console.error(error));
    const refreshTokens = await Promise.all(
      Array.from({ length: 16 }, () => refreshToken(provider)),
    );
    const program = { id: "program", secret: SECRET };
    return { server: createServer(provider.callback()), clientId: "bench", refreshTokens, program };
  },
};

/** A refresh token as a finished login would have left it. */
async function refreshToken(provider) {
  const client = await provider.Client.find("bench");
  const grant = new provider.Grant({ accountId: "person", clientId: "bench" });
  grant.addOIDCScope("offline_access");
  grant.addResourceScope("http://resource.test/mcp", "mcp");
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId: "person",
    client,
    grantId,
    gty: "authorization_code",
    scope: "offline_access mcp", // without openid: no ID token to sign, as on our side
    resource: "http://resource.test/mcp",
    authTime: Math.floor(Date.now() / 1000),
  });
  return token.save();
}

const { server, ...facts } = await peers[process.argv[2]]();
server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url, ...facts }));
});
process.on("SIGTERM", () => process.exit(0));
