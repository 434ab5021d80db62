/**
 * To which attempt a step belongs.
 *
 * From the authorization request on there is no doubt: interaction and grant are one attempt's. Before it there is only where
 * a request comes from, and everybody who uses a hosted client comes from the same few addresses with the same user agent.
 * So an attempt takes a step it still lacks, the oldest that lacks it first; a step that none lacks is a repetition, unless two
 * 401s show that there are two clients; and whenever more than one attempt could have had a step, it is marked `possibly`. What
 * fits nowhere begins an attempt: two that should be one are better than one that should be two.
 */
import type { AttemptStep } from "../../control/attempts.ts";
import { peerKey, strangerKey, type Trace, type TraceBook } from "./trace-book.ts";
import { PATIENCE } from "./view.ts";

export interface Place {
  /** Undefined: it begins an attempt. */
  trace?: Trace | undefined;
  /** It fits into none, and is no beginning. */
  isNowhere?: true;
  isDoubtful?: boolean;
  /** Attempts it may concern besides, without being a step of them. */
  echoes?: Trace[];
}

const ON_THE_WAY = 120; // seconds between two steps that only their source connects
const AT_ONCE = 10; // seconds in which one program goes from a 401 to the metadata it names
const BEFORE_BROWSER = 900; // seconds from a registration to the browser that uses it
const AFTER_CODE = 120; // seconds in which a refused token request belongs to a login

/** @param mayBe whether a trace comes into question at all */
export function placeOf(
  book: TraceBook,
  step: AttemptStep,
  mayBe: (trace: Trace) => boolean = () => true,
): Place {
  const by = (key: string): Trace[] => book.by(key).filter(mayBe);
  const certain = [
    ...(step.interaction === undefined ? [] : by(`interaction:${step.interaction}`)),
    ...(step.grantId === undefined ? [] : by(`grant:${step.grantId}`)),
  ];
  if (certain[0]) return { trace: certain[0] };

  const near = (key: string): Trace[] => by(key).filter((one) => idle(one, step) <= ON_THE_WAY);
  const peers = (): Trace[] => near(peerKey(step));
  const strangers = (): Trace[] => near(strangerKey(step));
  switch (step.what) {
    case "mcp.unauthorized":
      return {
        trace: strangers().find((trace) => isAtTheDoor(trace, step)),
        echoes: peers().filter((trace) => isWaitingForCall(trace, step)),
      };
    case "metadata.resource":
    case "metadata.server":
      return placeOfMetadata(step, peers, strangers()) ?? placeAtSameAddress(step, by);
    case "path.unknown":
    case "host.unknown": {
      const unknown = strangers();
      const waiting = (): Trace | undefined =>
        peers().findLast((trace) => isWaitingForCall(trace, step));
      return { trace: unknown.at(-1) ?? waiting(), isDoubtful: unknown.length !== 1 };
    }
    case "registration": {
      const lacking = strangers().filter((trace) => !has(trace, "registration", true));
      const ready = lacking.find((trace) => has(trace, "metadata.server", true));
      return { trace: ready ?? lacking[0], isDoubtful: lacking.length > 1 };
    }
    case "client.document":
    case "authorize":
      return placeOfAuthorization(step, by);
    case "token.issued":
    case "token.refused":
      return placeOfToken(step, by);
    case "call.refused":
      if (step.clientId !== undefined) return {};
      return {
        trace: strangers().at(-1) ?? peers().findLast((trace) => isWaitingForCall(trace, step)),
      };
    case "token.refreshed":
    case "call.first":
      return { isNowhere: true };
    default:
      return {};
  }
}

function placeOfMetadata(
  step: AttemptStep,
  peers: () => readonly Trace[],
  strangers: readonly Trace[],
): Place | undefined {
  const wanted = strangers.filter((trace) => isAboutSame(trace, step));
  const [lacking, another] = wanted.filter((trace) => !hasSame(trace, step));
  if (lacking) return { trace: lacking, isDoubtful: another !== undefined };
  const repeating = wanted.at(-1);
  // As many clients as there were equal 401s came from there, and this is the next of them.
  const crowd = repeating?.steps.find(({ what }) => what === "mcp.unauthorized")?.times ?? 1;
  if (repeating && wanted.length < crowd) return { isDoubtful: true };
  if (repeating) return { trace: repeating, isDoubtful: wanted.length > 1 };
  // A client that comes back from the browser often reads everything once more.
  const open = peers().filter((trace) => !has(trace, "call.first"));
  return open.length === 0 ? undefined : { trace: open.at(-1), isDoubtful: open.length > 1 };
}

/** Some programs call and look around with two libraries, which have two user agents. */
function placeAtSameAddress(step: AttemptStep, by: (key: string) => Trace[]): Place {
  const atDoor = by(`source:${step.source}`).filter(
    (trace) => isAtTheDoor(trace, step) && idle(trace, step) <= AT_ONCE,
  );
  return atDoor.length === 1 ? { trace: atDoor[0], isDoubtful: true } : {};
}

function placeOfAuthorization(step: AttemptStep, by: (key: string) => Trace[]): Place {
  const ofClient = by(`client:${step.clientId}`).filter(
    (trace) => !has(trace, "authorize", true) && idle(trace, step) <= BEFORE_BROWSER,
  );
  if (ofClient[0]) return { trace: ofClient[0], isDoubtful: ofClient.length > 1 };
  // Known before: what is there of this attempt has no client id yet.
  const place = step.resource === undefined ? `source:${step.source}` : `resource:${step.resource}`;
  const strangers = by(place).filter(
    (trace) =>
      trace.kind === "anonymous" &&
      idle(trace, step) <= ON_THE_WAY &&
      trace.steps.some(({ what }) => what.startsWith("metadata.")),
  );
  const neighbours = strangers.filter(({ steps }) =>
    steps.some(({ source }) => source === step.source),
  );
  if (neighbours.length === 1) return { trace: neighbours[0], isDoubtful: strangers.length > 1 };
  return strangers.length === 1 ? { trace: strangers[0], isDoubtful: true } : {};
}

function placeOfToken(step: AttemptStep, by: (key: string) => Trace[]): Place {
  const ofClient = by(`client:${step.clientId}`);
  const waiting = ofClient.filter(
    (trace) =>
      (has(trace, "code.issued") || has(trace, "consent.given")) &&
      !has(trace, "token.issued") &&
      idle(trace, step) <= AFTER_CODE,
  );
  const near = waiting.filter(({ keys }) => keys.has(peerKey(step)));
  const [only, another] = near.length > 0 ? near : waiting;
  if (only) return { trace: only, isDoubtful: another !== undefined };
  // Something else than the code, later: a refresh token that nobody knows, for one.
  const served = ofClient.filter(
    (trace) => has(trace, "token.issued") && trace.keys.has(peerKey(step)),
  );
  return served.length === 1 ? { trace: served[0], isDoubtful: true } : {};
}

function idle({ steps }: Trace, step: AttemptStep): number {
  return step.at - (steps.at(-1)?.at ?? step.at);
}

function has({ steps }: Trace, what: AttemptStep["what"], isGood = false): boolean {
  return steps.some((step) => step.what === what && !(isGood && step.error !== undefined));
}

function hasSame({ steps }: Trace, { what, request }: AttemptStep): boolean {
  return steps.some((step) => step.what === what && step.request === request);
}

/** Up to this step only calls without a token, to the same resource; another replica may tell of it late. */
function isAtTheDoor(trace: Trace, step: AttemptStep): boolean {
  return (
    trace.steps.every(({ what, at }) => what === "mcp.unauthorized" || at > step.at) &&
    isAboutSame(trace, step)
  );
}

function isAboutSame({ steps }: Trace, { resource }: AttemptStep): boolean {
  return steps.every(
    (step) => resource === undefined || step.resource === undefined || step.resource === resource,
  );
}

function isWaitingForCall(trace: Trace, step: AttemptStep): boolean {
  return has(trace, "token.issued") && !has(trace, "call.first") && idle(trace, step) <= PATIENCE;
}
