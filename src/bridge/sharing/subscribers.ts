/**
 * Which sessions of a shared server want to hear of which resource.
 */
export class Subscribers<Session> {
  readonly #byUri = new Map<string, Set<Session>>();

  add(uri: string, session: Session): void {
    const sessions = this.#byUri.get(uri);
    if (sessions) sessions.add(session);
    else this.#byUri.set(uri, new Set([session]));
  }

  /** @returns whether it was the last one */
  delete(uri: string, session: Session): boolean {
    const sessions = this.#byUri.get(uri);
    sessions?.delete(session);
    if (sessions && sessions.size > 0) return false;
    this.#byUri.delete(uri);
    return true;
  }

  /** Forget a session. @returns what nobody wants to hear of any more */
  leave(session: Session): string[] {
    return [...this.#byUri.entries()].flatMap(([uri, sessions]) =>
      sessions.has(session) && this.delete(uri, session) ? [uri] : [],
    );
  }

  /** Who subscribed to `uri`, or to what it is a part of (MCP 2025-11-25, "resources/updated"). */
  of(uri: unknown): Set<Session> {
    const found = new Set<Session>();
    if (typeof uri !== "string") return found;
    for (const [subscribed, sessions] of this.#byUri) {
      if (uri === subscribed || isPart(uri, subscribed)) {
        for (const session of sessions) found.add(session);
      }
    }
    return found;
  }
}

function isPart(uri: string, whole: string): boolean {
  return uri.startsWith(whole) && (whole.endsWith("/") || /[/?#]/.test(uri.charAt(whole.length)));
}
