/**
 * The body of a request to the authorization server, as text.
 *
 * Bounded, never decompressed (a small gzip can be a very large body), and strict UTF-8: a decoder that repairs what it
 * reads would let two different requests look the same.
 */
import express, { type Request, type Response } from "express";
import { OAuthError, type OAuthErrorCode } from "../../errors.ts";

/**
 * @param options.type the only media type accepted, lower case; `charset=utf-8` may follow it
 * @param options.limit bytes
 * @param options.code what a body that is not even text is called
 * @throws OAuthError with `code`; 413 when too large, 415 when compressed
 */
export async function readBody(
  request: Request,
  response: Response,
  options: { type: string; limit: number; code: OAuthErrorCode },
): Promise<string> {
  if (!isType(request.headers["content-type"], options.type)) {
    throw new OAuthError(options.code, `Content-Type must be ${options.type}`);
  }
  const read = express.raw({ limit: options.limit, inflate: false, type: () => true });
  await new Promise<void>((resolve, reject) => {
    read(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  const body: unknown = request.body;
  if (!Buffer.isBuffer(body)) return "";
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new OAuthError(options.code, "The body is not UTF-8", { cause });
  }
}

/** Exactly this media type: a list of two, or another charset, is somebody trying to be read in two ways. */
function isType(header: string | undefined, type: string): boolean {
  const [media = "", ...parameters] = (header ?? "").toLowerCase().split(";");
  return (
    media.trim() === type &&
    parameters.every((parameter) => /^\s*charset="?utf-8"?\s*$/.test(parameter))
  );
}
