// A real service: `heijunka run` with a configuration that makes a load possible, asked through its Unix socket.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COMMAND = process.env.HEIJUNKA ?? new URL("../../target/debug/heijunka", import.meta.url).pathname;

const configuration = (socket) => `
[service]
socket = ${JSON.stringify(socket)}
[service.http]
listen = "127.0.0.1:0"
[admission.sub_limits]
background = 500
[broker]
kind = "memory"
[pools.mail]
kind = "blocking"
min_workers = 2
max_workers = 4
[pools.report]
kind = "blocking"
max_workers = 4
[pools.slow]
kind = "blocking"
max_workers = 4
[domains.mail.exec]
argv = ["/bin/true"]
[domains.report.exec]
argv = ["/bin/false"]
[domains.slow.exec]
argv = ["/bin/sleep", "5"]
[burst]
threshold = 2.0
floor = 20
[kanban]
sample = "250ms"
[kanban.retry]
max_attempts = 1
[kanban.breaker]
open = "10min"
`;

/** Starts it, and gives `{ url, post, ended, kill }` once it is ready. `ended` is its exit code, when there is one. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "heijunka-browser-"));
  const [socket, file] = [join(folder, "service.sock"), join(folder, "service.toml")];
  writeFileSync(file, configuration(socket));
  const process = spawn(COMMAND, ["run", file], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const ended = new Promise((done) => {
    process.on("exit", done);
  });
  const url = await new Promise((ready, failed) => {
    const read = (chunk) => {
      log += chunk;
      const address = /ready .*http=(\S+)/.exec(log);
      if (address) ready(`http://${address[1]}/`);
    };
    process.stdout.on("data", read);
    process.stderr.on("data", read);
    process.on("error", (error) => failed(new Error(`${COMMAND}: ${error.message}; build it by cargo build -p heijunka-cli`)));
    ended.then((code) => failed(new Error(`it ended with ${code}:\n${log}`)));
  });
  const kill = async () => {
    process.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, ended, kill, post: (path, body) => post(socket, path, body) };
}

function post(socketPath, path, body = "") {
  return new Promise((done, failed) => {
    const asking = request({ socketPath, path, method: "POST", headers: { host: "localhost" } }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += chunk;
      });
      answer.on("end", () => (answer.statusCode < 400 ? done(text) : failed(new Error(`${path}: ${answer.statusCode} ${text}`))));
      answer.on("error", failed);
    });
    asking.on("error", failed);
    asking.end(body);
  });
}

/** Publishes so many items to a domain. */
export const publish = (service, domain, items) =>
  service.post("/publish", `${JSON.stringify({ domain, payload: "x" })}\n`.repeat(items));
