/**
 * Client authentication wherever a client asks for itself (token, revocation, introspection, pushed requests), RFC 6749 §2.3.
 *
 * A client authenticates by exactly the method it registered: `none` is its id in the form, `client_secret_post` its id and
 * secret in the form, `client_secret_basic` both in the Authorization header, `private_key_jwt` a JWT it has signed
 * (client-assertion.ts). An unknown client, a wrong secret and a wrong method give one and the same answer, those without a
 * signature in the same time. Two methods at once are refused before anything is looked up (§2.3).
 */
import type { Request, RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import { digest, equalInConstantTime } from "../../random.ts";
import type { ServerContext } from "../context.ts";
import type { ClientMetadata, ClientRecord } from "../store/client-records.ts";
import {
  CLIENT_ASSERTION_TYPE,
  checkClientAssertion,
  clientOfAssertion,
} from "./client-assertion.ts";
import { findClient } from "./client.ts";
import { decode, formOf } from "./form.ts";

interface Credentials {
  clientId: string;
  /** Or the assertion; empty for `none`. */
  secret: string;
  method: ClientMetadata["token_endpoint_auth_method"];
}

/** The step; `clientOf` gives the client to the steps behind. Needs the form. */
export function clientAuthentication(context: ServerContext): RequestHandler {
  return async (request, response, next) => {
    const { clientId, secret, method } = readCredentials(request, formOf(response));
    const client = await findClient(context, clientId, request);
    // Hash first: equal time whether or not the client exists.
    const isRightSecret = equalInConstantTime(digest(secret), client?.secretDigest ?? digest(""));
    const isRightMethod = client !== undefined && methodsOf(client).includes(method);
    const needsSecret = method === "client_secret_basic" || method === "client_secret_post";
    if (!client || !isRightMethod || (needsSecret && !isRightSecret)) {
      throw invalidClient(client ? `wrong secret or method ${method}` : "unknown client");
    }
    if (method === "private_key_jwt") await checkClientAssertion(context, client, secret);
    response.locals["client"] = client;
    next();
  };
}

export function clientOf(response: Response): ClientRecord {
  const client: ClientRecord = response.locals["client"];
  return client;
}

/** Whom a request that may have failed is from, by its own word. */
export function claimedClient(request: Request, response: Response): string | undefined {
  const client: ClientRecord | undefined = response.locals["client"];
  const form: ReadonlyMap<string, string> | undefined = response.locals["form"];
  const basic = parseBasic(request.headers.authorization ?? "");
  return client?.clientId ?? form?.get("client_id") ?? basic?.clientId;
}

function methodsOf({ metadata }: ClientRecord): readonly Credentials["method"][] {
  return metadata.token_endpoint_auth_methods_supported ?? [metadata.token_endpoint_auth_method];
}

function readCredentials(request: Request, form: ReadonlyMap<string, string>): Credentials {
  const header = authorizationHeader(request);
  const clientId = form.get("client_id");
  const secret = form.get("client_secret");
  const isAssertion = form.has("client_assertion") || form.has("client_assertion_type");
  if ([header, secret, isAssertion || undefined].filter((way) => way !== undefined).length > 1) {
    throw new OAuthError("invalid_request", "Authenticate in one way, not in two");
  }
  if (isAssertion) return readAssertion(form, clientId);
  if (header !== undefined) {
    const basic = parseBasic(header);
    if (!basic) throw invalidClient("malformed Authorization header");
    if (clientId !== undefined && clientId !== basic.clientId) {
      throw new OAuthError("invalid_request", "The header and the form name different clients");
    }
    return { ...basic, method: "client_secret_basic" };
  }
  if (clientId === undefined) throw invalidClient("no client_id");
  return secret === undefined
    ? { clientId, secret: "", method: "none" }
    : { clientId, secret, method: "client_secret_post" };
}

/** RFC 7521 §4.2: `client_id` may be left out, but not be another one. */
function readAssertion(
  form: ReadonlyMap<string, string>,
  clientId: string | undefined,
): Credentials {
  if (form.get("client_assertion_type") !== CLIENT_ASSERTION_TYPE) {
    throw invalidClient("another client_assertion_type");
  }
  const secret = form.get("client_assertion") ?? "";
  const claimed = clientOfAssertion(secret);
  if (claimed === undefined) throw invalidClient("the client assertion names no client");
  if (clientId !== undefined && clientId !== claimed) {
    throw new OAuthError("invalid_request", "The assertion and the form name different clients");
  }
  return { clientId: claimed, secret, method: "private_key_jwt" };
}

/** Node keeps the first of several without a word; what a proxy in front saw may be another one. */
function authorizationHeader(request: Request): string | undefined {
  const count = request.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === "authorization",
  ).length;
  if (count > 1) throw new OAuthError("invalid_request", "More than one Authorization header");
  return request.headers.authorization;
}

/**
 * The credentials of `Authorization: Basic`, RFC 7617, where id and secret are form-encoded first (RFC 6749 §2.3.1).
 * @returns undefined when it is anything else
 */
export function parseBasic(header: string): { clientId: string; secret: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header) ?? [];
  if (encoded === undefined) return undefined;
  try {
    const bytes = Buffer.from(encoded, "base64");
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = text.indexOf(":");
    if (colon < 1) return undefined;
    return { clientId: decode(text.slice(0, colon)), secret: decode(text.slice(colon + 1)) };
  } catch {
    return undefined; // not UTF-8, or a broken escape
  }
}

function invalidClient(detail: string): OAuthError {
  return new OAuthError("invalid_client", "Client authentication failed", { detail });
}
