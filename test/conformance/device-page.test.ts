/** The page where a person enters the code of a device, and who may answer it: RFC 8628 §3.3, §5. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { randomToken } from "../../src/random.ts";
import { createDevices, DEVICE_CODE_TTL, registerDevice, type Devices } from "../support/device.ts";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { pageOf, post, tokensOf, type Fields, type RawClient } from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;
let devices: Devices;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registerDevice(gateway);
  devices = createDevices(gateway, client);
});
afterAll(() => gateway.close());
// Counters of tries run per address, and all tests come from one.
beforeEach(() => gateway.clock.advance(DEVICE_CODE_TTL + 1));

describe("the page for the code", () => {
  it("does nothing by being opened, even with the code in its address (DV-03)", async () => {
    const started = await devices.start();
    const browser = createFormBrowser();
    const page = await browser.open(started.verification_uri_complete);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`value="${started.user_code}"`);
    expect([...browser.cookies.keys()].some((name) => name.includes("interaction"))).toBe(false);
    expect(await devices.refused(started.device_code)).toBe("400 authorization_pending");
    // Nobody has it yet: another browser may still enter it.
    expect((await devices.enter(started.user_code)).status).toBe(200);
  });

  it("does not care about case, blanks and hyphens (DV-02)", async () => {
    const { user_code: userCode } = await devices.start();
    const typed = ` ${userCode.toLowerCase().replace("-", "")} `;
    expect((await devices.enter(typed)).text).toContain("Television");
  });

  it("shows nothing of an address that holds no code", async () => {
    for (const sent of ["%3Cscript%3E", "AAAA-AAAA-A", "%22onfocus%3D", "A".repeat(5000)]) {
      const page = await createFormBrowser().open(`${gateway.url}/device?user_code=${sent}`);
      expect(page.text).toMatch(/id="user_code"[^>]*value=""/);
    }
  });

  it("takes a form only from itself, in the same browser (DV-03)", async () => {
    const { user_code: userCode } = await devices.start();
    const browser = createFormBrowser();
    const page = await browser.open(`${gateway.url}/device`);
    const [, csrf = ""] = /name="csrf" value="([^"]+)"/.exec(page.text) ?? [];
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const send = (fields: Fields, headers: Record<string, string>): Promise<Response> =>
      post(gateway, "/device", { user_code: userCode, ...fields }, headers);
    for (const [fields, headers] of [
      [{}, { cookie }],
      [{ csrf: randomToken() }, { cookie }],
      [{ csrf }, {}],
      [{ csrf }, { cookie, "sec-fetch-site": "cross-site" }],
      [{ csrf }, { cookie, origin: "https://attacker.example" }],
    ] as [Fields, Record<string, string>][])
      expect(await pageOf(await send(fields, headers))).toBe(403);
    expect((await send({ csrf }, { cookie })).status).toBe(303);
  });

  it("allows five tries to a browser, in parallel too (DV-02)", async () => {
    const { user_code: userCode } = await devices.start();
    const browser = createFormBrowser();
    const page = await browser.open(`${gateway.url}/device`);
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => browser.press(page, /Continue/, { user_code: "BBBB-BBBB" })),
    );
    expect(tries.filter(({ status }) => status === 403)).toHaveLength(5);
    const over = tries.find(({ status }) => status === 429);
    expect(over!.headers.get("retry-after")).toBe("600");
    expect((await browser.press(page, /Continue/, { user_code: userCode })).status).toBe(429);
    gateway.clock.advance(DEVICE_CODE_TTL + 1);
    expect((await devices.enter((await devices.start()).user_code)).status).toBe(200);
  });

  it("allows fifty tries to an address, whatever cookies it throws away (DV-02)", async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 52; index += 1)
      statuses.push((await devices.enter("BBBB-BBBB", createFormBrowser())).status);
    expect(statuses.filter((status) => status === 403)).toHaveLength(50);
    expect(statuses.slice(50)).toEqual([429, 429]);
  });
});

describe("a code that somebody has entered (DV-03)", () => {
  it("cannot be entered in another browser, logged in or not", async () => {
    const { user_code: userCode, device_code: code } = await devices.start();
    const victim = createFormBrowser();
    await devices.decide((await devices.start()).user_code, /Allow/, victim); // logged in from here on
    const consent = await devices.logIn(userCode);
    expect((await devices.enter(userCode, victim)).status).toBe(403);
    expect((await devices.enter(userCode)).status).toBe(403);
    expect(await devices.refused(code)).toBe("400 authorization_pending");
    expect(consent.text).toContain("Allow access");
  });

  it("cannot be approved in another browser that knows the address and the form", async () => {
    const { user_code: userCode, device_code: code } = await devices.start();
    const consent = await devices.logIn(userCode);
    const other = createFormBrowser();
    await devices.decide((await devices.start()).user_code, /Allow/, other);
    expect((await other.open(consent.url)).status).toBe(400);
    expect((await other.press(consent, /Allow/)).status).toBe(400);
    expect(await devices.refused(code)).toBe("400 authorization_pending");
  });

  it("can be entered again in the same browser, and is still decided once", async () => {
    const { user_code: userCode, device_code: code } = await devices.start();
    const browser = createFormBrowser();
    const first = await devices.logIn(userCode, browser);
    const second = await devices.logIn(userCode, browser);
    expect((await browser.press(first, /Allow/)).status).toBe(200);
    expect((await browser.press(second, /Cancel/)).status).toBe(400);
    await tokensOf(await devices.poll(code));
    expect((await devices.enter(userCode, browser)).status).toBe(403);
  });

  it("goes to one of two browsers that enter it in the same instant", async () => {
    const { user_code: userCode } = await devices.start();
    const pages = await Promise.all(Array.from({ length: 10 }, () => devices.enter(userCode)));
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it("asks who it is before anything else, and asks for consent each time", async () => {
    const browser = createFormBrowser();
    const choice = await devices.enter((await devices.start()).user_code, browser);
    expect(choice.url.pathname).toBe("/login");
    await devices.decide((await devices.start()).user_code, /Allow/, browser);
    const consent = await devices.enter((await devices.start()).user_code, browser);
    expect(consent.url.pathname).toBe("/consent");
  });
});
