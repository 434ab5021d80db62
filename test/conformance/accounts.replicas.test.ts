/** Accounts where several gateways serve on one Redis: what one of them decides holds at the others. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { ACCOUNTS, addAccount, enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import type { TestGateway } from "../support/gateway.ts";
import { addPasskey, createDevice } from "../support/passkey.ts";
import { authorizationUrl, registered } from "../support/raw-client.ts";
import { startReplicas, type Replicas } from "../support/replicas.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let replicas: Replicas;
let gateway: TestGateway;
beforeAll(async () => {
  replicas = await startReplicas(2, { identity: ACCOUNTS });
  // Through the balancer on the wire, at the first replica for the operator.
  const { stateDirectory } = replicas.all[0]!;
  gateway = { ...replicas.gateway, stateDirectory };
});
afterAll(() => replicas?.close());

const other = () => connectControl(replicas.all[1]!.stateDirectory);

/** What each replica answers to somebody who opens the link. */
const statuses = (link: string): Promise<number[]> => {
  const { pathname, search } = new URL(link);
  return Promise.all(
    [0, 1].map(async (replica) => {
      const response = await replicas.ask(replica, pathname + search);
      await response.text();
      return response.status;
    }),
  );
};

it("an invitation from one sets one password, however many send it to both at once (AC-04)", async () => {
  const { invitation } = await addAccount(gateway, { name: "ada" });
  const { url } = invitation!;
  expect(await statuses(url)).toEqual([200, 200]);
  const browser = createFormBrowser();
  const page = await browser.open(url);
  const passwords = Array.from({ length: 4 }, (_, index) => `${PASSWORD} ${index}`);
  const pages = await Promise.all(
    passwords.map((password) =>
      browser.press(page, /Set password/, { password, repeated: password }),
    ),
  );
  expect(pages.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404, 404, 404]);
  expect(await statuses(url)).toEqual([404, 404]);
  const winner = passwords[pages.findIndex(({ status }) => status === 200)]!;
  for (const password of passwords) {
    const { url: end } = await enter(gateway, "ada", password);
    expect(end.pathname === "/consent").toBe(password === winner);
  }
  expect(await other().account("ada")).toMatchObject({ state: "active" });
});

it("a reset at one ends the password, the link before and the logins at both", async () => {
  const { invitation: first } = await addAccount(gateway, { name: "carl" });
  const { invitation: second } = await other().resetAccount("carl", {});
  expect(await statuses(first!.url)).toEqual([404, 404]);
  expect((await setPassword(second!.url)).status).toBe(200);
  const browser = createFormBrowser();
  expect((await enter(gateway, "carl", PASSWORD, browser)).url.pathname).toBe("/consent");
  const { tokens } = await logIn(gateway.resource, { browser });
  expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);
  const { ended } = await other().resetAccount("carl", { endGrants: true });
  expect(ended).toMatchObject({ grants: 1, accessTokens: 1 });
  expect((await enter(gateway, "carl", PASSWORD)).status).toBe(403);
  const asked = await browser.open(authorizationUrl(gateway, await registered(gateway)));
  expect(asked.url.pathname).toBe("/login");
  const { pathname } = new URL(gateway.resource);
  for (const replica of [0, 1]) {
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const refused = await replicas.ask(replica, pathname, { method: "POST", headers, body: "{}" });
    expect(refused.status).toBe(401);
  }
});

it("a passkey from one logs in at the other, once, and is gone at both with a reset (PK-07, PK-10)", async () => {
  await addAccount(gateway, { name: "dora", password: PASSWORD });
  const owner = createFormBrowser();
  const device = createDevice();
  await enter(gateway, "dora", PASSWORD, owner);
  await addPasskey(gateway, owner, device);
  const begin = async (): Promise<[FormBrowser, Page]> => {
    const browser = createFormBrowser();
    return [browser, await browser.open(authorizationUrl(gateway, await registered(gateway)))];
  };
  const [browser, page] = await begin();
  const passkey = device.get(page);
  const cookies = [...browser.cookies];
  const ends = [0, 1, 0, 1].map(async (replica) => {
    const twin = createFormBrowser((url, init) =>
      replicas.ask(replica, url.pathname + url.search, init),
    );
    for (const [name, value] of cookies) twin.cookies.set(name, value);
    return (await twin.press(page, /with a passkey/, { passkey })).url.pathname;
  });
  const paths = await Promise.all(ends);
  expect(paths.filter((path) => path === "/consent")).toHaveLength(1);
  await other().resetAccount("dora", { password: PASSWORD });
  const [stranger, login] = await begin();
  const refused = await stranger.press(login, /with a passkey/, { passkey: device.get(login) });
  expect(refused.text).toContain("does not know that passkey");
});

it("guesses are counted together, wherever they arrive (AC-01)", async () => {
  await addAccount(gateway, { name: "eve", password: PASSWORD });
  const guess = async (replica: number): Promise<number> => {
    const browser = createFormBrowser((url, init) =>
      replicas.ask(replica, url.pathname + url.search, init),
    );
    return (await enter(gateway, "eve", "not the password", browser)).status;
  };
  for (const replica of [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]) expect(await guess(replica)).toBe(403);
  expect([await guess(0), await guess(1)]).toEqual([429, 429]);
});
