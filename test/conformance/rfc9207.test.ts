/** Issuer identification as a stranger sees it: RFC 9207. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createFormBrowser } from "../support/form-browser.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import {
  jsonOf,
  ask,
  authorizationUrl,
  registered,
  type RawClient,
} from "../support/raw-client.ts";

let gateway: TestGateway;
let client: RawClient;

beforeAll(async () => {
  gateway = await startGateway();
  client = await registered(gateway);
});
afterAll(() => gateway.close());

it("is advertised, and the issuer is the metadata's, letter for letter (A14, MD-10)", async () => {
  const response = await fetch(`${gateway.url}/.well-known/oauth-authorization-server`);
  const metadata = await jsonOf<Record<string, unknown>>(response);
  expect(metadata["authorization_response_iss_parameter_supported"]).toBe(true);
  expect(metadata["issuer"]).toBe(gateway.url);
});

it.each([
  ["allowed", /Allow/, undefined],
  ["denied", /Cancel/, "access_denied"],
])(
  "stands exactly once in the answer when the person has %s it (AZ-21, A14, SB14)",
  async (_, button, error) => {
    const browser = createFormBrowser();
    let page = await browser.open(authorizationUrl(gateway, client));
    if (/<button[^>]*>[^<]*Continue/.test(page.text)) page = await browser.press(page, /Continue/);
    page = await browser.press(page, button);
    const parameters = page.left!.searchParams;
    expect(parameters.getAll("iss")).toEqual([gateway.url]);
    expect(parameters.getAll("state")).toEqual(["s1"]);
    expect(parameters.get("error") ?? undefined).toBe(error);
    expect(parameters.has("code")).toBe(error === undefined);
  },
);

it.each([
  { response_type: "token" },
  { resource: "https://elsewhere.example/mcp" },
  { code_challenge: undefined },
  { prompt: "none" },
])("stands exactly once in an error: %j (AZ-21, A14)", async (fields) => {
  const response = await ask(authorizationUrl(gateway, client, fields));
  const parameters = new URL(response.headers.get("location")!).searchParams;
  expect(parameters.getAll("iss")).toEqual([gateway.url]);
});
