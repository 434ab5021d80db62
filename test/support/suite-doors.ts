/**
 * A gateway as the official conformance suite finds it: two MCP endpoints on `localhost`, each with an access token, over our own
 * servers of either era. The suite's requests come in at `target`, which is the gateway's listener or a proxy in front of it.
 */
import type { ConfigInput } from "../../src/config.ts";
import { freePort, withBearer } from "./bearer-proxy.ts";
import { fixture, startGateway } from "./gateway.ts";
import { logIn } from "./strict-client.ts";

export interface SuiteDoors {
  /** Origin that the bearer proxy of a run forwards to. */
  readonly target: string;
  readonly legacy: { readonly url: string; readonly token: string };
  readonly modern: { readonly url: string; readonly token: string };
  close(): Promise<void>;
}

/** @param inFront starts a reverse proxy for this configuration; by default there is none */
export async function openSuiteDoors(
  inFront?: (config: ConfigInput) => Promise<{ config: ConfigInput; target: string }>,
): Promise<SuiteDoors> {
  const [publicPort, port] = [await freePort(), await freePort()];
  const run = (era: string) => ({
    command: process.execPath,
    args: [fixture("conformance-server.js"), "--era", era],
  });
  const plain: ConfigInput = {
    publicUrl: `http://localhost:${publicPort}`,
    listen: { host: "127.0.0.1", port },
    services: { legacy: run("legacy"), modern: run("modern") },
    defaultService: "legacy",
  };
  const { config, target } = (await inFront?.(plain)) ?? {
    config: plain,
    target: `http://127.0.0.1:${port}`,
  };
  const gateway = await startGateway({ config });
  const open = await withBearer(target, undefined, publicPort);
  const door = async (path: string) => {
    const url = `http://localhost:${publicPort}/${path}`;
    return { url, token: (await logIn(url)).tokens.access_token };
  };
  const doors = { legacy: await door("mcp"), modern: await door("modern/mcp") };
  await open.close();
  return { ...doors, target, close: () => gateway.close() };
}
