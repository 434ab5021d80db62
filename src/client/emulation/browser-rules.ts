/**
 * What a browser does for its pages (Fetch, CORS protocol): it asks before a request that a plain form could not send, and
 * shows the page of the answer only what the server opens.
 */
import { UserError } from "../../errors.ts";
import type { Answer, Sent } from "./exchange.ts";

/** Headers a page may send without asking; `content-type` only with the types of a form. */
const FREE = new Set(["accept", "accept-language", "content-language", "user-agent"]);

/** Headers of an answer a page sees in any case. */
const VISIBLE = new Set([
  "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
]); // prettier-ignore

const HINT =
  "Send Access-Control-Allow-Origin on every answer, errors included, and let OPTIONS through.";

/**
 * The preflight, where one is due.
 * @throws UserError when the server does not allow the request
 */
export async function askBefore(
  sent: Sent,
  origin: string,
  send: (sent: Sent) => Promise<Answer>,
): Promise<void> {
  const names = Object.keys(sent.headers)
    .filter((name) => !isFree(name, sent.headers[name]!))
    .toSorted();
  if (names.length === 0 && (sent.method === "GET" || sent.method === "POST")) return;
  const { status, headers } = await send({
    method: "OPTIONS",
    url: sent.url,
    headers: {
      "user-agent": sent.headers["user-agent"] ?? "Mozilla/5.0",
      accept: "*/*",
      origin,
      "access-control-request-method": sent.method,
      ...(names.length > 0 && { "access-control-request-headers": names.join(",") }),
    },
  });
  const allowed = listOf(headers["access-control-allow-headers"]);
  // `*` stands for every header but this one.
  const missing = names.filter(
    (name) => !allowed.has(name) && !(allowed.has("*") && name !== "authorization"),
  );
  const methods = listOf(headers["access-control-allow-methods"]);
  const method = sent.method.toLowerCase();
  const isMethodFine =
    ["get", "head", "post"].includes(method) || methods.has(method) || methods.has("*");
  if (status < 200 || status > 299 || !isOpenTo(origin, headers)) {
    throw new UserError(
      `A browser may not send ${sent.method} ${sent.url.href}: the preflight got ${status}${isOpenTo(origin, headers) ? "" : " without Access-Control-Allow-Origin"}`,
      { hint: HINT },
    );
  }
  if (missing.length > 0 || !isMethodFine) {
    const what = missing.length > 0 ? `the header ${missing.join(", ")}` : sent.method;
    throw new UserError(`A browser may not use ${what} at ${sent.url.href}`, { hint: HINT });
  }
}

/** @throws UserError when the page sees nothing of the answer */
export function hideFromPage(answer: Answer, origin: string): Answer {
  if (!isOpenTo(origin, answer.headers)) {
    throw new UserError(
      `A browser hides the answer ${answer.status} of ${answer.url.href} from ${origin}`,
      { hint: HINT },
    );
  }
  const exposed = listOf(answer.headers["access-control-expose-headers"]);
  const seen = Object.entries(answer.headers).filter(
    ([name]) => VISIBLE.has(name) || exposed.has(name) || exposed.has("*"),
  );
  return { ...answer, headers: Object.fromEntries(seen) };
}

function isFree(name: string, value: string): boolean {
  const isForm = /^(?:application\/x-www-form-urlencoded|text\/plain|multipart\/form-data)\b/i;
  return FREE.has(name) || (name === "content-type" && isForm.test(value));
}

function isOpenTo(origin: string, headers: Answer["headers"]): boolean {
  const allowed = headers["access-control-allow-origin"];
  return allowed === "*" || allowed === origin;
}

function listOf(header: string | string[] | undefined): Set<string> {
  return new Set(
    String(header ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
}
