/**
 * The public keys that verify our access tokens, RFC 7517 §5, at the `jwks_uri` of the metadata.
 */
import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";

export function jwks(context: ServerContext): RequestHandler {
  return (_request, response) => {
    // Short, so that a new key is known everywhere before it signs.
    response.setHeader("Cache-Control", "public, max-age=300");
    sendJson(response, 200, context.keys.jwks());
  };
}
