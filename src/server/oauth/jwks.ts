/**
 * The public keys that verify our access tokens, RFC 7517 §5, at the `jwks_uri` of the metadata.
 */
import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { sendJson } from "../http.ts";
import { JWKS_MAX_AGE } from "../key-ring.ts";

export function jwks(context: ServerContext): RequestHandler {
  return async (_request, response) => {
    const keys = await context.keys.jwks();
    // Shorter than a new key is published before it signs.
    response.setHeader("Cache-Control", `public, max-age=${JWKS_MAX_AGE}`);
    sendJson(response, 200, keys);
  };
}
