/**
 * Parameters in a form body or a query, `application/x-www-form-urlencoded` as RFC 6749 Appendix B has it.
 *
 * - A parameter must not appear twice (§3.1, §3.2). `resource` may (RFC 8707 §2), but a token of ours is for one
 *   resource: equal values count once, different ones are `invalid_target`.
 * - A parameter without a value counts as omitted (§3.1, §3.2).
 * - Escapes must be UTF-8: the replacement character would make different values equal.
 */
import type { Request, RequestHandler, Response } from "express";
import { OAuthError } from "../../errors.ts";
import { readBody } from "./body.ts";

const TYPE = "application/x-www-form-urlencoded";
const MAX_BYTES = 32 * 1024;
const MAX_PARAMETERS = 50;

/** Every value of every parameter, in the order sent, empty ones included. */
export type Parameters = ReadonlyMap<string, readonly string[]>;

/** @throws OAuthError invalid_request when there are too many or one is not encoded properly */
export function parseParameters(text: string): Parameters {
  const parameters = new Map<string, string[]>();
  const pairs = text.split("&", MAX_PARAMETERS + 1).filter((pair) => pair !== "");
  if (pairs.length > MAX_PARAMETERS) {
    throw new OAuthError("invalid_request", `More than ${MAX_PARAMETERS} parameters`);
  }
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    const values = parameters.get(name);
    if (values) values.push(value);
    else parameters.set(name, [value]);
  }
  return parameters;
}

/**
 * One form-encoded name or value.
 * @throws OAuthError invalid_request when its escapes are not UTF-8
 */
export function decode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw new OAuthError("invalid_request", "A parameter is not properly encoded", { cause });
  }
}

/**
 * @returns the one value of each parameter, omitted ones absent
 * @throws OAuthError invalid_request when one appears twice, invalid_target when that is `resource`
 */
export function singleValues(parameters: Parameters): ReadonlyMap<string, string> {
  const single = new Map<string, string>();
  for (const [name, values] of parameters) {
    const distinct = name === "resource" ? new Set(values) : values;
    if ([...distinct].length > 1) {
      throw name === "resource"
        ? new OAuthError("invalid_target", "A token is for one resource; name one")
        : new OAuthError("invalid_request", `Parameter ${printable(name)} appears more than once`);
    }
    if (values[0] !== "") single.set(name, values[0]!);
  }
  return single;
}

/** The parameters of a form body. @throws OAuthError invalid_request, 413, 415 */
export async function readForm(request: Request): Promise<Parameters> {
  const options = { type: TYPE, limit: MAX_BYTES, code: "invalid_request" } as const;
  return parseParameters(await readBody(request, options));
}

/** The step that reads a form; `formOf` gives it to the steps behind. */
export const form: RequestHandler = async (request, response, next) => {
  response.locals["form"] = singleValues(await readForm(request));
  next();
};

export function formOf(response: Response): ReadonlyMap<string, string> {
  const read: ReadonlyMap<string, string> = response.locals["form"];
  return read;
}

function printable(name: string): string {
  return /^[\w.-]{1,40}$/.test(name) ? name : "with an unusual name";
}
