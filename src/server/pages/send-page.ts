import type { ServerResponse } from "node:http";
import type { Html } from "./html.ts";
import { pageHeaders, type PageHeaders } from "./page-headers.ts";

/** Answer with a whole page and the headers every page has. */
export function sendPage(
  response: ServerResponse,
  status: number,
  page: Html,
  options: PageHeaders = {},
): void {
  pageHeaders(response, options);
  const body = page.toString();
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}
