/**
 * The children behind translated requests: pools of them by what their clients can do, since a server of older revisions
 * is told that once, and room for each.
 */
import { principalOf, type AuthInfo } from "../../auth-info.ts";
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from "../../mcp/json-rpc.ts";
import type { Service } from "../service/service.ts";
import type { Slots } from "../slots.ts";
import { canonicalJson } from "./modern-canonical.ts";
import { LegacyChild } from "./modern-child.ts";
import { ChildPool, type Caller, type Mode } from "./modern-pool.ts";
import type { Capabilities } from "./modern-request.ts";
import type { Hello } from "./modern-result.ts";
import { CLIENT_INFO } from "../../mcp/first-words.ts";

const LOOK = 15; // seconds between two looks for children that nobody needs

export interface ChildrenOptions {
  readonly service: Service;
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly limits: Config["limits"];
  readonly slots: Slots;
  readonly onChange: (notification: JsonRpcNotification, child: LegacyChild) => void;
  readonly onClose: (child: LegacyChild) => void;
  /** Give up a call that holds a child. @returns whether there was one */
  readonly makeRoom: () => boolean;
}

export class Children {
  /** What the newest child said to `initialize`. */
  hello: Hello | undefined;
  readonly #options: ChildrenOptions;
  readonly #pools = new Map<string, ChildPool>();
  readonly #children = new Set<LegacyChild>();
  readonly #ready = new Set<LegacyChild>();
  #isClosed = false;
  #cancelLook: (() => void) | undefined;

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** Where to get a child for such a call. */
  pool(mode: Mode, capabilities: Capabilities, auth: AuthInfo): ChildPool {
    // What a child says late must not reach another person.
    const { isShared, service } = this.#options;
    const isOwn = isShared && mode !== "plain";
    const key = canonicalJson([capabilities, isOwn ? principalOf(auth) : ""]);
    let pool = this.#pools.get(key);
    if (!pool) {
      // What belongs to everybody is no one person's session.
      const everybody = isShared && !isOwn ? `everybody at ${service.name}` : undefined;
      const open = async (first: Caller): Promise<LegacyChild> =>
        await this.#open(capabilities, first, everybody ?? first.auth.subject, (child) =>
          pool?.remove(child),
        );
      this.#pools.set(key, (pool = new ChildPool(this.#options.clock, open)));
    }
    return pool;
  }

  /** A question of the bridge, to whichever child there is; where there is none, to one as `caller` needs it. */
  async ask(
    { method, params = {} }: Omit<JsonRpcRequest, "id">,
    capabilities: Capabilities,
    caller: Caller,
  ): Promise<JsonRpcResponse> {
    for (const child of this.#ready) if (!child.isLeaving) return await child.ask(method, params);
    const { signal } = new AbortController();
    const lease = await this.pool("plain", capabilities, caller.auth).acquire(
      "plain",
      caller,
      signal,
    );
    try {
      return await lease.child.ask(method, params);
    } finally {
      lease.release(true);
    }
  }

  /** Process id of the oldest. */
  get pid(): number | undefined {
    for (const child of this.#ready) return child.pid;
    return undefined;
  }

  async close(graceSeconds?: number): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook?.();
    await Promise.all(Array.from(this.#children, (child) => child.close(graceSeconds)));
  }

  async #open(
    capabilities: Capabilities,
    { auth, id, clientInfo }: Caller,
    subject: string,
    onGone: (child: LegacyChild) => void,
  ): Promise<LegacyChild> {
    const { clock, service, onChange, onClose } = this.#options;
    const giveBack = await this.#takeRoom(subject, id);
    let child: LegacyChild | undefined;
    try {
      // The server outlives the request it was started for.
      const channel = await service.connect(auth, new AbortController().signal);
      child = new LegacyChild({
        channel,
        clock,
        introduction: {
          capabilities,
          clientInfo: (clientInfo as object | undefined) ?? CLIENT_INFO,
        },
        onChange,
        onClose: (ended) => {
          this.#children.delete(ended);
          this.#ready.delete(ended);
          giveBack();
          onGone(ended);
          onClose(ended);
        },
      });
      this.#children.add(child);
      await child.open();
      if (this.#isClosed) throw new Error("the service is stopping");
      this.#ready.add(child);
      this.hello = child.hello;
      this.#cancelLook ??= this.#lookLater();
      return child;
    } catch (error) {
      void (child?.close() ?? Promise.resolve()).finally(giveBack);
      throw error;
    }
  }

  /** A child that nobody uses, or that waits for answers, makes place for one that is needed. @throws Refusal */
  async #takeRoom(subject: string, id: Caller["id"]): Promise<() => void> {
    const { slots, service, makeRoom } = this.#options;
    for (;;) {
      try {
        return slots.take(subject, id, service);
      } catch (error) {
        const leaving = this.#leaving ?? this.#evict();
        if (leaving) await leaving.gone;
        else if (!makeRoom()) throw error;
      }
    }
  }

  get #leaving(): LegacyChild | undefined {
    return [...this.#children].find(({ isLeaving }) => isLeaving);
  }

  #evict(): LegacyChild | undefined {
    for (const pool of this.#pools.values()) if (pool.evict()) return this.#leaving;
    return undefined;
  }

  #lookLater(): () => void {
    const { clock, limits } = this.#options;
    const { sessionIdle, sessionLifetime } = limits;
    return clock.after(Math.min(LOOK, sessionIdle / 2, sessionLifetime / 2), () => {
      for (const [key, pool] of this.#pools) {
        pool.reap(sessionIdle, sessionLifetime);
        if (pool.isEmpty) this.#pools.delete(key);
      }
      this.#cancelLook = this.#children.size > 0 ? this.#lookLater() : undefined;
    });
  }
}
