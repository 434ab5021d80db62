/**
 * One client and its grants, over the real endpoints and the real store, with faults in between. Whatever is done is told to
 * the model of grant-family-model.ts, which must be able to explain every answer.
 */
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createRequestListener, type RequestListener } from "../../src/server/app.ts";
import { digest, randomToken } from "../../src/random.ts";
import { issueAuthorizationCode } from "../../src/server/oauth/authorization-code.ts";
import { revokeClient } from "../../src/server/oauth/client.ts";
import { endGrant } from "../../src/server/oauth/grant.ts";
import { createAuthenticate } from "../../src/server/resource/authenticate.ts";
import { createVerify } from "../../src/server/resource/verify.ts";
import type { ServerContext } from "../../src/server/context.ts";
import { createFakeClock } from "./fake-clock.ts";
import { createFaultStore, type FaultStore, type Plan, type Sabotage } from "./fault-store.ts";
import {
  explain,
  LIFE,
  newFamily,
  type Deed,
  type ModelState,
  type Observation,
} from "./grant-family-model.ts";
import { inject, type Answer } from "./inject.ts";
import { createServerContext, type TestContext } from "./server-context.ts";

const RESOURCE = "https://gw.example.com/files/mcp";
const REDIRECT_URI = "http://localhost/cb";
const CONFIG = {
  tokens: {
    accessToken: `${LIFE.accessToken}s`,
    refreshToken: `${LIFE.refreshToken}s`,
    refreshGrace: `${LIFE.grace}s`,
    authorizationCode: `${LIFE.code}s`,
    grant: `${LIFE.grant}s`,
  },
};

interface KnownFamily {
  grantId: string;
  code: string;
  verifier: string;
  /** Refresh tokens by place, as far as anybody was told. */
  tokens: Map<number, string>;
}

interface KnownAccessToken {
  family: number;
  jwt: string;
  expiresAt: number;
}

/** How often things happened, in all worlds. */
export const tally = new Map<string, number>();
const count = (event: string): void => void tally.set(event, (tally.get(event) ?? 0) + 1);

export class GrantFamilies {
  readonly clock = createFakeClock();
  readonly families: KnownFamily[] = [];
  readonly accessTokens: KnownAccessToken[] = [];
  /** What was seen, for messages. */
  readonly #history: string[] = [];
  readonly #sabotage: Sabotage | undefined;
  #states: ModelState[] = [{ isClientAlive: true, families: [] }];
  #context!: TestContext;
  #faulty!: ServerContext & { store: FaultStore };
  #listener!: RequestListener;
  /** What the disk held when the process died. */
  #remains: string | undefined;

  constructor(sabotage?: Sabotage) {
    this.#sabotage = sabotage;
  }

  static async open(sabotage?: Sabotage): Promise<GrantFamilies> {
    const world = new GrantFamilies(sabotage);
    await world.#start(mkdtempSync(join(tmpdir(), "mcpg-family-")));
    for (const clientId of ["owner", "stranger"]) {
      await world.#context.store.put("client", clientId, {
        clientId,
        metadata: {
          redirect_uris: [REDIRECT_URI],
          token_endpoint_auth_method: "none",
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
        },
        registeredAt: world.clock.now(),
        via: "command",
      });
    }
    return world;
  }

  async #start(directory: string): Promise<void> {
    this.#context = await createServerContext(CONFIG, { directory, clock: this.clock });
    const onCrash = (): void => {
      this.#remains = mkdtempSync(join(tmpdir(), "mcpg-family-"));
      cpSync(directory, this.#remains, {
        recursive: true,
        filter: (from) => !basename(from).startsWith("gateway.lock"),
      });
    };
    const store = createFaultStore(this.#context.store, onCrash, this.#sabotage);
    this.#directory = directory;
    this.#faulty = { ...this.#context, store };
    this.#listener = createRequestListener(this.#faulty, {
      admin: () => Promise.resolve(false),
      mcp: () => Promise.reject(new Error("no MCP here")),
      verify: createVerify(this.#faulty, createAuthenticate(this.#faulty)),
    });
  }
  #directory = "";

  async close(): Promise<void> {
    await this.#context.close();
  }

  /** The same files, in a new process. */
  async restart(): Promise<void> {
    const directory = this.#remains ?? this.#directory;
    if (this.#remains === undefined) await this.#context.store.close();
    else await this.#context.close();
    count(this.#remains === undefined ? "restart" : "died");
    this.#remains = undefined;
    await this.#start(directory);
    this.#history.push("restart");
  }

  /** A person allows it: a new grant and its code. */
  async authorize(plan: Plan): Promise<void> {
    const verifier = randomToken();
    const request = {
      clientId: "owner",
      redirectUri: REDIRECT_URI,
      redirectUriWasSent: true,
      codeChallenge: digest(verifier),
      resource: RESOURCE,
      scopes: ["mcp"],
      csrf: "",
    };
    const identity = { subject: "local:ann" };
    const issue = async (): Promise<string | undefined> =>
      (await issueAuthorizationCode(this.#faulty, request, identity))?.code;
    const code = await this.#faulty.store.run(plan, issue).catch(() => undefined);
    this.#history.push(`authorize ${code === undefined ? "failed" : ""} ${JSON.stringify(plan)}`);
    if (code === undefined) return; // a grant whose code nobody knows
    const record = await this.#context.store.get("authorizationCode", digest(code));
    const grantId = record?.grantId ?? "never written";
    this.families.push({ grantId, code, verifier, tokens: new Map() });
    this.#states = this.#states.map((state) => ({
      ...state,
      families: [...state.families, newFamily(this.clock.now())],
    }));
  }

  /** All at once, each under its plan. @throws when the model cannot explain the answers */
  async attempt(deeds: readonly { deed: Deed; plan: Plan }[]): Promise<void> {
    const seen = await Promise.all(
      deeds.map(async ({ deed, plan }): Promise<Observation> => {
        const outcome = await this.#faulty.store
          .run(plan, () => this.#perform(deed))
          .catch(() => undefined);
        return { deed, outcome, isFaulty: plan.isHit === true };
      }),
    );
    // Who was refused by a process that died may have been so because of what died with it.
    if (this.#faulty.store.isCrashed) for (const each of seen) each.isFaulty = true;
    this.#explain(seen, deeds);
    if (this.#faulty.store.isCrashed) await this.restart();
  }

  /** What must hold whenever nothing is under way. */
  async check(): Promise<void> {
    for (const { family, jwt, expiresAt } of this.accessTokens) {
      const deed: Deed = { do: "use", family, expiresAt };
      const outcome = await this.#use(jwt);
      this.#explain([{ deed, outcome, isFaulty: false }], []);
    }
    for (const { grantId } of this.families) {
      const { items } = await this.#context.store.list("refreshToken", { where: { grantId } });
      const unused = items.filter(({ record }) => record.rotation === undefined);
      if (unused.length > 1) this.#fail(`${unused.length} refresh tokens of one family are unused`);
    }
  }

  #explain(seen: readonly Observation[], deeds: readonly { plan: Plan }[]): void {
    const text = seen.map((each, index) =>
      JSON.stringify({ ...each, faults: deeds[index]?.plan.faults, now: this.clock.now() }),
    );
    this.#history.push(...text);
    const states = explain(this.#states, seen, this.clock.now());
    if (states.length === 0) this.#fail(`nothing explains\n${text.join("\n")}`);
    this.#states = states;
  }

  #fail(reason: string): never {
    const states = this.#states.map((state) => JSON.stringify(state)).join("\n");
    throw new Error(`${reason}\n\nhistory:\n${this.#history.join("\n")}\n\nstates:\n${states}`);
  }

  /** @returns undefined when the gateway failed */
  async #perform(deed: Deed): Promise<Observation["outcome"]> {
    switch (deed.do) {
      case "end":
        await endGrant(this.#faulty, this.families[deed.family]!.grantId, "revoked by operator");
        return "ok";
      case "revoke client":
        await revokeClient(this.#faulty, "owner");
        return "ok";
      case "use": {
        const known = this.accessTokens.find(
          ({ family, expiresAt }) => family === deed.family && expiresAt === deed.expiresAt,
        );
        return this.#use(known!.jwt);
      }
      case "revoke": {
        const token =
          deed.place === "access token"
            ? this.accessTokens.find(({ family }) => family === deed.family)!.jwt
            : this.families[deed.family]!.tokens.get(deed.place)!;
        return outcomeOf(await this.#post("/revoke", deed, { token }));
      }
      case "exchange": {
        const { code, verifier } = this.families[deed.family]!;
        const answer = await this.#post("/token", deed, {
          grant_type: "authorization_code",
          code,
          code_verifier: deed.isVerifierRight ? verifier : randomToken(),
          redirect_uri: REDIRECT_URI,
        });
        return this.#tokensOf(answer, deed.family, 0);
      }
      default: {
        const token = this.families[deed.family]!.tokens.get(deed.place)!;
        const fields = { grant_type: "refresh_token", refresh_token: token };
        return this.#tokensOf(
          await this.#post("/token", deed, fields),
          deed.family,
          deed.place + 1,
        );
      }
    }
  }

  #post(path: string, deed: { isOwner: boolean }, fields: Record<string, string>): Promise<Answer> {
    const client = { client_id: deed.isOwner ? "owner" : "stranger" };
    return inject(this.#listener, {
      method: "POST",
      url: path,
      headers: ["Host", "gw.example.com", "Content-Type", "application/x-www-form-urlencoded"],
      body: new URLSearchParams({ ...client, ...fields }).toString(),
    });
  }

  async #use(jwt: string): Promise<Observation["outcome"]> {
    const forwarded = { Method: "POST", Proto: "https", Host: "gw.example.com", Uri: "/files/mcp" };
    const answer = await inject(this.#listener, {
      method: "GET",
      url: "/verify",
      headers: [
        ...Object.entries(forwarded).flatMap(([name, value]) => [`X-Forwarded-${name}`, value]),
        ...["Authorization", `Bearer ${jwt}`],
      ],
    });
    return outcomeOf(answer);
  }

  /** Note the tokens of an answer. Whoever comes to the same place twice must find the same token. */
  #tokensOf(answer: Answer, family: number, place: number): Observation["outcome"] {
    if (answer.status !== 200) {
      count("refused");
      return outcomeOf(answer);
    }
    const tokens: Record<string, string> = JSON.parse(answer.text);
    const [refreshToken = "", jwt = ""] = [tokens["refresh_token"], tokens["access_token"]];
    const known = this.families[family]!.tokens;
    if ((known.get(place) ?? refreshToken) !== refreshToken) this.#fail("two lines of descent");
    count(known.has(place) ? "given again" : "rotated");
    known.set(place, refreshToken);
    const claims: { exp: number } = JSON.parse(
      Buffer.from(jwt.split(".")[1]!, "base64url").toString(),
    );
    this.accessTokens.push({ family, jwt, expiresAt: claims.exp });
    return `ok ${place}`;
  }
}

function outcomeOf({ status, text }: Answer): Observation["outcome"] {
  if (status === 200) return "ok";
  if (status === 400 || status === 401) return "no";
  if (status === 500) return undefined;
  throw new Error(`unexpected answer ${status} ${text}`);
}
