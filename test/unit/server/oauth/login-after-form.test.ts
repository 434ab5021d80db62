/** A form of ours must not lead to an identity provider by itself: Chromium would stop it (CSP form-action). */
import { once } from "node:events";
import { createServer } from "node:http";
import express from "express";
import { expect, it } from "vitest";
import { AFTER_FORM } from "../../../../src/server/oauth/interaction.ts";
import { registerRoutes } from "../../../../src/server/routes.ts";
import { createFormBrowser } from "../../../support/form-browser.ts";
import { createServerContext } from "../../../support/server-context.ts";

it("shows a link to the only provider after a form, and redirects to it otherwise", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const context = await createServerContext({ publicUrl: `http://127.0.0.1:${port}` });
  const app = express();
  app.set("query parser", false);
  const location = new URL("https://idp.example/authorize");
  const puppet = {
    name: "puppet",
    begin: async () => ({ location, pending: {} }),
    finish: async () => ({ subject: "puppet:1" }),
  };
  registerRoutes(app, { ...context, identityProviders: new Map([["puppet", puppet]]) });
  server.on("request", (request, response) => void app(request, response));
  await context.store.put("client", "client", {
    clientId: "client",
    metadata: {
      redirect_uris: ["http://127.0.0.1:1/callback"],
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
    registeredAt: 0,
    via: "registration",
  });
  try {
    const browser = createFormBrowser();
    const url = new URL(`${context.issuer}/authorize`);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: "client",
      code_challenge: "c".repeat(43),
      code_challenge_method: "S256",
    }).toString();
    const redirected = await browser.open(url);
    expect(redirected.left?.href).toBe(location.href);
    const page = await browser.open(`${redirected.url.href}&${AFTER_FORM}`);
    expect(page.status).toBe(200);
    expect(page.left).toBeUndefined();
    const [, href = ""] = /href="([^"]*provider=puppet)"/.exec(page.text) ?? [];
    const chosen = await browser.open(new URL(href.replaceAll("&amp;", "&"), page.url));
    expect(chosen.left?.href).toBe(location.href);
  } finally {
    server.closeAllConnections();
    server.close();
    await context.close();
  }
});
