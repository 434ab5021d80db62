/**
 * A person who logs in at an identity provider elsewhere: follows the way from the gateway there and back.
 */
import { backFrom } from "./back-from.ts";
import type { FormBrowser, Page } from "./form-browser.ts";

/** @returns the page of the gateway they end at, or the last one that leads to neither */
export async function travel(
  browser: FormBrowser,
  start: URL | string,
  provider: string,
): Promise<Page> {
  let page = await browser.open(start);
  while (page.left?.origin === new URL(provider).origin) {
    page = await browser.open(await backFrom(page.left));
  }
  return page;
}
