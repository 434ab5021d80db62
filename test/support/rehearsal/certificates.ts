/**
 * A certificate authority of the test's own, for hosts that Pebble does not certify: Pebble itself and the identity provider.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Certificate {
  certFile: string;
  keyFile: string;
}

export interface Authority {
  /** PEM file to trust. */
  file: string;
  certify(name: string, ...more: string[]): Certificate;
}

export function createAuthority(directory: string): Authority {
  const openssl = (...args: string[]): unknown =>
    execFileSync("openssl", args, { cwd: directory, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem");
  return {
    file: join(directory, "ca.pem"),
    certify(name, ...more) {
      const names = [name, ...more].map((one) => `DNS:${one}`).join(",");
      const extensions = ["-addext", `subjectAltName=${names}`];
      const signed = ["-CA", "ca.pem", "-CAkey", "ca.key"];
      openssl(
        ...["req", "-x509", ...key, "-subj", `/CN=${name}`, ...extensions, ...signed],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
        ...["-keyout", `${name}.key`, "-out", `${name}.pem`],
      );
      return { certFile: join(directory, `${name}.pem`), keyFile: join(directory, `${name}.key`) };
    },
  };
}

/** One file with all of these. */
export function bundle(file: string, ...pem: string[]): string {
  writeFileSync(
    file,
    pem.map((one) => (one.includes("BEGIN") ? one : readFileSync(one, "utf8"))).join("\n"),
  );
  return file;
}
