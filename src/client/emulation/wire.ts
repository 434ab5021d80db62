/**
 * Requests exactly as somebody else sends them: the headers that are given and no others, no redirect followed, an answer
 * within the ten seconds that hosted clients wait. For a page of a browser, the browser's rules on both ways.
 */
import { request } from "undici";
import { UserError } from "../../errors.ts";
import type { Web } from "../web.ts";
import { askBefore, hideFromPage } from "./browser-rules.ts";
import type { Answer, Sent } from "./exchange.ts";

const PATIENCE = 10_000; // ms, of claude.ai for discovery, registration and tokens
const MOST = 1_048_576; // bytes of one answer

export interface Wire {
  /** @throws UserError when there is no answer, or a browser would not show it to its page */
  ask(
    method: Sent["method"],
    url: URL | string,
    more?: { headers?: Readonly<Record<string, string>>; body?: string },
  ): Promise<Answer>;
  /** The same for who wants fetch; the own headers count. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** @param as whose requests they are */
export function createWire(
  web: Web,
  as: { headers: Readonly<Record<string, string>>; origin?: string },
  signal?: AbortSignal,
): Wire {
  async function send(sent: Sent): Promise<Answer> {
    const begun = performance.now();
    const limit = AbortSignal.timeout(PATIENCE);
    try {
      const response = await request(sent.url, {
        dispatcher: web.dispatcherFor(sent.url),
        method: sent.method,
        headers: sent.headers,
        ...(sent.body !== undefined && { body: sent.body }),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      const text = await textOf(response.body, sent.url);
      const seconds = (performance.now() - begun) / 1000;
      return {
        url: sent.url,
        status: response.statusCode,
        headers: response.headers,
        text,
        seconds,
      };
    } catch (error) {
      throw unanswered(sent, error, limit.aborted);
    }
  }

  const ask: Wire["ask"] = async (method, address, { headers = {}, body } = {}) => {
    const url = web.check(address, "The address");
    const sent = {
      method,
      url,
      headers: { ...as.headers, ...headers },
      ...(body !== undefined && { body }),
    };
    const { origin } = as;
    if (origin === undefined || method === "OPTIONS") return send(sent);
    await askBefore(sent, origin, send);
    return hideFromPage(await send({ ...sent, headers: { ...sent.headers, origin } }), origin);
  };

  return {
    ask,
    fetch: async (url, { method = "GET", headers, body }) => {
      const given = Object.fromEntries(new Headers(headers).entries());
      const answer = await ask(method as Sent["method"], url, {
        headers: { ...given, ...as.headers },
        // A form or JSON, whatever its type; fetch writes it the same way.
        ...(body !== undefined && body !== null && { body: await new Response(body).text() }),
      });
      return toResponse(answer);
    },
  };
}

/** For libraries that read answers in the form of fetch. */
export function toResponse({ status, headers, text }: Answer): Response {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  const isEmpty = status === 204 || status === 205 || status === 304;
  return new Response(isEmpty ? null : text, { status, headers: pairs });
}

async function textOf(body: AsyncIterable<Uint8Array>, url: URL): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST) throw new UserError(`${url.href} answers with more than ${MOST} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function unanswered({ method, url }: Sent, error: unknown, isLate: boolean): UserError {
  if (error instanceof UserError) return error;
  const { code, message, cause } = Object(error) as NodeJS.ErrnoException;
  const reason = isLate
    ? `did not answer within ${PATIENCE / 1000} s`
    : `cannot be reached: ${code ?? (cause as Error | undefined)?.message ?? message}`;
  return new UserError(`${method} ${url.href} ${reason}`, { cause: error });
}
