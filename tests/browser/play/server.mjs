// Serves the page with scenes in place of a service: `node play/server.mjs 8080`, then http://127.0.0.1:8080/ and `?` one of play/scenes.mjs.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

import { assemble, policy } from "./assemble.mjs";
import { journal, scenes } from "./scenes.mjs";

/** How many seconds of the past a scene begins with. */
const PAST = 180;

const send = (answer, kind, told) => answer.write(`event: ${kind}\ndata: ${JSON.stringify(told)}\n\n`);

function tell(answer, scene) {
  for (let second = 0; second < PAST; second += 1) send(answer, "status", scene(second));
  let second = PAST;
  send(answer, "journal", journal());
  const next = () => send(answer, "status", scene(second++));
  next();
  const timer = setInterval(next, 1000);
  answer.on("close", () => clearInterval(timer));
}

/** Starts it. `page` gives the document and its policy; what it plays is `server.scene`, and none at all is a service that is away. */
export async function play({ port = 0, page = assembled } = {}) {
  const server = createServer(async (request, answer) => {
    const { pathname, search } = new URL(request.url, "http://x");
    if (pathname === "/") {
      if (search.length > 1) server.scene = search.slice(1);
      const { html, headers } = await page();
      answer.writeHead(200, headers).end(html);
    } else if (pathname === "/events" && scenes[server.scene]) {
      answer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      tell(answer, scenes[server.scene]);
    } else {
      answer.writeHead(503).end();
    }
  });
  server.scene = "calm";
  await new Promise((ready) => server.listen(port, "127.0.0.1", ready));
  server.url = `http://127.0.0.1:${server.address().port}/`;
  return server;
}

async function assembled() {
  const page = assemble();
  return { html: page.html, headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy(page) } };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await play({ port: Number(process.argv[2] ?? 8080) });
  console.log(`${server.url}?${Object.keys(scenes).join(` | ${server.url}?`)}`);
}
