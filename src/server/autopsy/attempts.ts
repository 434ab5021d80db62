/**
 * The login autopsy: every attempt to log in is one trace, from the first 401 to the first call, with a verdict.
 *
 *     request -> note() -> which attempt? (stitching.ts) -> kept (trace-book.ts) -> told to other replicas
 *                                                        \-> verdict (verdict.ts), now and when time has passed
 *
 * Endpoints note what they do; a call with a token that has been used before notes nothing. In memory only: a restart forgets.
 * Each replica has what happened to it at once, and what happened to others over the event bus.
 */
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import type {
  Attempt,
  AttemptFilter,
  AttemptStep,
  AttemptSummary,
} from "../../control/attempts.ts";
import type { EventBus, GatewayEvent } from "../../events.ts";
import { randomId } from "../../random.ts";
import { cleaned, describeRequest, type Noted } from "./step.ts";
import { placeOf } from "./stitching.ts";
import { createTraceBook, summaryOf, type Trace } from "./trace-book.ts";
import { judge } from "./verdict.ts";
import { PATIENCE_WITH_PEOPLE } from "./view.ts";

export interface Attempts {
  /** Somebody did one step towards a token. @param request that it came with */
  note(step: Noted, request?: IncomingMessage): void;
  /** Newest first. */
  list(filter?: AttemptFilter): AttemptSummary[];
  /** Those whose id is or begins so. */
  find(id: string): Attempt[];
  close(): void;
}

const SWEEP = 5; // seconds between two looks for attempts that have come to a stop
const USUALLY_LISTED = 50;

export function createAttempts({
  clock,
  config,
  events,
}: {
  clock: Clock;
  config: Config;
  events: EventBus;
}): Attempts {
  const book = createTraceBook();
  let cancelSweep: (() => void) | undefined;

  /** @param told what another replica says of it */
  function take(step: AttemptStep, told?: { replica: string; attempt: string }): void {
    const known = told && book.get(told.attempt);
    // A replica that has two names for what looks like one attempt to us knows better.
    const mayBe = ({ calledBy }: Trace): boolean =>
      told === undefined || (calledBy.get(told.replica) ?? told.attempt) === told.attempt;
    const place = placeOf(book, step, mayBe);
    const echo = { ...step, possibly: true as const };
    for (const trace of place.echoes ?? []) if (trace !== known) book.append(trace, echo);
    if (known === undefined && place.isNowhere) return;
    const trace = known ?? place.trace ?? book.create(told?.attempt ?? randomId());
    if (told) {
      trace.calledBy.set(told.replica, told.attempt);
      book.addKey(trace, `id:${told.attempt}`);
    }
    trace.isOurs = told === undefined;
    const kept = place.isDoubtful === true && !known ? echo : step;
    if (step.what === "call.first") dropEchoes(trace);
    const isNew = book.append(trace, kept);
    if (isNew && told === undefined) {
      events.publish({ type: "attempt.noted", at: step.at, attempt: trace.id, step: kept });
    }
    if (isNew && isEnd(step)) announce(trace);
    cancelSweep ??= clock.after(SWEEP, sweep);
  }

  /** The client came with its token after all: what came without one was somebody else's. */
  function dropEchoes(trace: Trace): void {
    const token = trace.steps.findLastIndex(({ what }) => what === "token.issued");
    for (const step of trace.steps.slice(token + 1)) {
      if (step.what === "mcp.unauthorized" && step.possibly) book.remove(trace, step);
    }
  }

  function announce(trace: Trace): void {
    const { state, verdict } = judge(trace.steps, clock.now());
    if (state === "running" || trace.announced === verdict) return;
    trace.announced = verdict;
    if (!trace.isOurs) return; // the replica where it ended says so
    const { clientId, resource } = summaryOf(trace);
    events.publish({
      type: "attempt.ended",
      at: clock.now(),
      attempt: trace.id,
      state,
      verdict,
      ...(clientId !== undefined && { clientId }),
      ...(resource !== undefined && { resource }),
    });
  }

  function sweep(): void {
    const youngest = clock.now() - PATIENCE_WITH_PEOPLE - 2 * SWEEP;
    let isOpen = false;
    for (const trace of book.all()) {
      announce(trace);
      isOpen ||= trace.steps.at(-1)!.at > youngest;
    }
    cancelSweep = isOpen ? clock.after(SWEEP, sweep) : undefined;
  }

  function hear(event: GatewayEvent): void {
    if (event.type === "attempt.noted" && event.replica !== undefined) {
      return take(event.step, { replica: event.replica, attempt: event.attempt });
    }
    if (event.type !== "token.issued" || event.replica !== undefined) return;
    const { at: _at, grantType, clientId, subject, grantId, resource } = event;
    const isRefresh = grantType === "refresh_token";
    if (!isRefresh && !OF_PEOPLE.has(grantType)) return;
    note({
      what: isRefresh ? "token.refreshed" : "token.issued",
      clientId,
      subject,
      grantId,
      resource,
    });
  }

  function note(step: Noted, request?: IncomingMessage): void {
    const facts = { at: clock.now(), ...(request && describeRequest(config, request)), ...step };
    take(cleaned(facts));
  }

  function summarize(trace: Trace): AttemptSummary {
    return {
      id: trace.id,
      ...judge(trace.steps, clock.now()),
      startedAt: trace.steps[0]!.at,
      lastAt: trace.steps.at(-1)!.at,
      ...summaryOf(trace),
      ...(trace.steps.some(({ possibly }) => possibly) && { possibly: true as const }),
    };
  }

  const unsubscribe = events.subscribe(hear);
  return {
    note,
    list({ client, state, since = 0, limit = USUALLY_LISTED } = {}) {
      return book
        .all()
        .map(summarize)
        .filter((attempt) => state === undefined || attempt.state === state)
        .filter(({ lastAt }) => lastAt >= since)
        .filter((attempt) => client === undefined || isOf(attempt, client))
        .toSorted((a, b) => b.startedAt - a.startedAt)
        .slice(0, limit);
    },
    find(id) {
      const exact = book.get(id);
      const found = exact ? [exact] : book.all().filter((trace) => trace.id.startsWith(id));
      return found.map((trace) => ({ ...summarize(trace), steps: [...trace.steps] }));
    },
    close() {
      unsubscribe();
      cancelSweep?.();
    },
  };
}

/** Grant types at the end of a login; with others a program acts without one. */
const OF_PEOPLE: ReadonlySet<string> = new Set([
  "authorization_code",
  "urn:ietf:params:oauth:grant-type:device_code",
]);

/** Whether a verdict can follow at once; all others need time to pass, and the next sweep finds them. */
function isEnd({ what, error }: AttemptStep): boolean {
  return error !== undefined || what === "call.first" || what === "consent.denied";
}

function isOf({ clientId = "", clientName = "" }: AttemptSummary, wanted: string): boolean {
  return clientId.startsWith(wanted) || clientName.toLowerCase() === wanted.toLowerCase();
}
