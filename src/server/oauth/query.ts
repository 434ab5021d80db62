import type { Request } from "express";
import { parseParameters, singleValues } from "./form.ts";

/** The parameters in the URL, each at most once. @throws OAuthError invalid_request */
export function queryOf(request: Request): ReadonlyMap<string, string> {
  const [, query = ""] = /\?(.*)$/s.exec(request.originalUrl) ?? [];
  return singleValues(parseParameters(query));
}
