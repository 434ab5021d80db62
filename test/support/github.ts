/**
 * A GitHub-shaped server: an OAuth app with PKCE, and the parts of the API that tell who somebody is. The person at it says yes
 * to everything, unless told.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export const APP = { clientId: "app-of-the-test", clientSecret: "github-secret-of-the-test" };

export interface GitHub {
  baseUrl: string;
  /** Who is logged in there now. */
  person: {
    id: number;
    login: string;
    name: string | null;
    emails: { email: string; primary: boolean; verified: boolean }[];
    /** State of the membership, by `acme` or `acme/platform`. */
    memberships: Record<string, "active" | "pending">;
  };
  /** What the person, or the app's owner, makes of the next authorization requests. */
  answer: "yes" | "access_denied" | "application_suspended" | "no-scopes";
  /** How paths that contain this text fail. */
  fault:
    | {
        path: string;
        how: "500" | "403" | "401" | "limited" | "html" | "large" | "redirect" | "slow";
      }
    | undefined;
  /** Everything that was asked, with its query or form. */
  asked: { path: string; fields: URLSearchParams; authorization: string | undefined }[];
  /** Access tokens given out. */
  tokens: string[];
  close(): Promise<void>;
}

/** @param site where others find it; on loopback without */
export async function startGitHub(site?: {
  host: string;
  address: string;
  certificate: { certFile: string; keyFile: string };
}): Promise<GitHub> {
  const codes = new Map<string, { challenge: string; redirectUri: string; scope: string }>();
  const listener: RequestListener = (request, response) => void answer(request, response);
  const server = site
    ? createTlsServer(
        {
          cert: readFileSync(site.certificate.certFile),
          key: readFileSync(site.certificate.keyFile),
        },
        listener,
      )
    : createServer(listener);
  server.listen(0, site?.address ?? "127.0.0.1");
  await once(server, "listening");
  const github: GitHub = {
    baseUrl: `${site ? `https://${site.host}` : "http://127.0.0.1"}:${(server.address() as AddressInfo).port}`,
    person: { id: 583_231, login: "octocat", name: "The Octocat", emails: [], memberships: {} },
    answer: "yes",
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

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", github.baseUrl);
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const fields = request.method === "POST" ? new URLSearchParams(body) : url.searchParams;
    const { authorization } = request.headers;
    github.asked.push({ path: url.pathname, fields, authorization });
    if (github.fault && url.pathname.includes(github.fault.path)) return fail(response);
    if (url.pathname === "/login/oauth/authorize") return authorize(fields, response);
    if (url.pathname === "/login/oauth/access_token") return send(response, 200, redeem(fields));
    if (!github.tokens.includes(authorization?.replace("Bearer ", "") ?? "")) {
      return send(response, 401, { message: "Bad credentials" });
    }
    const found = api(url.pathname.replace(/^\/api\/v3/, ""));
    send(response, found === undefined ? 404 : 200, found ?? { message: "Not Found" });
  }

  function authorize(fields: URLSearchParams, response: ServerResponse): void {
    const back = new URL(fields.get("redirect_uri")!);
    back.searchParams.set("state", fields.get("state")!);
    if (github.answer === "yes" || github.answer === "no-scopes") {
      const code = randomBytes(10).toString("hex");
      codes.set(code, {
        challenge: fields.get("code_challenge")!,
        redirectUri: fields.get("redirect_uri")!,
        scope: github.answer === "yes" ? fields.get("scope")!.replaceAll(" ", ",") : "",
      });
      back.searchParams.set("code", code);
    } else {
      back.searchParams.set("error", github.answer);
      back.searchParams.set("error_description", "<script>alert(1)</script>");
    }
    response.writeHead(302, { location: back.href }).end();
  }

  function redeem(fields: URLSearchParams): object {
    if (fields.get("client_secret") !== APP.clientSecret) {
      return { error: "incorrect_client_credentials" };
    }
    const code = codes.get(fields.get("code") ?? "");
    codes.delete(fields.get("code") ?? "");
    const challenge = createHash("sha256")
      .update(fields.get("code_verifier") ?? "")
      .digest("base64url");
    const isRight =
      code?.challenge === challenge && code.redirectUri === fields.get("redirect_uri");
    if (!code || !isRight) return { error: "bad_verification_code" };
    const token = `gho_${randomBytes(18).toString("hex")}`;
    github.tokens.push(token);
    return { access_token: token, token_type: "bearer", scope: code.scope };
  }

  function api(path: string): unknown {
    const { id, login, name, emails, memberships } = github.person;
    if (path === "/user") return { id, login, name, email: "shown@evil.example" };
    if (path === "/user/emails") return emails;
    const [, org] = /^\/user\/memberships\/orgs\/([^/]+)$/.exec(path) ?? [];
    const [, of, team, who] =
      /^\/orgs\/([^/]+)\/teams\/([^/]+)\/memberships\/([^/]+)$/.exec(path) ?? [];
    const place = org ?? (who === login ? `${of}/${team}` : "");
    const state = memberships[place];
    return state && { state };
  }

  function fail(response: ServerResponse): void {
    switch (github.fault!.how) {
      case "500":
        return send(response, 500, { message: "Server Error" });
      case "401":
        return send(response, 401, { message: "Bad credentials" });
      case "403":
        return send(response, 403, { message: "Resource protected by organization SAML" });
      case "limited":
        response.setHeader("x-ratelimit-remaining", "0");
        return send(response, 403, { message: "API rate limit exceeded" });
      case "html":
        return void response
          .writeHead(200, { "content-type": "text/html" })
          .end("<h1>Unicorn</h1>");
      case "large":
        return send(response, 200, { name: "x".repeat(10_000_000) });
      case "redirect":
        return void response.writeHead(307, { location: "http://169.254.169.254/" }).end();
      case "slow":
        return;
    }
  }

  return github;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
