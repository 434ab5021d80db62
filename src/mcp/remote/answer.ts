/**
 * One HTTP exchange with a server elsewhere, and the messages in what it answers: JSON, an event stream, or a refusal.
 */
import type { IncomingHttpHeaders } from "node:http";
import { EventParser } from "../event-parser.ts";
import { parseJson, stringifyJson } from "../exact-json.ts";
import { isJsonRpcMessage, type JsonRpcErrorResponse, type JsonRpcMessage } from "../json-rpc.ts";
import { isNestedTooDeep } from "../nesting.ts";
import type { Remote } from "./remote.ts";
import { refusalOf, RemoteFailure } from "./remote-failure.ts";
import type { HttpHead, HttpReceiver, HttpRequest } from "./remote-http.ts";

const MESSAGE_LIMIT = 10 * 1_048_576; // bytes, as a line of a child
const ERROR_LIMIT = 65_536; // bytes of a body that only says what was wrong
/** Seconds for the rest of a body that nobody reads, so that its connection can be used again. */
const DRAIN = 2;

/** Nothing follows `onEnd`, `onRefused` or `onFailure`. */
export interface AnswerListener {
  /** Whether only the status counts, as where the answer comes elsewhere or there is none. */
  readonly isBodyIgnored?: boolean;
  /** Whether a server may do without it: that it has no such thing is then no fault of its health. */
  readonly isOptional?: boolean;
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
  /** The listener knows all; stops waiting for the end of the body. */
  #cancelDrain: (() => void) | undefined;

  constructor(remote: Remote, listener: AnswerListener) {
    this.#remote = remote;
    this.#listener = listener;
  }

  onHead({ status, headers }: HttpHead, abort: () => void): void {
    this.#abort = abort;
    const type = (headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
    const isJson = type === "application/json";
    if (status < 300) {
      const isEmpty = status === 202 || status === 204 || headers["content-length"] === "0";
      const isIgnored = this.#listener.isBodyIgnored === true;
      const isStream = type === "text/event-stream";
      if (!isStream && !isJson && !isEmpty && !isIgnored) return this.#fail(wrongType(type));
      this.#remote.succeeded();
      this.#listener.onHead?.(status, headers);
      if (isEmpty || isIgnored) this.#settle(() => this.#listener.onEnd());
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
    else if (this.#cancelDrain) this.#stop();
    else if (this.#refused !== undefined) this.#refuse(undefined);
    else this.#fail(new RemoteFailure(`answered with more than ${this.#limit} bytes`));
  }

  onEnd(): void {
    if (this.#cancelDrain) return this.#cancelDrain();
    if (this.#events) return this.#listener.onEnd();
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 ? only! : Buffer.concat(this.#chunks);
    const messages = readMessages(body.toString("utf8"));
    if (this.#refused !== undefined) {
      const error = messages?.find(isError);
      return this.#listener.onRefused(this.#refused, error && this.#scrub(error));
    }
    if (!messages) return this.onFailure(notMcp());
    for (const message of messages) this.#pass(message);
    this.#listener.onEnd();
  }

  onFailure(failure: RemoteFailure): void {
    if (this.#cancelDrain) return this.#cancelDrain();
    this.#tell(failure);
  }

  #parser(): EventParser {
    return new EventParser(MESSAGE_LIMIT, {
      onEvent: ({ type, data, id }) => {
        if (id !== undefined && id !== "") this.#listener.onEventId?.(id);
        if (type !== "message") return this.#listener.onOtherEvent?.(type, data);
        if (data === "") return;
        const messages = readMessages(data);
        if (!messages) return this.#fail(notMcp());
        for (const message of messages) this.#pass(message);
      },
      onRetry: (milliseconds) => this.#listener.onRetry?.(milliseconds),
      onOverflow: () => {
        this.#fail(new RemoteFailure(`sent an event of more than ${MESSAGE_LIMIT} bytes`));
      },
    });
  }

  #pass(message: JsonRpcMessage): void {
    this.#listener.onMessage(isError(message) ? this.#scrub(message) : message);
  }

  /** What a server says of a refused credential may have the credential in it. */
  #scrub(error: JsonRpcErrorResponse): JsonRpcErrorResponse {
    const { scrub } = this.#remote;
    return scrub ? (parseJson(scrub(stringifyJson(error))) as JsonRpcErrorResponse) : error;
  }

  #refuse(error: JsonRpcErrorResponse | undefined): void {
    const status = this.#refused!;
    this.#settle(() => this.#listener.onRefused(status, error));
  }

  #fail(failure: RemoteFailure): void {
    if (this.#events) {
      this.#abort();
      this.#tell(failure);
    } else this.#settle(() => this.#tell(failure));
  }

  #tell(failure: RemoteFailure): void {
    if (this.#listener.isOptional !== true || !failure.isPermanent) this.#remote.failed(failure);
    this.#listener.onFailure(failure);
  }

  /** The listener hears the last word; what is left of the body is for nobody. */
  #settle(tell: () => void): void {
    this.#chunks = [];
    this.#limit = ERROR_LIMIT;
    this.#cancelDrain = this.#remote.clock.after(DRAIN, () => this.#stop());
    tell();
  }

  #stop(): void {
    this.#cancelDrain?.();
    this.#abort();
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
  const reason = `answered with ${shown} where MCP has JSON or an event stream`;
  return new RemoteFailure(reason, { status: 502 }, undefined, true);
}
