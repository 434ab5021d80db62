/**
 * What every way of giving this machine a public address is to `dev`.
 */
export interface TunnelProvider {
  /** For messages. */
  readonly id: "ssh" | "ngrok" | "cloudflared" | "url";
  /**
   * Give a port of 127.0.0.1 a public address. That it really leads here is not known yet: the self-test finds out.
   * @param tell a sentence for the person at the terminal
   * @throws UserError when there will be none
   */
  open(port: number, tell: (sentence: string) => void): Promise<Tunnel>;
}

export interface Tunnel {
  /** An origin, no trailing slash. */
  readonly publicUrl: string;
  /** Aborted with a UserError as its reason when the address is lost for good; never by `close`. */
  readonly lost: AbortSignal;
  close(): void;
}
