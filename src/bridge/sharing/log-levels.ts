/**
 * What each session wants of the log of a server they share. The server is told the most verbose of it.
 */
import { LOG_LEVELS } from "../../mcp/revisions.ts";

/** For a session that never said, once another one has; until then the server says what it likes. */
const DEFAULT = "info";

export class LogLevels<Session> {
  readonly #wanted = new Map<Session, string | undefined>();
  #isSet = false;

  add(session: Session): void {
    this.#wanted.set(session, undefined);
  }

  delete(session: Session): void {
    this.#wanted.delete(session);
  }

  /** @returns what takes it back, or undefined for a level that does not exist */
  set(session: Session, level: unknown): (() => void) | undefined {
    if (!LOG_LEVELS.includes(level)) return undefined;
    const before = this.#wanted.get(session);
    this.#wanted.set(session, level as string);
    this.#isSet = true;
    return () => this.#wanted.set(session, before);
  }

  /** What the server has to be told; undefined while nobody asked for anything. */
  get lowest(): string | undefined {
    if (!this.#isSet) return undefined;
    const all = Array.from(this.#wanted.values(), (level) => LOG_LEVELS.indexOf(level ?? DEFAULT));
    return LOG_LEVELS[Math.min(...all, LOG_LEVELS.length - 1)] as string;
  }

  /** @param level of a `notifications/message` */
  wants(session: Session, level: unknown): boolean {
    const severity = LOG_LEVELS.indexOf(level);
    if (!this.#isSet || severity === -1) return true;
    return severity >= LOG_LEVELS.indexOf(this.#wanted.get(session) ?? DEFAULT);
  }
}
