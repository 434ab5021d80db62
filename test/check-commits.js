/**
 * The form of commit subjects: `type(scope): imperative sentence`, at most 72 characters, no final period.
 */
import { spawnSync } from "node:child_process";

const FORM =
  /^(feat|fix|perf|refactor|style|test|docs|build|ci|chore|revert)(\([a-z-]+\))?: [^A-Z\s].*[^.]$/;

const { stdout, status } = spawnSync("git", ["log", "--no-merges", "--format=%s", "-100"], {
  encoding: "utf8",
});
const subjects = status === 0 ? stdout.split("\n").filter(Boolean) : [];
const wrong = subjects.filter((subject) => subject.length > 72 || !FORM.test(subject));
for (const subject of wrong) console.error(`Not "type(scope): imperative sentence": ${subject}`);
process.exit(wrong.length === 0 ? 0 : 1);
