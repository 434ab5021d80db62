/**
 * A small OpenID provider that does as it is told, the wrong things above all. Who comes is let in at once.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";

export const OIDC_APP = { clientId: "gateway", clientSecret: "oidc-secret-of-the-test" };

export interface HostileOidc {
  issuer: string;
  /** Claims of the next ID tokens, over the right ones; undefined leaves one out. */
  claims: Record<string, unknown>;
  userinfo: Record<string, unknown>;
  /** Over the right discovery document. */
  discovery: Record<string, unknown>;
  /** How the next ID tokens are signed. */
  signing: "right" | "none" | "HS256" | "unknown kid" | "wrong key";
  /** Parameters of the next redirects back, over the right ones. */
  answer: Record<string, string>;
  /** How paths that contain this text fail. */
  fault: { path: string; how: "500" | "html" | "large" | "redirect" | "refused" } | undefined;
  asked: { path: string; fields: URLSearchParams }[];
  /** Access and ID tokens given out. */
  tokens: string[];
  close(): Promise<void>;
}

export async function startHostileOidc(): Promise<HostileOidc> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const { privateKey: otherKey } = await generateKeyPair("ES256");
  const nonces = new Map<string, string>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => void answer(request.method ?? "", request.url ?? "/", body, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const oidc: HostileOidc = {
    issuer,
    claims: {},
    userinfo: { sub: "ada" },
    discovery: {},
    signing: "right",
    answer: {},
    fault: undefined,
    asked: [],
    tokens: [],
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };

  async function answer(
    method: string,
    path: string,
    body: string,
    response: ServerResponse,
  ): Promise<void> {
    const url = new URL(path, issuer);
    const fields = method === "POST" ? new URLSearchParams(body) : url.searchParams;
    oidc.asked.push({ path: url.pathname, fields });
    if (oidc.fault && url.pathname.includes(oidc.fault.path)) return fail(response);
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return send(response, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          userinfo_endpoint: `${issuer}/userinfo`,
          id_token_signing_alg_values_supported: ["ES256", "HS256", "none"],
          authorization_response_iss_parameter_supported: true,
          ...oidc.discovery,
        });
      case "/jwks":
        return send(response, {
          keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", use: "sig", kid: "k1" }],
        });
      case "/authorize":
        return authorize(fields, response);
      case "/token":
        return send(response, await redeem(fields));
      default:
        send(response, oidc.userinfo);
    }
  }

  function authorize(fields: URLSearchParams, response: ServerResponse): void {
    const code = `code-${nonces.size}`;
    nonces.set(code, fields.get("nonce") ?? "");
    const back = new URL(fields.get("redirect_uri")!);
    const right = { code, state: fields.get("state")!, iss: issuer };
    for (const [name, value] of Object.entries({ ...right, ...oidc.answer })) {
      if (value !== "") back.searchParams.set(name, value);
    }
    response.writeHead(302, { location: back.href }).end();
  }

  async function redeem(fields: URLSearchParams): Promise<object> {
    const now = Math.floor(Date.now() / 1000);
    const accessToken = `access-token-of-the-provider-${oidc.tokens.length}`;
    const hash = createHash("sha256").update(accessToken).digest();
    const claims: JWTPayload = {
      iss: issuer,
      sub: "ada",
      aud: OIDC_APP.clientId,
      iat: now,
      exp: now + 300,
      nonce: nonces.get(fields.get("code") ?? ""),
      at_hash: hash.subarray(0, 16).toString("base64url"),
      ...oidc.claims,
    };
    const token = await sign(claims);
    oidc.tokens.push(token, accessToken);
    return { access_token: accessToken, token_type: "Bearer", expires_in: 300, id_token: token };
  }

  function sign(claims: JWTPayload): Promise<string> | string {
    const { signing } = oidc;
    if (signing === "none") return new UnsecuredJWT(claims).encode();
    const kid = signing === "unknown kid" ? `k${oidc.tokens.length + 2}` : "k1";
    if (signing === "HS256") {
      const key = new TextEncoder().encode(OIDC_APP.clientSecret.padEnd(32));
      return new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid }).sign(key);
    }
    const key = signing === "wrong key" ? otherKey : privateKey;
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(key);
  }

  function fail(response: ServerResponse): void {
    switch (oidc.fault!.how) {
      case "500":
        return send(response, {}, 500);
      case "refused":
        return send(response, { error: "invalid_client" }, 401);
      case "html":
        return void response.writeHead(200, { "content-type": "text/html" }).end("<h1>Hi</h1>");
      case "large":
        return send(response, { x: "x".repeat(10_000_000) });
      case "redirect":
        return void response.writeHead(307, { location: "http://169.254.169.254/" }).end();
    }
  }

  return oidc;
}

function send(response: ServerResponse, body: object, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
