/**
 * People with an account of the gateway's own: the operator invites them, they set a password and log in.
 */
import { connectControl } from "../../src/control.ts";
import type { AddAccount, GivenAccess } from "../../src/control/accounts.ts";
import { createFormBrowser, type FormBrowser, type Page } from "./form-browser.ts";
import type { TestGateway } from "./gateway.ts";
import { authorizationUrl, registered, type Address } from "./raw-client.ts";

export const ACCOUNTS = { providers: [{ type: "accounts" as const }] };
export const PASSWORD = "seven tin soldiers marching";

export const addAccount = (gateway: TestGateway, account: AddAccount): Promise<GivenAccess> =>
  connectControl(gateway.stateDirectory).addAccount(account);

/** The way of the link. @returns the page it ends at */
export async function setPassword(
  url: string,
  fields: Record<string, string> = { password: PASSWORD, repeated: PASSWORD },
  browser: FormBrowser = createFormBrowser(),
): Promise<Page> {
  return browser.press(await browser.open(url), /Set password/, fields);
}

/** The login page a new client leads to, once its form was sent. */
export async function enter(
  gateway: Address,
  username: string,
  password: string,
  browser: FormBrowser = createFormBrowser(),
): Promise<Page> {
  const page = await browser.open(authorizationUrl(gateway, await registered(gateway)));
  return browser.press(page, /Log in/, { username, password });
}
