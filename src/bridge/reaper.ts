/**
 * What outlives a `kill -9` of the gateway: a small shell process that knows the process group of every living child
 * and ends what is left when the gateway's end of its standard input closes, however that came about.
 *
 * Groups are registered by the child itself, before its program runs: between a `fork` and a line written by the
 * gateway there would be a moment in which the gateway could die and leave a child nobody knows.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";

const REAPER = `
trap '' HUP INT TERM
live=
while read -r sign group; do
  case $sign in
    +) live="$live $group" ;;
    -) rest=
       for each in $live; do [ "$each" = "$group" ] || rest="$rest $each"; done
       live=$rest ;;
  esac
done
[ -n "$live" ] || exit 0
for each in $live; do kill -s TERM -- "-$each"; done
sleep 1
for each in $live; do kill -s KILL -- "-$each"; done
`;

/** Run by `sh -c` with the command after it: the descriptor is closed before the command starts. */
const REGISTER = `printf '+ %s\\n' $$ >&3; exec "$@" 3>&-`;

export class Reaper {
  readonly #groups = new Set<number>();
  #process: ChildProcess | undefined;

  /**
   * What to spawn instead of `command`. Costs about half a millisecond a child.
   * @returns `descriptor` becomes the child's descriptor 3
   */
  wrap(
    command: string,
    args: readonly string[],
  ): { command: string; args: string[]; descriptor: Writable } {
    return {
      command: "/bin/sh",
      args: ["-c", REGISTER, "sh", command, ...args],
      descriptor: this.#input(),
    };
  }

  /** The child has registered itself; this keeps the list for a successor of the reaper. */
  add(group: number): void {
    this.#groups.add(group);
  }

  /** Nothing of this group is left. */
  remove(group: number): void {
    if (this.#groups.delete(group)) this.#process?.stdin?.write(`- ${group}\n`);
  }

  /** Let the reaper go once no child lives; the next one starts it again. */
  endWhenIdle(): void {
    if (this.#groups.size > 0) return;
    const ended = this.#process;
    this.#process = undefined;
    ended?.stdin?.end();
  }

  #input(): Writable {
    if (this.#process) return this.#process.stdin!;
    // Its own session: neither a Ctrl-C in the terminal nor a signal to the gateway's group reaches it.
    const reaper = spawn("/bin/sh", ["-c", REAPER], {
      detached: true,
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#process = reaper;
    reaper.unref();
    reaper.stdin.on("error", () => undefined);
    (reaper.stdin as unknown as { unref(): void }).unref();
    const gone = (): void => {
      if (this.#process !== reaper) return;
      this.#process = undefined;
      // Somebody ended it: children that live now must not lose their guard.
      if (this.#groups.size > 0) this.#input();
    };
    reaper.once("exit", gone);
    reaper.once("error", () => (this.#process = undefined));
    for (const group of this.#groups) reaper.stdin.write(`+ ${group}\n`);
    return reaper.stdin;
  }
}
