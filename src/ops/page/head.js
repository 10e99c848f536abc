// The upper part of the page: the masthead, the verdict, and the few large figures.

import { h, unseen } from "./dom.js";
import { count, micros, perSecond, share, span, text, words } from "./format.js";
import { arriving, ended, levels, rate, rates, ready, refused, slowest } from "./history.js";
import { figure, icon, spark } from "./parts.js";
import { levelOf } from "./verdict.js";

/** Who this is, and whether what is shown is of now. */
export function masthead(status, contact, theme) {
  return [
    h("p", { class: "name" }, "heijunka", status && h("span", { class: "version" }, ` ${status.version}`)),
    h("p", { class: `contact ${contact.stale ? "stale" : "live"}` }, icon(contact.stale ? "lost" : "good"), contact.words),
    status &&
      h(
        "p",
        { class: "about" },
        `${contact.stale ? "was " : ""}${words(status.state)}, ${status.readiness.ok ? "ready" : "not ready"}`,
      ),
    status && h("p", { class: "about" }, `up ${span(status.uptime_ms)}`),
    status && h("p", { class: "about process" }, `process ${status.pid}`),
    h("button", { type: "button", class: "theme", onclick: theme.next }, "Theme: ", theme.name),
  ].filter(Boolean);
}

/** What is the matter, the worst as the headline. */
export function verdict(found, contact) {
  if (contact.stale) return [headline("lost", contact.headline, contact.detail)];
  const level = levelOf(found);
  const matters = found.filter((one) => one.level !== "note");
  const notes = found.filter((one) => one.level === "note");
  const [first, ...others] = matters;
  const head = first ? headline(level, link(first), first.detail) : headline("good", "All is well", "Nothing needs attention.");
  return [
    head,
    others.concat(notes).length > 0 &&
      h(
        "ul",
        { class: "findings" },
        others
          .concat(notes)
          .map((one) =>
            h(
              "li",
              { key: one.key },
              icon(one.level),
              h(
                "span",
                null,
                unseen(`${SAID[one.level]}: `),
                link(one),
                one.detail && h("span", { class: "detail" }, ` ${one.detail}`),
              ),
            ),
          ),
      ),
  ].filter(Boolean);
}

const SAID = { bad: "wrong", watch: "to be watched", note: "worth knowing" };

const link = ({ place, title: words }) => h("a", { href: `#${encodeURIComponent(place)}` }, words);

function headline(level, words, detail) {
  return h(
    "div",
    { class: "headline" },
    icon(level),
    h("div", null, h("h1", null, words), detail && h("p", { class: "detail" }, detail)),
  );
}

/** The few figures that matter. */
export function figures(samples) {
  const status = samples.at(-1);
  const { admission, kanban } = status;
  const worst = slowest(status);
  const often = (value) => text(perSecond(value));
  const took = (value) => text(micros(value));
  const known = kanban?.queues.map(ready).filter((depth) => depth !== undefined) ?? [];
  const oldest = Math.min(...(kanban?.queues.map((queue) => queue.oldest ?? Infinity) ?? []));
  const waiting = (sample) => sample.kanban?.queues.reduce((total, queue) => total + (ready(queue) ?? 0), 0);
  return [
    tile(
      "Jobs finished",
      perSecond(rate(samples, ended)),
      `arriving ${often(arriving(samples))}`,
      spark(rates(samples, ended), "Jobs finished a second", often),
    ),
    tile(
      "Refused",
      perSecond(rate(samples, refused)),
      `${count(refused(status))} since the start`,
      spark(rates(samples, refused), "Refused a second", often),
      rate(samples, refused) > 0 && "refusing",
    ),
    tile(
      "Latency p99",
      micros(worst?.latency.total.p99_us),
      worst ? `pool ${worst.name}` : "no jobs lately",
      spark(
        levels(samples, (sample) => slowest(sample)?.latency.total.p99_us),
        "Latency, 99th percentile of the slowest pool",
        took,
      ),
    ),
    tile(
      "In flight",
      [count(admission.in_flight), ""],
      `${text(share(admission.in_flight / admission.hard))} of the hard limit`,
      spark(
        levels(samples, (sample) => sample.admission.in_flight),
        "In flight",
        count,
      ),
    ),
    known.length > 0 &&
      tile(
        "Items ready",
        [count(waiting(status)), ""],
        Number.isFinite(oldest) ? `oldest for ${span(status.at - oldest)}` : "none waits",
        spark(levels(samples, waiting), "Items ready", count),
      ),
    status.pools.length > 1 &&
      tile(
        "Balance",
        [status.balance.toFixed(2), ""],
        balanceWord(status),
        spark(
          levels(samples, (sample) => sample.balance),
          "Balance",
          (value) => value.toFixed(2),
        ),
      ),
  ].filter(Boolean);
}

const BALANCES = [
  [1, "perfect"],
  [0.8, "good"],
  [0.5, "to be watched"],
  [-Infinity, "poor"],
];

function balanceWord({ balance, pools }) {
  const busy = pools.some((pool) => pool.utilisation >= 0.1);
  return busy ? `${BALANCES.find(([from]) => balance >= from)[1]}; 1 is even` : "says little without load";
}

function tile(name, value, aside, line, state) {
  return h(
    "section",
    { key: name, class: state ? `tile ${state}` : "tile", "aria-label": name },
    h("h2", null, name),
    h("p", { class: "number" }, figure(value)),
    h("p", { class: "aside" }, aside),
    line,
  );
}
