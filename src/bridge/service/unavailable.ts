/**
 * A service that cannot be used now and may be later. Whoever answers the client says so with 503 and `Retry-After`.
 */
export class ServiceUnavailable extends Error {
  override readonly name = "ServiceUnavailable";
  /** Whole seconds, at least one. */
  readonly retryAfter: number;

  /** @param reason for the client's developer; secrets filtered */
  constructor(reason: string, retryAfter: number) {
    super(reason);
    this.retryAfter = Math.max(1, Math.ceil(retryAfter));
  }
}
