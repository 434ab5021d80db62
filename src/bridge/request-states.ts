/**
 * What a server of 2026-07-28 wants back with the answers to its questions (`requestState`), bound to whose request it was:
 * the server itself knows no callers, so without that somebody else could go on with a state he got hold of, or use it for
 * another request (MCP 2026-07-28, "Multi round-trip requests").
 *
 * A seal before the server's own text, over who asked what. Nothing is kept: it holds after a restart and at another
 * replica, and how long the state is good for is the server's to say.
 */
import { principalOf, type AuthInfo } from "../auth-info.ts";
import { asObject, type JsonRpcRequest } from "../mcp/json-rpc.ts";
import { equalInConstantTime, keyedDigest, randomToken } from "../random.ts";
import { canonicalJson } from "./translate/modern-canonical.ts";
import { ASKING } from "../mcp/revisions.ts";

const SEAL_LENGTH = 43; // characters of a keyed digest

/** 256 bits each, the newest first. */
export type Secrets = () => Promise<readonly Buffer[]>;

type Asked = Pick<JsonRpcRequest, "method" | "params">;

export class RequestStates {
  readonly #secrets: Secrets;

  /** @param secrets those of this process alone, unless told */
  constructor(secrets: Secrets | undefined) {
    const own = [Buffer.from(randomToken(), "base64url")];
    this.#secrets = secrets ?? (() => Promise.resolve(own));
  }

  /** Seal the state in `result`, if there is one. */
  async seal(result: unknown, auth: AuthInfo, asked: Asked): Promise<void> {
    const members = asObject(result)!;
    const state = members["requestState"] as string;
    const [newest] = await this.#secrets();
    members["requestState"] = `${sealOf(newest!, auth, asked, state)}.${state}`;
  }

  /**
   * Put the server's own text into a request that brings a state (`bringsState`).
   * @returns false when the state is not of this caller and this request; nothing has been changed then
   */
  async open(auth: AuthInfo, request: JsonRpcRequest): Promise<boolean> {
    const sealed = request.params?.["requestState"];
    if (typeof sealed !== "string" || sealed[SEAL_LENGTH] !== ".") return false;
    const seal = sealed.slice(0, SEAL_LENGTH);
    const state = sealed.slice(SEAL_LENGTH + 1);
    const secrets = await this.#secrets();
    const isOurs = secrets.some((secret) =>
      equalInConstantTime(seal, sealOf(secret, auth, request, state)),
    );
    if (isOurs) request.params!["requestState"] = state;
    return isOurs;
  }
}

/** Whether it is a request that goes on with what was asked before. */
export function bringsState({ method, params }: JsonRpcRequest): boolean {
  return params?.["requestState"] !== undefined && ASKING.has(method);
}

/** Whether it is a result whose state has to be sealed. */
export function hasState(result: unknown): boolean {
  const members = asObject(result);
  return (
    members?.["resultType"] === "input_required" && typeof members["requestState"] === "string"
  );
}

function sealOf(secret: Buffer, auth: AuthInfo, { method, params }: Asked, state: string): string {
  const { _meta, inputResponses: _, requestState: __, ...same } = params ?? {};
  const binding = [principalOf(auth), canonicalJson([method, same]), state];
  return keyedDigest(secret, JSON.stringify(binding));
}
