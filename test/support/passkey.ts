/**
 * A device with passkeys, as far as a gateway can see one: it signs what it is told to, which an honest one would not do.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { FormBrowser, Page } from "./form-browser.ts";

/** What stands in a page for the script there. */
export interface PasskeyOptions {
  challenge: string;
  rpId?: string;
  rp?: { id: string };
  user?: { id: string };
}

export interface Lies {
  challenge?: string;
  origin?: string;
  rpId?: string;
  userHandle?: string;
  isVerified?: boolean;
  counter?: number;
  /** Statement of attestation, in CBOR, in place of none. */
  attestation?: Buffer;
}

export interface Device {
  /** JSON as the script writes it. */
  create(page: Page, lies?: Lies): string;
  get(page: Page, lies?: Lies): string;
}

const base64url = (bytes: Buffer | string): string => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes: Buffer | string): Buffer => createHash("sha256").update(bytes).digest();

export function optionsOf(page: Page): PasskeyOptions {
  const [, json] = /data-passkey="([^"]*)"/.exec(page.text) ?? [];
  if (json === undefined) throw new Error(`offers no passkey:\n${page.text.slice(0, 2000)}`);
  return JSON.parse(json.replaceAll("&quot;", '"')) as PasskeyOptions;
}

/** With one key. Its counter goes up by one each time. */
export function createDevice(): Device {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const credentialId = randomBytes(32);
  const id = base64url(credentialId);
  let counter = 0;
  let userHandle = "";

  const clientData = (type: string, page: Page, options: PasskeyOptions, lies: Lies): Buffer => {
    const challenge = lies.challenge ?? options.challenge;
    const origin = lies.origin ?? page.url.origin;
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  };
  const authenticatorData = (rpId: string, lies: Lies, key?: Buffer): Buffer => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.counter ?? (counter += 1));
    // User present, user verified, key included (WebAuthn §6.1).
    const flags = 0x01 | (lies.isVerified === false ? 0 : 0x04) | (key ? 0x40 : 0);
    return Buffer.concat([
      sha256(lies.rpId ?? rpId),
      Buffer.from([flags]),
      count,
      ...(key ? [Buffer.alloc(16), Buffer.from([0, credentialId.length]), credentialId, key] : []),
    ]);
  };

  return {
    create(page, lies = {}) {
      const options = optionsOf(page);
      userHandle = options.user!.id;
      const { x = "", y = "" } = publicKey.export({ format: "jwk" });
      const cose = Buffer.concat([
        Buffer.from("a5010203262001215820", "hex"),
        Buffer.from(x, "base64url"),
        Buffer.from("225820", "hex"),
        Buffer.from(y, "base64url"),
      ]);
      const data = authenticatorData(options.rp!.id, lies, cose);
      const none = Buffer.concat([text("fmt"), text("none"), text("attStmt"), Buffer.from([0xa0])]);
      const attestationObject = Buffer.concat([
        Buffer.from([0xa3]),
        lies.attestation ?? none,
        text("authData"),
        Buffer.from([0x59, data.length >> 8, data.length & 0xff]),
        data,
      ]);
      const clientDataJSON = clientData("webauthn.create", page, options, lies);
      return answer(id, { clientDataJSON, attestationObject });
    },
    get(page, lies = {}) {
      const options = optionsOf(page);
      const data = authenticatorData(options.rpId!, lies);
      const clientDataJSON = clientData("webauthn.get", page, options, lies);
      const signature = sign("sha256", Buffer.concat([data, sha256(clientDataJSON)]), privateKey);
      return answer(id, {
        clientDataJSON,
        authenticatorData: data,
        signature,
        userHandle: Buffer.from(lies.userHandle ?? userHandle, "base64url"),
      });
    },
  };
}

/** A short CBOR text (RFC 8949 §3.1). */
export function text(words: string): Buffer {
  return Buffer.concat([Buffer.from([0x60 + words.length]), Buffer.from(words)]);
}

function answer(id: string, response: Record<string, Buffer>): string {
  const members = Object.entries(response).map(([name, bytes]) => [name, base64url(bytes)]);
  return JSON.stringify({
    id,
    rawId: id,
    type: "public-key",
    response: Object.fromEntries(members) as unknown,
  });
}

/** A logged-in browser adds a key of the device. @returns the page it ends at */
export async function addPasskey(
  gateway: { url: string },
  browser: FormBrowser,
  device: Device,
): Promise<Page> {
  const page = await browser.open(`${gateway.url}/account/passkey`);
  return browser.press(page, /Add a passkey/, { passkey: device.create(page) });
}
