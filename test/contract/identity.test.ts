import { afterAll } from "vitest";
import { createAccountsProvider } from "../../src/server/identity/accounts.ts";
import { createLocalProvider } from "../../src/server/identity/local.ts";
import { createGitHubProvider } from "../../src/server/identity/github.ts";
import type { LoginStep } from "../../src/server/identity/identity-provider.ts";
import { createOidcProvider } from "../../src/server/identity/oidc.ts";
import { createProviderFetch } from "../../src/server/identity/provider-fetch.ts";
import { APP, startGitHub } from "../support/github.ts";
import { OIDC_APP, startHostileOidc } from "../support/hostile-oidc.ts";
import { backFrom } from "../support/back-from.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { identityContract, type IdentityStage } from "./identity-contract.ts";

function answer(state: string, code?: string): URL {
  const url = new URL("https://gw.example.com/callback/local");
  url.searchParams.set("state", state);
  if (code !== undefined) url.searchParams.set("code", code);
  return url;
}

function localStage(requireCode: boolean): IdentityStage {
  const codes: string[] = [];
  const shown = new Map<unknown, string>();
  const provider = createLocalProvider({
    name: "local",
    requireCode,
    announce: (code) => codes.push(code),
    clock: createFakeClock(),
    user: "ada",
  });
  return {
    provider: {
      name: provider.name,
      async begin(login) {
        const step = await provider.begin(login);
        shown.set(step, codes.at(-1) ?? "");
        return step;
      },
      finish: (callback, pending) => provider.finish(callback, pending),
    },
    accept: async (step, state) => answer(state, shown.get(step)),
    refuse: async (_step, state) => (requireCode ? answer(state, "AAAA-AAAA") : undefined),
    secrets: () => codes.flatMap((code) => [code, code.replace("-", "")]),
  };
}

const github = await startGitHub();
afterAll(() => github.close());

identityContract("github", () => ({
  provider: createGitHubProvider({
    name: "github",
    ...APP,
    baseUrl: github.baseUrl,
    fetch: createProviderFetch({ clock: createFakeClock() }),
    needs: () => ({ organizations: ["acme"], groups: [], email: true }),
  }),
  accept: (step) => goThere(step, "yes"),
  refuse: (step) => goThere(step, "access_denied"),
  secrets: () => [APP.clientSecret],
}));

const oidc = await startHostileOidc();
afterAll(() => oidc.close());

identityContract("oidc", () => ({
  provider: createOidcProvider({
    name: "oidc",
    issuer: oidc.issuer,
    ...OIDC_APP,
    clientAuth: "client_secret_basic",
    scope: "openid",
    groupsClaim: undefined,
    emailVerified: "claim",
    clock: createFakeClock(),
    fetch: createProviderFetch({ clock: createFakeClock() }),
    needs: () => ({ organizations: [], groups: [], email: false }),
  }),
  accept: (step) => goToOidc(step, {}),
  refuse: (step) => goToOidc(step, { code: "", error: "access_denied" }),
  secrets: () => [OIDC_APP.clientSecret],
}));

function goToOidc(step: LoginStep, answer: Record<string, string>): Promise<URL> {
  oidc.answer = answer;
  if (!("location" in step)) throw new Error("there is a form instead");
  return backFrom(step.location);
}

function goThere(step: LoginStep, answer: "yes" | "access_denied"): Promise<URL> {
  github.answer = answer;
  if (!("location" in step)) throw new Error("there is a form instead");
  return backFrom(step.location);
}

identityContract("local, with one button", () => localStage(false));
identityContract("local, with a code", () => localStage(true));

identityContract("accounts", () => {
  const typed = (state: string, password: string) => {
    const url = answer(state);
    url.searchParams.set("username", "ada");
    url.searchParams.set("password", password);
    return url;
  };
  const ada = { name: "ada", credential: "c" };
  return {
    provider: createAccountsProvider({
      name: "accounts",
      accounts: { verify: async (_name, password) => (password === "right" ? ada : undefined) },
    }),
    accept: async (_step, state) => typed(state, "right"),
    refuse: async (_step, state) => typed(state, "wrong"),
    secrets: () => ["right"],
  };
});
