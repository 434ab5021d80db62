/**
 * What an application gives the MCP SDKs (v1 and v2 ask for the same shape) so that they can log in: it keeps what they save in
 * memory, and where an application would open a browser it lets a person approve at once.
 */
import { approve } from "./form-browser.ts";

type Stored = Record<string, unknown>;

export class TestOAuthProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: {
    client_name: string;
    redirect_uris: string[];
    grant_types: string[];
    response_types: string[];
    token_endpoint_auth_method: string;
  };
  /** The query of the redirect back to the application, once a person has approved. */
  callback: URLSearchParams | undefined;
  #client: Stored | undefined;
  #tokens: Stored | undefined;
  #verifier = "";
  #discovery: Stored | undefined;

  constructor(redirectUrl = "http://127.0.0.1:49153/callback") {
    this.redirectUrl = redirectUrl;
    this.clientMetadata = {
      client_name: "SDK client",
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  state = (): string => "state-of-the-test";
  clientInformation = (): any => this.#client; // oxlint-disable-line no-explicit-any -- two SDKs, two types
  saveClientInformation = (client: unknown): void => {
    this.#client = client as Stored;
  };
  tokens = (): any => this.#tokens; // oxlint-disable-line no-explicit-any -- two SDKs, two types
  saveTokens = (tokens: unknown): void => {
    this.#tokens = tokens as Stored;
  };
  saveCodeVerifier = (verifier: string): void => {
    this.#verifier = verifier;
  };
  codeVerifier = (): string => this.#verifier;
  saveDiscoveryState = (state: unknown): void => {
    this.#discovery = state as Stored;
  };
  discoveryState = (): any => this.#discovery; // oxlint-disable-line no-explicit-any -- two SDKs, two types

  redirectToAuthorization = async (url: URL): Promise<void> => {
    this.callback = (await approve(url)).searchParams;
  };
}
