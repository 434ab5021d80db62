/**
 * The host at the other end of standard input and output: JSON-RPC, one message a line, and nothing else ever.
 */
import {
  asObject,
  ERROR_CODES,
  errorResponse,
  isJsonRpcMessage,
  type JsonRpcMessage,
} from "../mcp/json-rpc.ts";
import { parseJson, stringifyJson } from "../mcp/exact-json.ts";
import { LineSplitter } from "../mcp/lines.ts";
import { isNestedTooDeep } from "../mcp/nesting.ts";

const LONGEST_LINE = 64 * 1_048_576; // bytes

export interface StdioHostOptions {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
  onMessage: (message: JsonRpcMessage) => void;
  /** The host has gone, or wants us to. */
  onEnd: () => void;
}

export class StdioHost {
  readonly #options: StdioHostOptions;
  #isGone = false;

  constructor(options: StdioHostOptions) {
    this.#options = options;
    const { input, output } = options;
    const end = (): void => {
      if (this.#isGone) return;
      this.#isGone = true;
      options.onEnd();
    };
    const splitter = new LineSplitter(LONGEST_LINE, (line) => this.#read(line), end);
    input.on("data", (chunk: Buffer) => {
      if (!this.#isGone) splitter.push(chunk);
    });
    input.on("end", end).on("error", end);
    // EPIPE: nobody reads any more.
    output.on("error", end);
  }

  send(message: JsonRpcMessage): void {
    this.#options.output.write(`${stringifyJson(message)}\n`);
  }

  #read(line: string): void {
    if (line.trim() === "") return;
    let value: unknown;
    try {
      if (isNestedTooDeep(line)) throw new Error("too deep");
      value = parseJson(line);
    } catch {
      return this.#refuse(null, ERROR_CODES.parse, "This line is not JSON");
    }
    // Hosts of 2025-03-26 may send batches; their parts are as good one by one.
    for (const message of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (isJsonRpcMessage(message)) this.#options.onMessage(message);
      else {
        const id = asObject(message)?.["id"];
        const known = typeof id === "string" || typeof id === "number" ? id : null;
        this.#refuse(known, ERROR_CODES.invalidRequest, "This is not a JSON-RPC message");
      }
    }
  }

  #refuse(id: string | number | null, code: number, message: string): void {
    this.send({ ...errorResponse(undefined, code, message), id });
  }
}
