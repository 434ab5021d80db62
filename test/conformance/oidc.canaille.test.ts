/** The same login at a second provider, of other authors and in another language: what one takes for granted the other may not. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../support/bearer-proxy.ts";
import { CANAILLE, ensureCanaille, startCanaille } from "../support/canaille.ts";
import { createFormBrowser, type FormBrowser, type Page } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { authorizationUrl, registered } from "../support/raw-client.ts";

const { client, person } = CANAILLE;

let provider: Awaited<ReturnType<typeof startCanaille>>;
let gateway: TestGateway;

beforeAll(async () => {
  await ensureCanaille();
  const port = await freePort();
  provider = await startCanaille(`http://localhost:${port}/callback/corp`);
  process.env["TEST_CANAILLE_SECRET"] = client.secret;
  const corp = {
    type: "oidc",
    name: "corp",
    issuer: provider.issuer,
    clientId: client.id,
    clientSecret: "${TEST_CANAILLE_SECRET}",
    scope: "openid profile email groups",
    groupsClaim: "groups",
  } as const;
  gateway = await startGateway({
    config: {
      publicUrl: `http://localhost:${port}`,
      listen: { host: "localhost", port },
      identity: { providers: [corp], allow: ["group:corp/engineering"] },
    },
  });
}, 180_000);
afterAll(async () => {
  delete process.env["TEST_CANAILLE_SECRET"];
  await gateway.close();
  await provider.close();
});

/** To its question for consent, as a person there. */
async function logInThere(browser: FormBrowser): Promise<Page> {
  const { left } = await browser.open(authorizationUrl(gateway, await registered(gateway)));
  const named = await browser.press(await browser.open(left!), /Continue/, { login: person.login });
  const wrong = await browser.press(named, /Sign in/, { password: "another one" });
  expect(wrong.text).toContain("Login failed");
  return browser.press(wrong, /Sign in/, { password: person.password });
}

const ends = () => gateway.events.filter(({ type }) => type.startsWith("login."));

it("tells the client when they deny it there", async () => {
  const browser = createFormBrowser();
  const { left } = await browser.press(await logInThere(browser), /Deny/);
  expect(left?.searchParams.get("error")).toBe("access_denied");
  const refused = await browser.open(left!);
  expect(refused.left?.searchParams.get("error")).toBe("access_denied");
  expect(ends().at(-1)).toMatchObject({ type: "login.failed", provider: "corp" });
});

it("lets somebody in by the group that it tells of them", async () => {
  const browser = createFormBrowser();
  const question = await logInThere(browser);
  const { left } = await browser.press(question, /Accept/);
  const consent = await browser.open(left!);
  expect(consent.status).toBe(200);
  expect(consent.text).toContain("Ada Lovelace");
  const subject = `corp:${person.subject}`;
  expect(ends().at(-1)).toMatchObject({ type: "login.succeeded", provider: "corp", subject });
  // Its answer is good for one (ID-19).
  expect((await createFormBrowser().open(left!)).status).toBe(400);
  const sent = await browser.press(consent, /Allow/);
  expect(sent.left?.searchParams.get("code")).toMatch(/^[\w-]{43}$/);
});
