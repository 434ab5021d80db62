/**
 * Builds the real Traefik from Go modules into `.cache/traefik`, for machines that have none: `node test/support/traefik/build.js`.
 *
 * It is Traefik as released (the version stands in go.mod) but for two things that no module proxy serves: its empty extension
 * point (`ext/`), and DNS-01 providers with a cloud's client library (`providers.go.txt` knows the others).
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const cache = join(here, "..", "..", "..", ".cache");
const lego = join(cache, "lego"); // go.mod replaces the module with this folder

const TRAEFIK = "github.com/traefik/traefik/v3";
const LEGO = "github.com/go-acme/lego/v5";
/** Parts of lego that are programs, tests, or a provider for DNS-01 that is left out. */
const LEFT_OUT =
  /^(cmd|e2e|main\.go|internal\/generators|providers\/http)(\/|$)|^providers\/dns\/(?!exec|httpreq|internal)|_test\.go$/;

const versionOf = (module) =>
  new RegExp(`^\\s*(?:require )?${module} (v\\S+)`, "m").exec(
    readFileSync(join(here, "go.mod"), "utf8"),
  )[1];

const before = Date.now();
mkdirSync(cache, { recursive: true });
const { Dir: source } = JSON.parse(
  execFileSync("go", ["mod", "download", "-json", `${LEGO}@${versionOf(LEGO)}`], { cwd: cache }),
);
rmSync(lego, { recursive: true, force: true });
cpSync(source, lego, {
  recursive: true,
  filter: (file) => !LEFT_OUT.test(relative(source, file)),
});
execFileSync("chmod", ["-R", "u+w", lego]); // the module cache is read-only
cpSync(join(here, "providers.go.txt"), join(lego, "providers", "dns", "providers.go"));

const version = versionOf(TRAEFIK).slice(1);
const flags = `-s -w -X ${TRAEFIK}/pkg/version.Version=${version}`;
execFileSync(
  "go",
  [
    "build",
    "-trimpath",
    `-ldflags=${flags}`,
    "-o",
    join(cache, "traefik"),
    `${TRAEFIK}/cmd/traefik`,
  ],
  { cwd: here, stdio: "inherit" },
);
console.log(`Traefik ${version} was built in ${Math.round((Date.now() - before) / 1000)} s`);
