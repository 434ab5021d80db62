/** Passkeys of the gateway's own accounts: what adds one, what logs in with one, and how they end. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectControl } from "../../src/control.ts";
import { ACCOUNTS, addAccount, enter, PASSWORD, setPassword } from "../support/accounts.ts";
import { filesOf } from "../support/drawn-secrets.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  addPasskey,
  createDevice,
  optionsOf,
  text,
  type Device,
  type Lies,
} from "../support/passkey.ts";
import { authorizationUrl, registered } from "../support/raw-client.ts";
import { callMcp, logIn } from "../support/strict-client.ts";

let gateway: TestGateway;
const control = () => connectControl(gateway.stateDirectory);

beforeAll(async () => {
  gateway = await startGateway({ config: { identity: ACCOUNTS } });
});
afterAll(async () => gateway.close());

let name: string;
let browser: FormBrowser;
let device: Device;
/** Somebody new, logged in by password, with a device. */
async function meet(): Promise<void> {
  name = `p${randomBytes(6).toString("hex")}`;
  await addAccount(gateway, { name, password: PASSWORD });
  browser = createFormBrowser();
  device = createDevice();
  expect((await enter(gateway, name, PASSWORD, browser)).url.pathname).toBe("/consent");
}

/** The login page of a client, in a browser that is not logged in. */
async function loginPage(stranger = createFormBrowser()): Promise<[FormBrowser, Page]> {
  return [stranger, await stranger.open(authorizationUrl(gateway, await registered(gateway)))];
}

async function logInWith(lies: Lies = {}, one = device): Promise<Page> {
  const [stranger, page] = await loginPage();
  return stranger.press(page, /with a passkey/, { passkey: one.get(page, lies) });
}

const passkeys = async (): Promise<number> => (await control().account(name)).passkeys;

describe("a passkey", () => {
  beforeAll(meet);

  it("is added in a browser that has just logged in, and logs in by itself", async () => {
    const page = await addPasskey(gateway, browser, device);
    expect(page.url.pathname + page.url.search).toBe("/account?done=added");
    expect(page.text).toContain("not used yet");
    const [stranger, login] = await loginPage();
    const consent = await stranger.press(login, /with a passkey/, { passkey: device.get(login) });
    expect(consent.url.pathname).toBe("/consent");
    const { tokens } = await logIn(gateway.resource, { browser: stranger });
    expect((await callMcp(gateway.resource, tokens.access_token)).status).toBe(200);
    const subject = `accounts:${name}`;
    const told = gateway.events.filter((event) => "subject" in event && event.subject === subject);
    expect(told).toContainEqual(
      expect.objectContaining({ type: "account.changed", change: "passkey added" }),
    );
    expect(told).toContainEqual(
      expect.objectContaining({ type: "login.succeeded", by: "passkey" }),
    );
    expect((await browser.open(`${gateway.url}/account`)).text).toContain("last used");
  });

  it("is offered together with the one script that the policy allows, and nowhere else", async () => {
    const [, page] = await loginPage();
    const policy = page.headers.get("content-security-policy");
    expect(policy).toMatch(/default-src 'none'; .*script-src 'sha256-[\w+/]{43}='; form-action/);
    for (const path of ["/account", "/device"]) {
      const other = await browser.open(gateway.url + path);
      expect(other.headers.get("content-security-policy")).not.toContain("script-src");
      expect(other.text).not.toContain("<script");
    }
  });

  it("is not added by a login of more than five minutes ago (PK-01)", async () => {
    gateway.clock.advance(301);
    const page = await browser.open(`${gateway.url}/account/passkey`);
    expect(page.url.pathname).toBe("/login");
    const fresh = await browser.press(page, /Log in/, { username: name, password: PASSWORD });
    expect(fresh.url.pathname).toBe("/account/passkey");
  });
});

describe("an answer that adds a passkey", () => {
  beforeAll(meet);

  const refused: [string, Lies, RegExp][] = [
    ["for another challenge", { challenge: "c".repeat(43) }, /challenge/],
    ["from another origin", { origin: "https://evil.example" }, /origin/],
    ["from another host name", { rpId: "evil.example" }, /RP ID/],
    ["of a person who was not verified", { isVerified: false }, /verif/],
    [
      "that proves who made the device, with certificates",
      {
        attestation: Buffer.concat([
          ...[text("fmt"), text("packed"), text("attStmt")],
          ...[Buffer.from([0xa1]), text("x5c"), Buffer.from([0x80])],
        ]),
      },
      /was not asked for/,
    ],
    [
      "that is nested without end",
      {
        attestation: Buffer.concat([
          ...[text("fmt"), text("none"), text("attStmt")],
          Buffer.alloc(20_000, 0x81),
        ]),
      },
      /call stack/,
    ],
  ];
  it.each(refused)("%s is refused (PK-02)", async (_name, lies, reason) => {
    const page = await browser.open(`${gateway.url}/account/passkey`);
    const answer = await browser.press(page, /Add a passkey/, {
      passkey: device.create(page, lies),
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("could not be checked");
    expect(gateway.logged()).toMatch(reason);
    expect(await passkeys()).toBe(0);
  });

  it.each(["", "{}", "[", '{"id":1}', JSON.stringify({ id: "a", type: "public-key" })])(
    "is not one at all: %s",
    async (passkey) => {
      const page = await browser.open(`${gateway.url}/account/passkey`);
      const answer = await browser.press(page, /Add a passkey/, { passkey });
      expect(answer.status).toBe(400);
      expect(await passkeys()).toBe(0);
    },
  );

  it("is taken once, even when it was wrong (PK-03)", async () => {
    const page = await browser.open(`${gateway.url}/account/passkey`);
    const good = device.create(page);
    await browser.press(page, /Add a passkey/, { passkey: device.create(page, { rpId: "x.y" }) });
    expect((await browser.press(page, /Add a passkey/, { passkey: good })).status).toBe(400);
    const next = await browser.open(`${gateway.url}/account/passkey`);
    const passkey = device.create(next);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => browser.press(next, /Add a passkey/, { passkey })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await passkeys()).toBe(1);
    // And its key is nobody else's any more.
    const again = await browser.open(`${gateway.url}/account/passkey`);
    const twice = await browser.press(again, /Add a passkey/, { passkey: device.create(again) });
    expect(twice.status).toBe(400);
    expect(await passkeys()).toBe(1);
    device = createDevice();
  });

  it("works in no other session than the one that was asked (PK-04)", async () => {
    const page = await browser.open(`${gateway.url}/account/passkey`);
    const passkey = device.create(page);
    // The thief has a login of their own, and knows the victim's challenge and its answer.
    const thief = `t${name}`;
    await addAccount(gateway, { name: thief, password: PASSWORD });
    const other = createFormBrowser();
    await enter(gateway, thief, PASSWORD, other);
    const own = await other.open(`${gateway.url}/account/passkey`);
    expect((await other.press(own, /Add a passkey/, { passkey })).status).toBe(400);
    // Nor does the thief's answer come in by the victim's browser: its form was not sent by its page.
    const planted = await browser.press(own, /Add a passkey/, { passkey: device.create(own) });
    expect(planted.status).toBe(403);
    // Nor without any login.
    const nobody = createFormBrowser();
    expect((await nobody.press(page, /Add a passkey/, { passkey })).url.pathname).toBe("/login");
    expect([await passkeys(), (await control().account(thief)).passkeys]).toEqual([1, 0]);
  });

  it("comes too late after five minutes, or when the account was reset meanwhile (PK-03)", async () => {
    await meet();
    gateway.clock.advance(200); // still fresh, however slow this machine is
    const page = await browser.open(`${gateway.url}/account/passkey`);
    gateway.clock.advance(301);
    // A wrong answer is no way to a new challenge, either.
    for (const passkey of ["{}", device.create(page)]) {
      const late = await browser.press(page, /Add a passkey/, { passkey });
      expect(late.url.pathname).toBe("/login");
    }
    const again = await browser.open(`${gateway.url}/account/passkey`);
    const fresh = await browser.press(again, /Log in/, { username: name, password: PASSWORD });
    await control().resetAccount(name, {});
    const gone = await browser.press(fresh, /Add a passkey/, { passkey: device.create(fresh) });
    expect(gone.url.pathname).toBe("/login");
    expect(await passkeys()).toBe(0);
  });
});

describe("an answer that logs in", () => {
  beforeAll(async () => {
    await meet();
    await addPasskey(gateway, browser, device);
    expect(await passkeys()).toBe(1);
  });

  const refused: [string, Lies][] = [
    ["from another origin", { origin: "https://evil.example" }],
    ["from another host name", { rpId: "evil.example" }],
    ["of a person who was not verified", { isVerified: false }],
    ["for another person", { userHandle: "someoneElse" }],
    ["for a challenge nobody gave", { challenge: "c".repeat(43) }],
  ];
  it.each(refused)("%s is refused (PK-05)", async (_name, lies) => {
    const page = await logInWith(lies);
    expect(page.status).toBe(403);
    expect(page.text).toContain("could not be checked");
    expect((await logInWith()).url.pathname).toBe("/consent");
  });

  it("signed with another key is refused (PK-05)", async () => {
    const [stranger, page] = await loginPage();
    const right = JSON.parse(device.get(page)) as { response: object };
    const other = createDevice();
    await addPasskey(gateway, browser, other);
    const wrong = JSON.parse(other.get(page)) as { response: { signature: string } };
    const { signature } = wrong.response;
    const passkey = JSON.stringify({ ...right, response: { ...right.response, signature } });
    const answer = await stranger.press(page, /with a passkey/, { passkey });
    expect(answer.status).toBe(403);
    expect(gateway.logged()).toContain("the signature is not its own");
  });

  it("to the challenge of another login is refused (PK-06)", async () => {
    const [, other] = await loginPage();
    const page = await logInWith({ challenge: optionsOf(other).challenge });
    expect(page.status).toBe(403);
  });

  it("is worth one try: replayed it finds no login, and many at once open one (PK-07)", async () => {
    const [stranger, page] = await loginPage();
    const passkey = device.get(page);
    const cookies = new Map(stranger.cookies);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => {
        const twin = createFormBrowser();
        for (const [key, value] of cookies) twin.cookies.set(key, value);
        return twin.press(page, /with a passkey/, { passkey });
      }),
    );
    expect(answers.filter(({ url }) => url.pathname === "/consent")).toHaveLength(1);
    expect((await stranger.press(page, /with a passkey/, { passkey })).status).toBe(400);
    // In a login of its own the same answer is to the wrong challenge.
    const [thief, own] = await loginPage();
    expect((await thief.press(own, /with a passkey/, { passkey })).status).toBe(403);
    // Whatever comes of it, the challenge is gone; the way on leads to another.
    const retried = await thief.press(own, /with a passkey/, { passkey: device.get(own) });
    expect(retried.status).toBe(400);
  });

  it("of a device that counts backwards is refused, for it may be a copy (PK-08)", async () => {
    const counting = createDevice();
    await addPasskey(gateway, browser, counting);
    expect((await logInWith({ counter: 7 }, counting)).url.pathname).toBe("/consent");
    for (const counter of [7, 6, 0]) {
      const page = await logInWith({ counter }, counting);
      expect(page.status).toBe(403);
      expect(page.text).toContain("counted backwards");
    }
    expect((await logInWith({ counter: 8 }, counting)).url.pathname).toBe("/consent");
  });

  it("comes from one place a hundred times in fifteen minutes at most (AC-01)", async () => {
    gateway.clock.advance(901);
    const client = await registered(gateway);
    const [stranger] = await loginPage();
    for (let tries = 0; tries < 100; tries += 1) {
      const page = await stranger.open(authorizationUrl(gateway, client));
      expect((await stranger.press(page, /with a passkey/, { passkey: "{}" })).status).toBe(403);
    }
    expect((await logInWith()).status).toBe(429);
    gateway.clock.advance(901);
    expect((await logInWith()).url.pathname).toBe("/consent");
  });
});

describe("the end of a passkey", () => {
  beforeAll(meet);
  beforeEach(async () => {
    await addPasskey(gateway, browser, device);
  });
  const knownNoMore = async (): Promise<void> => {
    const page = await logInWith();
    expect(page.status).toBe(403);
    expect(page.text).toContain("does not know that passkey");
  };

  it("by its person ends their other logins, and this browser stays (PK-09)", async () => {
    const [other, login] = await loginPage();
    const consent = await other.press(login, /with a passkey/, { passkey: device.get(login) });
    expect(consent.url.pathname).toBe("/consent");
    const account = await browser.open(`${gateway.url}/account`);
    const after = await browser.press(account, /Remove/);
    expect(after.url.search).toBe("?done=removed");
    expect(after.text).toContain("None yet");
    await knownNoMore();
    expect((await other.press(consent, /Allow/)).url.pathname).toBe("/login");
    expect((await other.open(`${gateway.url}/account`)).url.pathname).toBe("/login");
    expect((await enter(gateway, name, PASSWORD)).url.pathname).toBe("/consent");
    // Nothing to remove twice, and nobody removes another's.
    expect((await browser.press(account, /Remove/)).url.search).toBe("");
  });

  it("comes with a reset by the operator (PK-10)", async () => {
    const { invitation } = await control().resetAccount(name, {});
    expect(await passkeys()).toBe(0);
    await knownNoMore();
    await setPassword(invitation!.url);
    await knownNoMore();
    await enter(gateway, name, PASSWORD, browser);
  });

  it("comes with the account, also for who gets its name next (PK-10)", async () => {
    await control().removeAccount(name);
    await knownNoMore();
    await addAccount(gateway, { name, password: PASSWORD });
    await knownNoMore();
    expect(await passkeys()).toBe(0);
  });
});

describe("a gateway without passkeys", () => {
  it.each([
    ["switched off", { identity: { providers: [{ type: "accounts" as const, passkeys: false }] } }],
    ["at an IP address", { identity: ACCOUNTS, publicUrl: "http://127.0.0.1:0" }],
  ])("offers none and takes none: %s", async (_why, config) => {
    const plain = await startGateway({ config });
    await addAccount(plain, { name: "ada", password: PASSWORD });
    const person = createFormBrowser();
    const page = await person.open(authorizationUrl(plain, await registered(plain)));
    expect(page.text).not.toContain("passkey");
    const fields = { username: "ada", password: PASSWORD, passkey: "{}" };
    expect((await person.press(page, /Log in/, fields)).url.pathname).toBe("/consent");
    expect((await person.open(`${plain.url}/account`)).text).not.toContain("passkey");
    expect((await person.open(`${plain.url}/account/passkey`)).status).toBe(404);
    await plain.close();
  });
});

it("nothing that is stored opens a login: public halves only (AC-07)", () => {
  const written = JSON.stringify(filesOf(gateway.stateDirectory));
  expect(written).toContain("publicKey");
  expect(written).not.toContain("privateKey");
});
