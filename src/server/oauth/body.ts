/**
 * The body of a request to the authorization server, as text.
 *
 * Bounded, never decompressed (a small gzip can be a very large body), and strict UTF-8: a decoder that repairs what it
 * reads would let two different requests look the same.
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { OAuthError, type OAuthErrorCode } from "../../errors.ts";

/**
 * @param options.type the only media type accepted, lower case; `charset=utf-8` may follow it
 * @param options.limit bytes
 * @param options.code what a body that is not even text is called
 * @throws OAuthError with `code`; 413 when too large, 415 when compressed
 */
export async function readBody(
  request: IncomingMessage,
  options: { type: string; limit: number; code: OAuthErrorCode },
): Promise<string> {
  if (!isType(request.headers["content-type"], options.type)) {
    throw new OAuthError(options.code, `Content-Type must be ${options.type}`);
  }
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new OAuthError("invalid_request", "The body must not be compressed", { status: 415 });
  }
  const body = await readBytes(request, options.limit);
  if (!isUtf8(body)) throw new OAuthError(options.code, "The body is not UTF-8");
  return body.toString("utf8");
}

/** The rest of a body that is too large is let go by, unread, so that the client can hear our answer. */
function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): void =>
      reject(new OAuthError("invalid_request", "The body is too large", { status: 413 }));
    if (Number(request.headers["content-length"] ?? 0) > limit) {
      request.resume();
      return tooLarge();
    }
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else tooLarge();
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    // A client that hangs up is no failure of ours, whether the stream calls it an error or not.
    const cutOff = (cause?: unknown): void => {
      if (request.complete) return; // it closes after every answer
      reject(new OAuthError("invalid_request", "The body ended before its time", { cause }));
    };
    request.once("close", cutOff);
    request.once("error", cutOff);
  });
}

/** Exactly this media type: a list of two, or another charset, is somebody trying to be read in two ways. */
function isType(header: string | undefined, type: string): boolean {
  const [media = "", ...parameters] = (header ?? "").toLowerCase().split(";");
  return (
    media.trim() === type &&
    parameters.every((parameter) => /^\s*charset="?utf-8"?\s*$/.test(parameter))
  );
}
