/**
 * Secrets that people have entered for services, encrypted in the store. One record holds what one person has entered for one
 * service; every change is one compare-and-set of it and gives it another version.
 *
 * A value leaves here for the bridge only (`values`), never for a page, a command, an event or the log. Each is bound to its
 * person, service and name: a record, or a part of one, in another's place does not open.
 */
import type { CredentialSource } from "../bridge/bridge.ts";
import { epochSeconds, type Clock } from "../clock.ts";
import type { EventBus } from "../events.ts";
import { digest, randomId } from "../random.ts";
import { records } from "./control/all-records.ts";
import type { Seal } from "./seal.ts";
import type { CredentialRecord } from "./store/credential-records.ts";
import type { Store } from "./store/store.ts";

export interface Credentials extends CredentialSource {
  /** When each was entered, in seconds since the epoch, by name. */
  entered(service: string, subject: string): Promise<ReadonlyMap<string, number>>;
  /** Enter or replace some; the others stay. */
  enter(service: string, subject: string, values: ReadonlyMap<string, string>): Promise<void>;
  /** @param name all of the service when not given. @returns names of those that were there */
  remove(service: string, subject: string, name?: string): Promise<string[]>;
  /** Encrypt anew what an older secret has encrypted, so that it can be given up. */
  renew(): Promise<void>;
}

interface CredentialsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly issuer: string;
  /** Asked for when the first one is needed: where nothing is entered, nothing has to be derived. */
  readonly seal: () => Promise<Seal>;
}

/** Each failed attempt means that somebody else changed the record. */
const ATTEMPTS = 8;

type Values = CredentialRecord["values"];

export function createCredentials(options: CredentialsOptions): Credentials {
  const { store, clock, events, issuer } = options;
  const find = (service: string, subject: string): Promise<CredentialRecord | undefined> =>
    store.get("credential", keyOf(service, subject));

  /** @param next values as they are to be; the same ones: nothing is done */
  async function change(
    service: string,
    subject: string,
    next: (values: Values) => Values,
  ): Promise<void> {
    const id = keyOf(service, subject);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const seen = await store.get("credential", id);
      const before = seen?.values ?? {};
      const values = next(before);
      if (values === before) return;
      const record = { subject, service, version: randomId(), values };
      const isEmpty = Object.keys(values).length === 0;
      const isDone = await store.transact([
        { type: "check", kind: "credential", id, seen },
        isEmpty
          ? { type: "delete", kind: "credential", id }
          : { type: "put", kind: "credential", id, record },
      ]);
      if (!isDone) continue;
      events.publish({ type: "credentials.changed", at: epochSeconds(clock), service, subject });
      return;
    }
    throw new Error("The credentials change faster than they can be written");
  }

  return {
    page: (service) => `${issuer}/credentials?service=${encodeURIComponent(service)}`,
    async state(service, subject) {
      const record = await find(service, subject);
      return {
        version: record?.version ?? "none",
        names: new Set(Object.keys(record?.values ?? {})),
      };
    },
    async values(service, subject) {
      const record = await find(service, subject);
      const values = new Map<string, string>();
      for (const [name, { sealed }] of Object.entries(record?.values ?? {})) {
        const seal = await options.seal();
        const value = await open(seal, sealed, service, subject, name);
        values.set(name, value);
      }
      return values;
    },
    async entered(service, subject) {
      const { values = {} } = (await find(service, subject)) ?? {};
      return new Map(Object.entries(values).map(([name, { setAt }]) => [name, setAt]));
    },
    async enter(service, subject, values) {
      const seal = await options.seal();
      const sealed: Values = {};
      for (const [name, value] of values) {
        sealed[name] = {
          sealed: await seal.close(value, boundTo(service, subject, name)),
          setAt: epochSeconds(clock),
        };
      }
      if (values.size > 0) await change(service, subject, (before) => ({ ...before, ...sealed }));
    },
    async remove(service, subject, name) {
      let removed: string[] = [];
      await change(service, subject, (before) => {
        removed = Object.keys(before).filter((one) => name === undefined || one === name);
        if (removed.length === 0) return before;
        return Object.fromEntries(Object.entries(before).filter(([one]) => !removed.includes(one)));
      });
      return removed;
    },
    async renew() {
      for await (const { id, record } of records(store, "credential")) {
        const seal = await options.seal();
        const values: Values = {};
        for (const [name, { sealed, setAt }] of Object.entries(record.values)) {
          const { service, subject } = record;
          const isStale = await seal.isStale(sealed);
          const bound = boundTo(service, subject, name);
          // What does not open is told to the person who needs it; nobody else has to wait for that.
          const text = isStale ? await seal.open(sealed, bound).catch(() => undefined) : undefined;
          values[name] =
            text === undefined
              ? { sealed, setAt }
              : { sealed: await seal.close(text, bound), setAt };
        }
        if (JSON.stringify(values) === JSON.stringify(record.values)) continue;
        // The same secrets, so the same version; who loses the race was overwritten by something newer.
        await store.replace("credential", id, record, { ...record, values });
      }
    },
  };
}

async function open(
  seal: Seal,
  sealed: Values[string]["sealed"],
  service: string,
  subject: string,
  name: string,
): Promise<string> {
  const text = await seal.open(sealed, boundTo(service, subject, name)).catch(() => undefined);
  if (text !== undefined) return text;
  throw new Error(`a credential for service ${service} cannot be decrypted; enter it again`);
}

/** Of the record. */
export function keyOf(service: string, subject: string): string {
  return digest(boundTo(service, subject));
}

function boundTo(...place: string[]): string {
  return JSON.stringify(["credential", ...place]);
}
