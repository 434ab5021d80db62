/**
 * Open a tunnel for `dev`: the address must be known before the gateway builds its metadata, and it is tried before anybody is
 * told of it.
 */
import { once } from "node:events";
import { isLoopbackHost } from "../config.ts";
import { EXIT, UserError } from "../errors.ts";
import { tunnelProvider } from "./index.ts";
import { checkIssuer, startProbe, type Probe } from "./self-test.ts";
import type { Tunnel } from "./tunnel.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Nothing stands yet that would have to end in order, and the tunnel's program goes with the process. */
const leave = (): never => process.exit(EXIT.interrupted);

const GRACE = 5; // seconds for children before each firmer step, when nobody can reach them any more

export interface OpenTunnel {
  /** What `dev` must be started with to stand behind it. */
  readonly flags: { port: number; "public-url": string };
  /**
   * Let a gateway work behind it, and stop it whatever happens.
   * @throws UserError when the address leads elsewhere, or is lost
   */
  stand(
    gateway: { stop(graceSeconds: number): Promise<void> },
    work: () => Promise<void>,
  ): Promise<void>;
}

/**
 * Open a tunnel, and close it when the work is done.
 * @param way what stands after `--tunnel`
 * @param tell a sentence for the person at the terminal
 * @throws UserError when there is none, or when it is of no use
 */
export async function withTunnel(
  way: string,
  { port, host }: { port: number; host: string },
  tell: (sentence: string) => void,
  work: (tunnel: OpenTunnel) => Promise<void>,
): Promise<void> {
  const provider = tunnelProvider(way);
  if (host !== "localhost" && host !== "127.0.0.1") {
    const hint = "Leave out --host.";
    throw new UserError("A tunnel leads to 127.0.0.1", { hint, exitCode: EXIT.usage });
  }
  const probe = await startProbe(port);
  let tunnel: Tunnel | undefined;
  for (const name of SIGNALS) process.on(name, leave);
  try {
    tunnel = await provider.open(probe.port, tell);
    await tried(tunnel, probe, tell);
    await probe.close();
    const { publicUrl, lost } = tunnel;
    await work({
      flags: { port: probe.port, "public-url": publicUrl },
      async stand(gateway, working) {
        try {
          await checkIssuer(publicUrl);
          tell(
            `Tunnel: ${publicUrl} is open to everybody who knows it; logging in takes a code that is shown here.`,
          );
          const isOver = working(); // which hears signals itself
          for (const name of SIGNALS) process.off(name, leave);
          await Promise.race([isOver, reasonOf(lost)]);
        } finally {
          await gateway.stop(GRACE);
        }
      },
    });
  } finally {
    for (const name of SIGNALS) process.off(name, leave);
    tunnel?.close();
    await probe.close();
  }
}

async function tried(
  tunnel: Tunnel,
  probe: Probe,
  tell: (sentence: string) => void,
): Promise<void> {
  const { protocol, hostname } = new URL(tunnel.publicUrl);
  if (protocol !== "https:" && !isLoopbackHost(hostname)) {
    const hint = "Logins and tokens need https.";
    throw new UserError(`${tunnel.publicUrl} is not encrypted`, { hint });
  }
  for (const { sentence, isFatal } of await probe.test(tunnel)) {
    if (!isFatal) tell(`Tunnel: ${sentence}`);
    else {
      const hint = "Set the tunnel up so that it changes nothing, or take another.";
      throw new UserError(`The tunnel is of no use: ${sentence}`, { hint });
    }
  }
}

async function reasonOf(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  throw signal.reason;
}
