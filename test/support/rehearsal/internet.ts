/**
 * What every rehearsal needs of the internet: hosts with names, a real ACME authority, and this process as a client that finds
 * the names and trusts the authority.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { LookupFunction } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { Agent, fetch as undiciFetch, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { bundle, createAuthority, type Authority } from "./certificates.ts";
import { createNetwork, type Network } from "./network.ts";

export interface Internet {
  readonly network: Network;
  readonly authority: Authority;
  /** PEM of everybody who vouches for a host here. */
  readonly trusted: string;
}

/** The directory of the ACME authority. */
export const ACME = "https://ca.test:14000/dir";

/**
 * @param directory for its files
 * @param names DNS names of each host besides the authority's
 * @param own DNS names of this process
 * @param undo gets what takes it down again, in the order to be reversed
 */
export async function openInternet(
  directory: string,
  names: Record<string, readonly string[]>,
  own: readonly string[],
  undo: (() => unknown)[],
): Promise<Internet> {
  const network = await createNetwork({ authority: ["ca.test"], ...names }, own);
  undo.push(() => network.close());
  const authority = createAuthority(directory);
  const root = await startPebble(network, directory, authority.certify("ca.test"));
  const trusted = bundle(join(directory, "trusted.pem"), authority.file, root);
  undo.push(becomeClient(network, trusted));
  return { network, authority, trusted };
}

/** @returns PEM of the root that its certificates end at */
async function startPebble(
  network: Network,
  directory: string,
  { certFile, keyFile }: { certFile: string; keyFile: string },
): Promise<string> {
  const config = join(directory, "pebble.json");
  const addresses = { listenAddress: "0.0.0.0:14000", managementListenAddress: "0.0.0.0:15000" };
  const ports = { httpPort: 80, tlsPort: 443 };
  const pebble = { ...addresses, ...ports, certificate: certFile, privateKey: keyFile };
  writeFileSync(config, JSON.stringify({ pebble }));
  const env = { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0" };
  const running = network.hosts["authority"]!.start("pebble", ["-config", config], { env });
  await running.says(/ACME directory available/);
  const agent = new Agent({
    connect: { ca: readFileSync(join(directory, "ca.pem")), lookup: lookupIn(network) },
  });
  const response = await undiciFetch("https://ca.test:15000/roots/0", { dispatcher: agent });
  const root = await response.text();
  await agent.close();
  return root;
}

function lookupIn(network: Network): LookupFunction {
  return (name, options, callback) => {
    const address = network.addressOf(name);
    if (address === undefined) return callback(new Error(`${name} is not of this internet`), []);
    if (options.all === true) return callback(null, [{ address, family: 4 }]);
    callback(null, address, 4);
  };
}

/** From now on `fetch` is on that network. @returns undoes it */
function becomeClient(network: Network, trusted: string): () => Promise<void> {
  const before = getGlobalDispatcher();
  const agent = new Agent({ connect: { ca: readFileSync(trusted), lookup: lookupIn(network) } });
  setGlobalDispatcher(agent);
  return async () => {
    setGlobalDispatcher(before);
    await agent.destroy();
  };
}

export async function dial(network: Network, name: string, trusted: string): Promise<TLSSocket> {
  const host = network.addressOf(name) ?? network.hosts["deployment"]!.address;
  const socket = connect({ host, port: 443, servername: name, ca: readFileSync(trusted) });
  await once(socket, "secureConnect");
  return socket;
}

/** @returns once there is a certificate. They are asked for once the proxy has read its routes. */
export async function certified(
  network: Network,
  name: string,
  trusted: string,
  log: () => string,
): Promise<void> {
  const end = Date.now() + 60_000; // ms
  for (;;) {
    try {
      (await dial(network, name, trusted)).destroy();
      return;
    } catch (error) {
      if (Date.now() > end) {
        throw new Error(`no certificate for ${name}:\n${log()}`, { cause: error });
      }
      await setTimeout(200);
    }
  }
}
