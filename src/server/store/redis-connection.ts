/**
 * A connection to Redis that never makes anybody wait for what may never come: while Redis is gone every call rejects at
 * once, a Redis that hangs is given a few seconds, and in the background the connection is tried again.
 *
 * Nothing is sent twice. A connection that breaks after a transition was sent leaves its outcome unknown; sending it again
 * could find its own work and take it for somebody else's. The caller gets a UserError, the client a 503.
 *
 * No error and no log line carries the URL or the arguments of a command: there are passwords and keys in them.
 */
import { Redis } from "ioredis";
import { messageOf, UserError } from "../../errors.ts";
import type { Log } from "../../log.ts";

const CONNECT_TIMEOUT = 5_000; // ms
const COMMAND_TIMEOUT = 3_000; // ms
const DISCONNECT_TIMEOUT = 500; // ms for a peer to say good-bye
const LONGEST_BACK_OFF = 1_000; // ms between two attempts to connect

/** Replies by which Redis says that it cannot now, and an operator can help. Anything else it refuses is our bug. */
const OUT_OF_ORDER =
  /^-?(OOM|MISCONF|READONLY|LOADING|BUSY|MASTERDOWN|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|CLUSTERDOWN|MOVED|ASK|TRYAGAIN)\b/;

export interface Subscription {
  /** Whoever only listens does not notice a dead peer; this asks for a sign of life. */
  ping(): void;
  close(): void;
}

export class RedisConnection {
  /** Host, port and database; no credentials. */
  readonly where: string;
  readonly #redis: Redis;
  readonly #log: Log;
  readonly #shas = new Map<string, string>();
  #reason = "it does not answer";
  #wasReady = false;
  #refusal: UserError | undefined;

  /** @param url redis: or rediss:, with or without credentials */
  constructor(url: string, log: Log) {
    const { hostname, port, pathname } = new URL(url);
    this.where = `${hostname}:${port || "6379"}${pathname === "/" ? "" : pathname}`;
    this.#log = log;
    this.#redis = new Redis(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT,
      commandTimeout: COMMAND_TIMEOUT,
      disconnectTimeout: DISCONNECT_TIMEOUT,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      // What was under way when the connection broke rejects at once.
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, LONGEST_BACK_OFF),
    });
    this.#redis.on("error", (error: Error) => (this.#reason = error.message));
    this.#redis.on("close", () => {
      if (this.#wasReady) log.error({ redis: this.where }, "the store is out of reach");
      this.#wasReady = false;
    });
  }

  /**
   * @param inspect looks at the server before anybody may use it, now and after each time it was gone
   * @throws UserError when there is no connection, or what `inspect` throws
   */
  async open(inspect: (redis: RedisConnection) => Promise<void>): Promise<void> {
    try {
      await this.#redis.connect();
      await inspect(this);
    } catch (error) {
      this.#redis.disconnect();
      throw error instanceof UserError ? error : this.#unavailable();
    }
    this.#wasReady = true;
    this.#redis.on("ready", () => {
      this.#wasReady = true;
      void this.#inspectAgain(inspect);
    });
  }

  /** Listens on a channel of its own, from now on and after each time the connection was gone. */
  subscribe(
    channel: string,
    listeners: { onMessage(message: string): void; onSubscribed(): void },
  ): Subscription {
    const subscriber = this.#redis.duplicate({ lazyConnect: false });
    subscriber.on("error", () => {});
    subscriber.on("message", (_channel, message) => listeners.onMessage(message));
    subscriber.on("ready", () => {
      subscriber.subscribe(channel).then(
        () => listeners.onSubscribed(),
        () => {},
      );
    });
    return {
      ping: () =>
        void subscriber.ping().catch((error: unknown) => leaveIfSilent(subscriber, error)),
      close: () => subscriber.disconnect(),
    };
  }

  /** @throws UserError when Redis is gone, hangs or is out of order */
  async call(command: string, ...args: string[]): Promise<unknown> {
    if (this.#refusal) throw this.#refusal;
    return this.#call(command, args);
  }

  /** Run a script; its text travels only when this server has not seen it. `key` names the slot. */
  async run(script: string, key: string, args: readonly string[]): Promise<unknown> {
    if (this.#refusal) throw this.#refusal;
    const sha = this.#shas.get(script) ?? String(await this.#call("SCRIPT", ["LOAD", script]));
    this.#shas.set(script, sha);
    try {
      return await this.#call("EVALSHA", [sha, "1", key, ...args]);
    } catch (error) {
      if (!messageOf(error).includes("NOSCRIPT")) throw error;
      return this.#call("EVAL", [script, "1", key, ...args]);
    }
  }

  close(): void {
    this.#wasReady = false;
    this.#redis.disconnect();
  }

  async #call(command: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#redis.call(command, ...args);
    } catch (error) {
      leaveIfSilent(this.#redis, error);
      const message = messageOf(error);
      if (!(error instanceof Error) || error.name !== "ReplyError") throw this.#unavailable(error);
      if (OUT_OF_ORDER.test(message)) throw this.#unavailable(error);
      // oxlint-disable-next-line preserve-caught-error -- it has the arguments of the command in it
      throw new Error(`Redis refused ${command}: ${message}`);
    }
  }

  #unavailable(error?: unknown): UserError {
    const isReply = error instanceof Error && /ReplyError/.test(error.name);
    const reason = isReply || isSilence(error) ? messageOf(error) : this.#reason;
    return new UserError(`The store at ${this.where} cannot be used: ${reason}`, {
      hint: "Check that Redis runs there, takes this user's credentials, and has memory and disk left.",
    });
  }

  async #inspectAgain(inspect: (redis: RedisConnection) => Promise<void>): Promise<void> {
    this.#refusal = undefined;
    try {
      await inspect(this);
      this.#log.info({ redis: this.where }, "the store is back");
    } catch (error) {
      // Gone again: the next time it is back we look again.
      if (!this.#wasReady || !(error instanceof UserError)) return;
      this.#refusal = error;
      this.#log.error({ err: error }, "the store came back as one that cannot be used");
    }
  }
}

/**
 * Connect anew: the socket to a peer that vanished without a word would otherwise hang for a quarter of an hour. What else is
 * under way on it rejects at once. ioredis' own `socketTimeout` is no help: its timer outlives the socket and ends the next.
 */
function leaveIfSilent(redis: Redis, error: unknown): void {
  if (isSilence(error)) redis.disconnect(true);
}

function isSilence(error: unknown): boolean {
  return messageOf(error) === "Command timed out";
}
