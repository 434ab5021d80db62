/**
 * Reads what a client posts: media types, size, encoding and JSON, each refused in its own way.
 */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { ERROR_CODES } from "../mcp/json-rpc.ts";
import { parseJson } from "../mcp/exact-json.ts";
import { isNestedTooDeep } from "../mcp/nesting.ts";
import { Refusal } from "./refusal.ts";

/** What clients send; it need not be taken apart. */
const USUAL = "application/json, text/event-stream";

/**
 * @param limit in bytes
 * @returns the parsed JSON, whatever it is
 * @throws Refusal 406, 415, 413, or 400 for what is no JSON or nested too deep
 */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  requireAccept(request, ["application/json", "text/event-stream"]);
  if (mediaType(request.headers["content-type"]) !== "application/json") {
    throw new Refusal(415, ERROR_CODES.invalidRequest, "Content-Type must be application/json");
  }
  const body = await readBody(request, limit);
  if (!isUtf8(body)) throw new Refusal(400, ERROR_CODES.parse, "The body is not UTF-8");
  const text = body.toString("utf8");
  if (isNestedTooDeep(text)) {
    throw new Refusal(400, ERROR_CODES.invalidRequest, "The body is nested too deep");
  }
  try {
    return parseJson(text);
  } catch {
    throw new Refusal(400, ERROR_CODES.parse, "The body is not JSON");
  }
}

/** @throws Refusal 406 unless `Accept` names every one of `types` */
export function requireAccept(request: IncomingMessage, types: readonly string[]): void {
  if (request.headers.accept === USUAL) return;
  const accepted = new Set((request.headers.accept ?? "").split(",").map(mediaType));
  if (accepted.has("*/*")) return;
  const missing = types.filter(
    (type) => !accepted.has(type) && !accepted.has(type.replace(/\/.*/, "/*")),
  );
  if (missing.length === 0) return;
  throw new Refusal(406, ERROR_CODES.invalidRequest, `Accept must name ${types.join(" and ")}`);
}

function mediaType(header: string | undefined): string {
  return (header ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): void => {
      request.off("data", collect);
      // Swallow the rest: a client that still writes when we hang up never reads why.
      request.resume();
      reject(
        new Refusal(413, ERROR_CODES.invalidRequest, `The body is larger than ${limit} bytes`),
      );
    };
    const chunks: Buffer[] = [];
    let size = 0;
    const collect = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) tooLarge();
      else chunks.push(chunk);
    };
    if (Number(request.headers["content-length"]) > limit) return tooLarge();
    request.on("data", collect);
    request.once("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => {
      if (!request.complete) reject(new Error("the client went away"));
    });
  });
}
