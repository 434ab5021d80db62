/**
 * One HTTP exchange with a server elsewhere, and the messages in what it answers: JSON, an event stream, or a refusal.
 */
import type { IncomingHttpHeaders } from "node:http";
import { EventParser } from "../event-parser.ts";
import { parseJson } from "../exact-json.ts";
import { isJsonRpcMessage, type JsonRpcErrorResponse, type JsonRpcMessage } from "../json-rpc.ts";
import { isNestedTooDeep } from "../nesting.ts";
import type { Remote } from "./remote.ts";
import { refusalOf, RemoteFailure } from "./remote-failure.ts";
import type { HttpHead, HttpReceiver, HttpRequest } from "./remote-http.ts";

const MESSAGE_LIMIT = 10 * 1_048_576; // bytes, as a line of a child
const ERROR_LIMIT = 65_536; // bytes of a body that only says what was wrong

/** Nothing follows `onEnd`, `onRefused` or `onFailure`. */
export interface AnswerListener {
  /** Whether only the status counts, as on a POST whose answer comes elsewhere. */
  readonly isBodyIgnored?: boolean;
  /** The exchange is one of MCP. */
  onHead?(status: number, headers: IncomingHttpHeaders): void;
  onMessage(message: JsonRpcMessage): void;
  /** An event of a stream that may be resumed behind it. */
  onEventId?(id: string): void;
  onRetry?(milliseconds: number): void;
  /** An event of another type than `message`. */
  onOtherEvent?(type: string, data: string): void;
  /** The answer is complete. */
  onEnd(): void;
  /** Status 400 to 499, credentials and rates aside. @param error what the server says about it */
  onRefused(status: number, error: JsonRpcErrorResponse | undefined): void;
  onFailure(failure: RemoteFailure): void;
}

/** @returns gives it up: the listener hears nothing more */
export function ask(remote: Remote, request: HttpRequest, listener: AnswerListener): () => void {
  return remote.http.send(request, new Answer(remote, listener));
}

class Answer implements HttpReceiver {
  readonly #remote: Remote;
  readonly #listener: AnswerListener;
  #abort: () => void = () => undefined;
  #events: EventParser | undefined;
  /** Of a body that is read as a whole. */
  #chunks: Buffer[] = [];
  #size = 0;
  #limit = MESSAGE_LIMIT;
  /** Of a refusal whose reason is being read. */
  #refused: number | undefined;

  constructor(remote: Remote, listener: AnswerListener) {
    this.#remote = remote;
    this.#listener = listener;
  }

  onHead({ status, headers }: HttpHead, abort: () => void): void {
    this.#abort = abort;
    const [type] = (headers["content-type"] ?? "").split(";", 1);
    const isJson = type!.trim().toLowerCase() === "application/json";
    if (status < 300) {
      const isStream = type!.trim().toLowerCase() === "text/event-stream";
      const isEmpty =
        status === 202 ||
        status === 204 ||
        headers["content-length"] === "0" ||
        this.#listener.isBodyIgnored === true;
      if (!isStream && !isJson && !isEmpty) return this.#fail(wrongType(type!));
      this.#remote.succeeded();
      this.#listener.onHead?.(status, headers);
      if (isEmpty) this.#limit = ERROR_LIMIT;
      else if (isStream) this.#events = this.#parser();
    } else if (isPeculiar(status)) {
      this.#refused = status;
      this.#limit = ERROR_LIMIT;
      if (!isJson) this.#refuse(undefined);
    } else this.#fail(refusalOf(status, headers, this.#remote.clock.now()));
  }

  onData(chunk: Buffer): void {
    if (this.#events) return this.#events.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= this.#limit) this.#chunks.push(chunk);
    else if (this.#refused !== undefined) this.#refuse(undefined);
    else this.#fail(new RemoteFailure(`answered with more than ${this.#limit} bytes`));
  }

  onEnd(): void {
    if (this.#events) return this.#listener.onEnd();
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 ? only! : Buffer.concat(this.#chunks);
    const messages = body.length === 0 ? [] : readMessages(body.toString("utf8"));
    if (this.#refused !== undefined) return this.#refuse(messages?.find(isError));
    // What stands in a 202 is nobody's business.
    if (!messages && this.#limit === MESSAGE_LIMIT) return this.#fail(notMcp());
    for (const message of messages ?? []) this.#listener.onMessage(message);
    this.#listener.onEnd();
  }

  onFailure(failure: RemoteFailure): void {
    this.#remote.failed(failure);
    this.#listener.onFailure(failure);
  }

  #parser(): EventParser {
    return new EventParser(MESSAGE_LIMIT, {
      onEvent: ({ type, data, id }) => {
        if (id !== undefined && id !== "") this.#listener.onEventId?.(id);
        if (type !== "message") return this.#listener.onOtherEvent?.(type, data);
        if (data === "") return;
        const messages = readMessages(data);
        if (!messages) return this.#fail(notMcp());
        for (const message of messages) this.#listener.onMessage(message);
      },
      onRetry: (milliseconds) => this.#listener.onRetry?.(milliseconds),
      onOverflow: () => {
        this.#fail(new RemoteFailure(`sent an event of more than ${MESSAGE_LIMIT} bytes`));
      },
    });
  }

  #refuse(error: JsonRpcErrorResponse | undefined): void {
    this.#abort();
    this.#listener.onRefused(this.#refused!, error);
  }

  #fail(failure: RemoteFailure): void {
    this.#abort();
    this.onFailure(failure);
  }
}

/** @returns undefined when it is nothing that can be passed on */
function readMessages(text: string): JsonRpcMessage[] | undefined {
  if (isNestedTooDeep(text)) return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  // Servers of 2025-03-26 may answer in batches.
  const messages = Array.isArray(value) ? (value as unknown[]) : [value];
  return messages.every(isJsonRpcMessage) ? messages : undefined;
}

const isError = (message: JsonRpcMessage): message is JsonRpcErrorResponse => "error" in message;

/** Whether a status says something about this request, rather than about the server or about us. */
function isPeculiar(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 403, 407, 408, 429].includes(status);
}

const notMcp = (): RemoteFailure => new RemoteFailure("answered with something that is not MCP");

function wrongType(type: string): RemoteFailure {
  const shown = /^[\w.+-]{1,40}\/[\w.+-]{1,40}$/.test(type)
    ? type
    : "no content type that is known";
  return new RemoteFailure(`answered with ${shown} where MCP has JSON or an event stream`);
}
