/**
 * Whether a gateway that runs has taken up an edit of its configuration.
 */
import type { ControlClient } from "../control.ts";
import { EXIT, UserError } from "../errors.ts";

const PATIENCE = 3000; // ms
const LOOK = 200; // ms

/**
 * @param isKnown whether the service should be known to it
 * @returns what the person at the terminal may want to do next; nothing when the gateway follows the file by itself
 */
export async function followEdit(
  control: ControlClient,
  service: string,
  isKnown: boolean,
): Promise<{ state: "not running" | "in effect" | "restart needed"; next?: string; url?: string }> {
  const until = Date.now() + PATIENCE;
  for (;;) {
    try {
      const found = (await control.status()).services.find((one) => one.service === service);
      if ((found !== undefined) === isKnown) {
        const url = found?.urls[0];
        return { state: "in effect", ...(url !== undefined && { url }) };
      }
    } catch (error) {
      if (!(error instanceof UserError) || error.exitCode !== EXIT.notRunning) throw error;
      return { state: "not running", next: "Start the gateway: mcp-gateway serve" };
    }
    if (Date.now() >= until) {
      return {
        state: "restart needed",
        next: "The gateway that runs does not know of it yet: restart it.",
      };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}
