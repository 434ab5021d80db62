/**
 * HTTP with a token: every request carries the newest one, and what a server refuses for want of a right is sent once more
 * when the right is there. 401: another process's token, a refreshed one, a login, in this order. 403 insufficient_scope: a
 * login for everything asked for so far and what is needed now, once.
 *
 * Nobody at a screen is asked for the sake of a stream the host did not ask for, or of a good-bye.
 */
import { UserError } from "../errors.ts";
import { RemoteFailure } from "../mcp/remote/remote-failure.ts";
import type { HttpHead, HttpReceiver, HttpRequest, HttpSender } from "../mcp/remote/remote-http.ts";
import type { Authorizer, Renewed } from "./authorizer.ts";
import { readChallenge } from "./challenge.ts";

export interface AuthorizedSenderOptions {
  sender: HttpSender;
  /** Left out where the person gave an `Authorization` header: then there is nothing we could do about a refusal. */
  authorizer: Authorizer | undefined;
  /** Every answer, before anybody acts on it. */
  onHead: (request: HttpRequest, status: number) => void;
  /** A right that could not be had; told to the person besides. */
  onFailure: (error: unknown) => void;
}

/** A request that could not be sent because nobody let us in; the message is a whole sentence. */
export class NotAuthorized extends RemoteFailure {}

export class AuthorizedSender implements HttpSender {
  readonly url: URL;
  readonly #options: AuthorizedSenderOptions;

  constructor(options: AuthorizedSenderOptions) {
    this.url = options.sender.url;
    this.#options = options;
  }

  send(request: HttpRequest, receiver: HttpReceiver): () => void {
    const attempts = new Attempts(this.#options, request, receiver);
    void attempts.begin();
    return () => attempts.abort();
  }
}

class Attempts {
  readonly #options: AuthorizedSenderOptions;
  readonly #request: HttpRequest;
  readonly #receiver: HttpReceiver;
  #abort: () => void = () => undefined;
  #isOver = false;
  #token: string | undefined;
  /** How the token in use came to be. */
  #by: Renewed["by"] | undefined;
  #isWidened = false;

  constructor(options: AuthorizedSenderOptions, request: HttpRequest, receiver: HttpReceiver) {
    this.#options = options;
    this.#request = request;
    this.#receiver = receiver;
  }

  async begin(): Promise<void> {
    try {
      this.#send(await this.#options.authorizer?.token());
    } catch (error) {
      this.#fail(error);
    }
  }

  abort(): void {
    this.#isOver = true;
    this.#abort();
  }

  #send(token: string | undefined): void {
    if (this.#isOver) return;
    this.#token = token;
    const { sender, onHead } = this.#options;
    const own = token === undefined ? [] : ["authorization", `Bearer ${token}`];
    const request = { ...this.#request, headers: [...this.#request.headers, ...own] };
    let isRefused = false;
    this.#abort = sender.send(request, {
      onHead: (head, stop) => {
        onHead(this.#request, head.status);
        isRefused = this.#mayRepair(head);
        if (!isRefused) return this.#receiver.onHead(head, stop);
        stop();
        void this.#repair(head);
      },
      onData: (chunk) => this.#receiver.onData(chunk),
      onEnd: () => this.#receiver.onEnd(),
      onFailure: (failure) => {
        if (!isRefused) this.#receiver.onFailure(failure);
      },
    });
  }

  #mayRepair({ status, headers }: HttpHead): boolean {
    if (this.#request.method === "DELETE" || !this.#options.authorizer) return false;
    if (status === 401) return true;
    if (status !== 403 || this.#isWidened || this.#request.method === "GET") return false;
    return readChallenge(headers["www-authenticate"]).error === "insufficient_scope";
  }

  async #repair({ status, headers }: HttpHead): Promise<void> {
    try {
      const challenge = readChallenge(headers["www-authenticate"]);
      const renewed =
        status === 401
          ? await this.#renew(challenge)
          : await this.#options.authorizer!.widen(this.#token!, challenge);
      this.#isWidened ||= status === 403 && renewed?.by === "login";
      if (!renewed) {
        const scope = challenge.scope === undefined ? "" : ` (${challenge.scope})`;
        throw new UserError(`${this.#place()} wants more rights${scope} than it gave`, {
          hint: "Ask its operator for them, or log in as somebody else: mcp-gateway connect --logout URL",
        });
      }
      this.#by = renewed.by;
      this.#send(renewed.token);
    } catch (error) {
      this.#fail(error);
    }
  }

  #renew(challenge: ReturnType<typeof readChallenge>): Promise<Renewed> {
    if (this.#by === "login") {
      throw new UserError(`${this.#place()} refuses the token that was made for it a moment ago`, {
        hint: `Its operator will find the reason in its log${challenge.description ? `: ${challenge.description}` : "."}`,
      });
    }
    // The first request of the transport of 2024-11-05 is a GET, too; there is no token then.
    const isOnlyStream = this.#request.method === "GET" && this.#token !== undefined;
    const wanted = isOnlyStream ? undefined : challenge;
    return this.#options.authorizer!.renew(this.#token, wanted, this.#by !== "refresh");
  }

  #place(): string {
    return this.#options.sender.url.origin;
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A stream that nobody asked for is tried again and again; its reasons are not news.
    if (this.#request.method !== "GET") this.#options.onFailure(error);
    const { message, hint } = error as UserError;
    this.#receiver.onFailure(
      new NotAuthorized(hint === undefined ? message : `${message}. ${hint}`),
    );
  }
}
