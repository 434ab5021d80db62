/**
 * Showing a login page to the person: in a browser where there is one, and always as an address on standard error. The
 * address comes from a stranger's metadata, so it is never given to a shell and nothing but http and https is opened.
 */
import { hostname } from "node:os";

export interface Page {
  url: string;
  /** RFC 8628: what to type there. */
  code?: string;
  /** Loopback port the browser will come back to. */
  port?: number;
}

export async function present(
  page: Page,
  options: {
    mayOpen: boolean;
    tell: (text: string) => void;
    environment?: NodeJS.ProcessEnv;
  },
): Promise<void> {
  const { tell, environment = process.env } = options;
  if (page.code !== undefined) {
    return tell(`Open ${page.url} in a browser on any device and enter the code ${page.code}`);
  }
  const canOpen = options.mayOpen && hasBrowser(environment);
  const isFar = environment["SSH_CONNECTION"] !== undefined;
  tell(
    `${canOpen ? "Log in in the browser, or open" : "Log in: open"} this address:\n  ${page.url}`,
  );
  if (isFar || (!canOpen && options.mayOpen)) {
    tell(
      `The browser must be able to reach this machine: ssh -L ${page.port}:127.0.0.1:${page.port} ${hostname()}, or use --device.`,
    );
  }
  if (!canOpen) return;
  const failed = (): void => tell("No browser could be started; open the address yourself.");
  try {
    const { default: open } = await import("open");
    (await open(page.url)).once("error", failed);
  } catch {
    failed();
  }
}

function hasBrowser(environment: NodeJS.ProcessEnv): boolean {
  if (process.platform === "win32") return true;
  if (environment["SSH_CONNECTION"] !== undefined) return false;
  if (process.platform === "darwin") return true;
  return ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"].some((name) => environment[name] !== undefined);
}
