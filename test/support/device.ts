/**
 * A device without a browser (RFC 8628) and the person who answers it in one.
 */
import { createFormBrowser, type FormBrowser, type Page } from "./form-browser.ts";
import type { TestGateway } from "./gateway.ts";
import {
  errorOf,
  jsonOf,
  post,
  registered,
  requestToken,
  type Fields,
  type RawClient,
} from "./raw-client.ts";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
/** Life of both codes, in seconds. */
export const DEVICE_CODE_TTL = 600;

interface Started {
  device_code: string;
  user_code: string;
  verification_uri: string;
  verification_uri_complete: string;
  expires_in: number;
  interval: number;
}

export function registerDevice(
  gateway: TestGateway,
  metadata: Record<string, unknown> = {},
): Promise<RawClient> {
  return registered(gateway, {
    client_name: "Television",
    grant_types: ["authorization_code", "refresh_token", DEVICE_CODE],
    ...metadata,
  });
}

/** What a test does with one gateway and, unless told otherwise, one client. */
export interface Devices {
  start(fields?: Fields, of?: RawClient): Promise<Started>;
  poll(code: string, of?: RawClient, fields?: Fields): Promise<Response>;
  /** A poll that gets no tokens. @returns status and error */
  refused(code: string, of?: RawClient): Promise<string>;
  /** The person opens the page and enters the code. */
  enter(userCode: string, browser?: FormBrowser): Promise<Page>;
  /** The same, and on to the consent page. */
  logIn(userCode: string, browser?: FormBrowser): Promise<Page>;
  /** The same, and presses a button there. */
  decide(userCode: string, button: RegExp, browser?: FormBrowser): Promise<Page>;
}

export function createDevices(gateway: TestGateway, client: RawClient): Devices {
  const credentials = (of: RawClient): Fields => ({
    client_id: of.client_id,
    client_secret: of.client_secret,
  });
  const devices: Devices = {
    async start(fields = {}, of = client) {
      const all = { ...credentials(of), resource: gateway.resource, ...fields };
      const response = await post(gateway, "/device_authorization", all);
      if (response.status !== 200) throw new Error(await response.text());
      return jsonOf<Started>(response);
    },
    poll: (code, of = client, fields = {}) =>
      requestToken(gateway, {
        grant_type: DEVICE_CODE,
        ...credentials(of),
        device_code: code,
        ...fields,
      }),
    refused: async (code, of = client) => errorOf(await devices.poll(code, of)),
    async enter(userCode, browser = createFormBrowser()) {
      const page = await browser.open(`${gateway.url}/device`);
      return browser.press(page, /Continue/, { user_code: userCode });
    },
    async logIn(userCode, browser = createFormBrowser()) {
      const page = await devices.enter(userCode, browser);
      return page.url.pathname === "/login" ? browser.press(page, /Continue/) : page;
    },
    async decide(userCode, button, browser = createFormBrowser()) {
      return browser.press(await devices.logIn(userCode, browser), button);
    },
  };
  return devices;
}
