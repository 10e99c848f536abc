// The page itself: it listens to the service, and draws what it hears.

import { admission } from "./admission.js";
import { burst } from "./burst.js";
import { patch } from "./dom.js";
import { clock, span } from "./format.js";
import { figures, masthead, verdict } from "./head.js";
import { extend } from "./history.js";
import { journal } from "./journal.js";
import { pools } from "./pools.js";
import { broker, hasLetters, letters, queues } from "./queues.js";
import { findings, levelOf } from "./verdict.js";

/** Without a word for so long, what is shown is old. A status comes each second. */
const SILENCE = 3_000;

/** A connection that says nothing for so long is given up. */
const GIVEN_UP = 10_000;

const AGAIN = 1_000;

const page = { samples: [], heard: undefined, begun: Date.now(), journal: undefined, told: 0, all: false, announced: "" };
/** Set while a drawing is due: what comes all at once is drawn once. */
let drawing;

const element = (id) => document.getElementById(id);

function listen() {
  const source = new EventSource("/events");
  const begun = Date.now();
  const hear = (kind, take) =>
    source.addEventListener(kind, ({ data }) => {
      page.heard = Date.now();
      take(JSON.parse(data));
      drawing ??= setTimeout(draw);
    });
  hear("status", (status) => {
    page.samples = extend(page.samples, status);
  });
  hear("journal", (told) => {
    page.journal = told;
    page.told = Date.now();
  });
  const over = () => {
    clearInterval(watch);
    source.close();
    setTimeout(listen, AGAIN);
  };
  const watch = setInterval(() => {
    if (Date.now() - Math.max(begun, page.heard ?? 0) > GIVEN_UP) over();
  }, AGAIN);
  source.onerror = over;
}

/** Whether what is shown is of now, in words. */
function contact() {
  const since = page.heard ?? page.begun;
  const silence = Date.now() - since;
  if (page.samples.length > 0 && silence <= SILENCE) return { stale: false, words: "Live" };
  if (page.samples.length === 0 && silence <= SILENCE)
    return { stale: true, words: "Connecting", headline: "Asking the service" };
  if (page.samples.length === 0)
    return {
      stale: true,
      words: "No contact",
      headline: "The service does not answer",
      detail: `No word of it for ${span(silence)}. It is asked again each second.`,
    };
  const words = `No contact since ${clock(since)}`;
  const ending = page.samples.at(-1).state === "ending";
  return {
    stale: true,
    words: `Stale since ${clock(since)}`,
    headline: ending ? "The service has ended" : words,
    detail: `${ending ? `${words}, when it was ending. ` : ""}What follows is ${span(silence)} old. The service is asked again each second.`,
  };
}

function show(id, children) {
  element(id).hidden = children === undefined;
  if (children !== undefined) patch(element(id), children);
}

function draw() {
  drawing = undefined;
  const { samples } = page;
  const [status, now] = [samples.at(-1), contact()];
  const found = status === undefined ? [] : findings(samples);
  document.documentElement.dataset.level = now.stale ? "lost" : levelOf(found);
  document.title = `${now.stale ? now.headline : (found.find((one) => one.level !== "note")?.title ?? "All is well")} · heijunka`;
  patch(element("masthead"), masthead(status, now, { name: theme(), next: nextTheme }));
  patch(element("verdict"), verdict(found, now));
  announce(now.stale ? now.headline : found.map((one) => one.key).join(" "), element("verdict").querySelector("h1").textContent);
  if (status === undefined) return;
  const queue = status.kanban;
  show("figures", figures(samples));
  show("admission", admission(samples));
  show("burst", burst(samples));
  show("pools", status.pools.length > 0 ? pools(samples) : undefined);
  show("queues", queue?.queues.length > 0 ? queues(samples) : undefined);
  show("broker", queue && broker(samples));
  show("dead-letters", hasLetters(status) ? letters(samples) : undefined);
  show("journal", page.journal?.entries.length > 0 ? journal(page.journal, page.told, page.all, toggleAll) : undefined);
}

/** A screen reader is told the headline when the matter changes, not when its figures do. */
function announce(matter, words) {
  if (matter === page.announced) return;
  page.announced = matter;
  element("announced").textContent = words;
}

function toggleAll() {
  page.all = !page.all;
  draw();
}

const THEMES = ["system", "light", "dark"];

function theme() {
  return document.documentElement.dataset.theme ?? THEMES[0];
}

function nextTheme() {
  setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  draw();
}

function setTheme(name) {
  if (name === THEMES[0]) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    localStorage.setItem("theme", name);
  } catch {
    // Not remembered, where a browser keeps nothing.
  }
}

function rememberedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

setTheme(THEMES.find((name) => name === rememberedTheme()) ?? THEMES[0]);
element("zone").textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
listen();
draw();
setInterval(draw, AGAIN);
