/**
 * Who shares a running server with whom: nobody, the sessions of one principal, or everybody (`isolation`).
 */
import { greet, type Greeted, type Greeting } from "../greet.ts";
import type { JsonRpcErrorResponse } from "../../mcp/json-rpc.ts";
import type { Service } from "../service/service.ts";
import { introductionFor } from "./introduction.ts";
import { LateChannel } from "./late-channel.ts";
import { ownerOf } from "./owner-of.ts";
import { SharedChild } from "./shared-child.ts";

type Opened = SharedChild | JsonRpcErrorResponse;

export class SharedChildren {
  /** A service that was replaced keeps its own. */
  readonly #children = new WeakMap<Service, Map<string, Promise<Opened>>>();

  /**
   * The first words with a server: one of the caller's own, or one that runs and may be shared.
   * @returns closing the last channel to a shared server ends it
   * @throws as `greet`
   */
  async greet(greeting: Greeting): Promise<Greeted> {
    const { service, hello, signal } = greeting;
    if (service.config.isolation === "session") return await greet(greeting);
    for (;;) {
      const child = await this.#childFor(greeting);
      if (!(child instanceof SharedChild)) {
        return { channel: NOTHING, answer: { ...child, id: hello.id }, early: [] };
      }
      const channel = child.join();
      if (!channel) continue;
      if (signal.aborted) {
        await channel.close();
        throw new Error("given up");
      }
      return { channel, answer: child.answer(hello), early: [] };
    }
  }

  /** The service for who opens channels and introduces itself later: `connect` leads to the shared server. */
  viewOf(service: Service, settings: Pick<Greeting, "clock" | "pendingInput">): Service {
    if (service.config.isolation === "session") return service;
    return {
      name: service.name,
      config: service.config,
      era: (signal, caller) => service.era(signal, caller),
      connect: (auth) =>
        Promise.resolve(
          new LateChannel((hello, signal) =>
            this.greet({ ...settings, service, auth, hello, signal }),
          ),
        ),
      health: () => service.health(),
      stop: (graceSeconds) => service.stop(graceSeconds),
    };
  }

  #childFor(greeting: Greeting): Promise<Opened> {
    const { service, auth } = greeting;
    const children = this.#children.get(service) ?? new Map<string, Promise<Opened>>();
    this.#children.set(service, children);
    const key = ownerOf(service, auth);
    const known = children.get(key);
    if (known) return known;
    const retire = (): void => {
      if (children.get(key) === opened) children.delete(key);
    };
    const opened = open(greeting, retire);
    children.set(key, opened);
    opened.then((child) => child instanceof SharedChild || retire(), retire);
    return opened;
  }
}

async function open(greeting: Greeting, onRetire: () => void): Promise<Opened> {
  const { service, hello, clock } = greeting;
  const isPrivate = service.config.isolation !== "shared";
  const { channel, answer } = await greet({
    ...greeting,
    hello: { ...hello, params: introductionFor(hello.params ?? {}, isPrivate) },
    // It outlives the request it was started for.
    signal: new AbortController().signal,
  });
  if ("error" in answer) {
    void channel.close();
    return answer;
  }
  return new SharedChild({ channel, clock, hello: answer.result, isPrivate, onRetire });
}

/** The channel to a server that did not want to be introduced. */
const NOTHING = {
  start: () => Promise.resolve(),
  send: () => Promise.reject(new Error("there is no server")),
  close: () => Promise.resolve(),
};
