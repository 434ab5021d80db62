/**
 * A server of older revisions that says what the test makes it say, and the translation for modern clients in front of it.
 * No processes, no sockets, and a clock that only the test moves.
 */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { AuthInfo } from "../../src/auth-info.ts";
import type { JsonRpcMessage } from "../../src/mcp/json-rpc.ts";
import type { Channel, Service } from "../../src/bridge/service/service.ts";
import type { Refusal } from "../../src/bridge/refusal.ts";
import { Slots } from "../../src/bridge/slots.ts";
import { ModernTranslation } from "../../src/bridge/translate/modern-translation.ts";
import { makeConfig } from "../../src/config-file.ts";
import type { ConfigInput } from "../../src/config.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import type { Wire } from "./mcp-session.ts";

const ENVELOPE = "io.modelcontextprotocol/";
export const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: {},
  resources: { subscribe: true, listChanged: true },
  logging: {},
  tasks: {},
};

/** One running server. It answers `initialize`, and what sets a level or a subscription; the rest is the test's. */
export class FakeChannel implements Channel {
  /** Everything it was sent, oldest first. */
  readonly received: Wire[] = [];
  isClosed = false;
  onmessage?: NonNullable<Channel["onmessage"]>;
  onclose?: NonNullable<Channel["onclose"]>;
  readonly #capabilities: object;

  constructor(capabilities: object) {
    this.#capabilities = capabilities;
  }

  async start(): Promise<void> {}

  async send(message: JsonRpcMessage): Promise<void> {
    if (this.isClosed) throw new Error("closed");
    const own: Wire = structuredClone(message);
    this.received.push(own);
    const { id, method } = own;
    const result: Wire = {};
    if (method === "initialize") {
      Object.assign(result, {
        protocolVersion: "2025-11-25",
        capabilities: this.#capabilities,
        serverInfo: { name: "fake", version: "1" },
        instructions: "Be kind.",
      });
    } else if (!/^(?:logging\/setLevel|resources\/(?:un)?subscribe)$/.test(method)) return;
    queueMicrotask(() => this.say({ id, result }));
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.end("it was closed");
  }

  /** It ends by itself. */
  end(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onclose?.(reason);
  }

  say(message: object): void {
    this.onmessage?.({ jsonrpc: "2.0", ...message } as JsonRpcMessage);
  }

  /** Messages of that method it was sent. */
  of(method: string): Wire[] {
    return this.received.filter((message) => message.method === method);
  }

  /** Answer the newest request of that method. */
  answer(method: string, result: object): void {
    this.say({ id: this.of(method).at(-1).id, result });
  }
}

/** What a client gets. */
export class FakeResponse extends EventEmitter {
  status: number | undefined;
  headers: Record<string, unknown> = {};
  headersSent = false;
  destroyed = false;
  /** What was thrown instead of an answer. */
  refusal: Refusal | undefined;
  writableEnded = false;
  readonly writableLength = 0;
  readonly socket = { setKeepAlive: () => undefined };
  /** Everything that was written. */
  text = "";

  writeHead(status: number, headers: Record<string, unknown> = {}): this {
    this.status = status;
    this.headers = headers;
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {}

  write(text: string): void {
    this.text += text;
  }

  end(text = ""): void {
    this.text += text;
    this.writableEnded = true;
    queueMicrotask(() => this.#close());
  }

  /** The client goes away. */
  leave(): void {
    this.#close();
  }

  get messages(): Wire[] {
    if (this.headers["content-type"] === "application/json") return [JSON.parse(this.text)];
    const lines = this.text.split("\n").filter((line) => line.startsWith("data: "));
    return lines.map((line) => JSON.parse(line.slice("data: ".length)));
  }

  /** The last message. */
  get answer(): Wire {
    return this.messages.at(-1);
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }
}

export interface Bench {
  translation: ModernTranslation;
  clock: FakeClock;
  slots: Slots;
  /** Servers that were started, oldest first. */
  channels: FakeChannel[];
  /** The newest of them. */
  readonly channel: FakeChannel;
  /** A modern request; resolves when it is on its way. */
  send(method: string, params?: object, options?: SendOptions): Promise<FakeResponse>;
}

export interface SendOptions {
  id?: string | number;
  caller?: string;
  capabilities?: object;
  /** Members of `_meta` besides those every request has. */
  meta?: object;
}

export function startBench(
  options: {
    capabilities?: object;
    limits?: ConfigInput["limits"];
    isShared?: boolean;
    /** Instead of a server that works. */
    connect?: () => Promise<Channel>;
  } = {},
): Bench {
  const { services, limits } = makeConfig({
    publicUrl: "http://localhost:0",
    services: { fake: { command: "fake" } },
    limits: options.limits,
  });
  const clock = createFakeClock();
  const channels: FakeChannel[] = [];
  const slots = new Slots(limits);
  const connect = async (): Promise<Channel> => {
    const channel = new FakeChannel(options.capabilities ?? CAPABILITIES);
    channels.push(channel);
    return channel;
  };
  const service = {
    name: "fake",
    config: services["fake"]!,
    connect: options.connect ?? connect,
  } as unknown as Service;
  const translation = new ModernTranslation({
    service,
    auth: callerNamed("ada"),
    isShared: options.isShared ?? false,
    clock,
    limits,
    slots,
    explain: (error) => error as Error,
    onRetire: () => undefined,
  });
  return {
    translation,
    clock,
    slots,
    channels,
    get channel() {
      return channels.at(-1)!;
    },
    async send(method, params = {}, { id = 1, caller = "ada", capabilities = ALL, meta } = {}) {
      const response = new FakeResponse();
      const _meta = {
        [`${ENVELOPE}protocolVersion`]: "2026-07-28",
        [`${ENVELOPE}clientCapabilities`]: capabilities,
        ...meta,
      };
      const request = { jsonrpc: "2.0" as const, id, method, params: { ...params, _meta } };
      const calling = translation.call(request, response as unknown as ServerResponse, {
        auth: callerNamed(caller),
      });
      calling.catch((error: unknown) => (response.refusal = error as Refusal));
      await settled();
      return response;
    },
  };
}

/** Whatever can happen without time passing has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function callerNamed(name: string): AuthInfo {
  return {
    clientId: `client-of-${name}`,
    scopes: ["mcp"],
    expiresAt: 4_000_000_000,
    resource: "http://localhost/fake/mcp",
    subject: `local:${name}`,
    grantId: `grant-of-${name}`,
    tokenId: `token-of-${name}`,
  };
}
