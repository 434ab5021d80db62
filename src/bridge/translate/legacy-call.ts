/**
 * One request of a legacy client on a modern server. The server keeps nothing while it waits for an answer of the user:
 * it ends the call with its questions, and is called again with the answers (MCP 2026-07-28, "multi round-trip
 * requests"). The client sees one request, in the course of which it is asked.
 */
import type { Clock } from "../../clock.ts";
import {
  asObject,
  type JsonRpcRequest,
  type JsonRpcResponse,
  type RequestId,
} from "../../mcp/json-rpc.ts";
import { failure, legacyError } from "./legacy-failure.ts";
import {
  missingCapability,
  readQuestion,
  type Question,
  type Questions,
} from "./legacy-questions.ts";
import { legacyResult } from "./legacy-result.ts";
import type { Upstream } from "./legacy-upstream.ts";

const MAX_ROUNDS = 8; // as the SDK's
/** Seconds before a server that asks nothing is called again; doubled each time. */
const PAUSE = 0.25;

export interface CallOptions {
  readonly upstream: Upstream;
  readonly questions: Questions;
  readonly clock: Clock;
  /** Seconds the client may take for the answers of one round. */
  readonly pendingInput: number;
  /** Called once, unless it is cancelled. */
  readonly onFinish: (answer: JsonRpcResponse) => void;
}

export class LegacyCall {
  readonly #request: JsonRpcRequest;
  readonly #options: CallOptions;
  #rounds = 0;
  /** What runs on the server now. */
  #running: RequestId | undefined;
  /** Questions without an answer. */
  readonly #open = new Set<RequestId>();
  #cancelTimer: () => void = () => undefined;
  #progress = Number.NEGATIVE_INFINITY;
  /** Highest progress of earlier rounds. */
  #floor = Number.NEGATIVE_INFINITY;

  constructor(request: JsonRpcRequest, options: CallOptions) {
    this.#request = request;
    this.#options = options;
  }

  begin(): Promise<void> {
    return this.#send(this.#request.params);
  }

  /** The client does not want it any more. */
  cancel(reason: string): void {
    if (this.#running !== undefined) this.#options.upstream.cancel(this.#running, reason);
    this.#stop(reason);
  }

  /**
   * Progress never goes back, though a server that is called again begins anew (MCP 2025-11-25, "progress").
   * @returns whether the client is to see it
   */
  mayShow(progress: unknown): boolean {
    if (typeof progress !== "number") return true;
    this.#progress = Math.max(this.#progress, progress);
    return progress > this.#floor;
  }

  #send(params: JsonRpcRequest["params"]): Promise<void> {
    const { method } = this.#request;
    const { id, sent } = this.#options.upstream.call(method, params, (answer) => {
      this.#running = undefined;
      this.#receive(answer);
    });
    this.#running = id;
    return sent;
  }

  #receive(answer: JsonRpcResponse): void {
    if ("error" in answer) return this.#finish(legacyError(this.#request, answer));
    const { id, method } = this.#request;
    const result = asObject(answer.result);
    switch (result?.["resultType"] ?? "complete") {
      case "complete": {
        const plain = result ? legacyResult(method, result) : answer.result;
        return this.#finish({ jsonrpc: "2.0", id, result: plain });
      }
      case "input_required":
        return this.#again(result!);
      default:
        return this.#fail(
          "The server answered with a kind of result that this revision does not have",
        );
    }
  }

  #again({ inputRequests, requestState }: { [member: string]: unknown }): void {
    this.#floor = this.#progress;
    this.#rounds += 1;
    if (this.#rounds > MAX_ROUNDS) {
      return this.#fail(`The server still wants input after ${MAX_ROUNDS} rounds`);
    }
    const state = typeof requestState === "string" ? { requestState } : {};
    const entries = Object.entries(asObject(inputRequests) ?? {});
    if (entries.length > 0) return this.#ask(entries, state);
    if (!("requestState" in state))
      return this.#fail("The server wants input and does not say what");
    const seconds = PAUSE * 2 ** (this.#rounds - 1);
    this.#cancelTimer = this.#options.clock.after(seconds, () => this.#retry(state));
  }

  #ask(entries: readonly [string, unknown][], state: object): void {
    const { upstream, questions, clock, pendingInput } = this.#options;
    const asked: [string, Question][] = [];
    for (const [key, entry] of entries) {
      const question = readQuestion(entry);
      if (!question) return this.#fail("The server wants input of a kind that no client can give");
      const missing = missingCapability(question, upstream.capabilities);
      if (missing) {
        return this.#fail(
          `The server wants ${question.method}; the client did not declare ${missing}`,
        );
      }
      asked.push([key, question]);
    }
    const answers: [string, unknown][] = [];
    this.#cancelTimer = clock.after(pendingInput, () =>
      this.#fail(`Nobody answered the server's question within ${pendingInput} seconds`),
    );
    for (const [key, question] of asked) {
      const { id: about } = this.#request;
      const asking = questions.ask(question, about, upstream.version, (answer, id) => {
        this.#open.delete(id);
        if ("error" in answer) return this.#fail(`${question.method}: ${answer.error.message}`);
        answers.push([key, answer.result]);
        if (answers.length < asked.length) return;
        this.#retry({ ...state, inputResponses: Object.fromEntries(answers) });
      });
      this.#open.add(asking);
    }
  }

  /** @param more members of `params` that make it the next round */
  #retry(more: object): void {
    this.#cancelTimer();
    const { inputResponses: _, requestState: __, ...params } = this.#request.params ?? {};
    // A channel that has ended tells so by `onclose`.
    this.#send({ ...params, ...more }).catch(() => undefined);
  }

  #fail(message: string): void {
    this.#finish(failure(this.#request, message));
  }

  #finish(answer: JsonRpcResponse): void {
    this.#stop("the call is over");
    this.#options.onFinish(answer);
  }

  #stop(reason: string): void {
    this.#cancelTimer();
    for (const id of this.#open) {
      this.#options.questions.withdraw(id, this.#request.id, reason);
    }
    this.#open.clear();
  }
}
