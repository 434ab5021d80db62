/**
 * The first words with a server on behalf of a client that sends `initialize`.
 *
 * Where the configuration or an earlier probe tells that the server speaks only 2026-07-28, it is spoken to through a
 * translation. Where nothing is known it is greeted as if it were older, on the process that will serve: that is what
 * such servers expect first, so nearly all sessions begin without a probe and without waiting for one. A server that
 * refuses by naming its versions (-32022) has told its revision and keeps no state, so the same process goes on in
 * translation. Any other refusal may mean anything: then, once, disposable processes are probed.
 */
import type { AuthInfo } from "../auth-info.ts";
import type { Clock } from "../clock.ts";
import {
  ERROR_CODES,
  isResponse,
  type JsonRpcMessage,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from "../mcp/json-rpc.ts";
import type { Channel, Service } from "./service/service.ts";
import { LegacyChannel } from "./translate/legacy-channel.ts";

const TIMEOUT = 60; // seconds; a launcher may have to download the server first

export interface Greeting {
  readonly service: Service;
  readonly auth: AuthInfo;
  /** `initialize` under an id of ours. */
  readonly hello: JsonRpcRequest;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Seconds a user may take for an answer. */
  readonly pendingInput: number;
}

export interface Greeted {
  readonly channel: Channel;
  readonly answer: JsonRpcResponse;
  /** What came right behind the answer, in the same chunk. */
  readonly early: readonly JsonRpcMessage[];
}

/** @throws when the server cannot be started, ends or stays silent; it is closed then */
export async function greet(greeting: Greeting): Promise<Greeted> {
  const { service, signal } = greeting;
  const era = service.config.era === "auto" ? service.health().era : service.config.era;
  if (era === "modern") return await inTranslation(greeting);
  const channel = await service.connect(greeting.auth, signal);
  const greeted = await ask(channel, greeting, () => channel.start());
  if (!("error" in greeted.answer)) return greeted;
  if (greeted.answer.error.code === ERROR_CODES.unsupportedVersion) {
    return await ask(translate(channel, greeting), greeting);
  }
  if (era !== undefined) return greeted;
  try {
    if ((await service.era(signal, greeting.auth)) !== "modern") return greeted;
  } catch (error) {
    void channel.close();
    throw error;
  }
  void channel.close();
  return await inTranslation(greeting);
}

async function inTranslation(greeting: Greeting): Promise<Greeted> {
  const channel = await greeting.service.connect(greeting.auth, greeting.signal);
  return await ask(translate(channel, greeting), greeting, () => channel.start());
}

function translate(channel: Channel, { service, clock, pendingInput }: Greeting): LegacyChannel {
  return new LegacyChannel({ channel, name: service.name, clock, pendingInput });
}

/** @param begin before the first word */
async function ask(
  channel: Channel,
  { hello, clock }: Greeting,
  begin: () => Promise<void> = () => Promise.resolve(),
): Promise<Greeted> {
  const early: JsonRpcMessage[] = [];
  let cancel: () => void = () => undefined;
  try {
    const answer = await new Promise<JsonRpcResponse>((resolve, reject) => {
      cancel = clock.after(TIMEOUT, () =>
        reject(new Error(`no answer to initialize within ${TIMEOUT} seconds`)),
      );
      channel.onmessage = (message) => {
        if (isResponse(message) && message.id === hello.id) resolve(message);
        else early.push(message);
      };
      channel.onclose = (reason) => reject(new Error(reason));
      begin()
        .then(() => channel.send(hello))
        .catch(reject);
    });
    return { channel, answer, early };
  } catch (error) {
    void channel.close();
    throw error;
  } finally {
    cancel();
  }
}
