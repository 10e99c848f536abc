// The pull queue: its domains, its broker or its two, and what nobody took.

import { h } from "./dom.js";
import { clock, count, counted, micros, perSecond, span, text, words } from "./format.js";
import { levels, rate, ready } from "./history.js";
import { badge, bar, facts, figure, icon, spark, table, title } from "./parts.js";

const BREAKERS = {
  closed: ["good", "closed"],
  open: ["bad", "open"],
  half_open: ["watch", "half open"],
  ramp: ["watch", "ramp"],
};

const QUEUE_COLUMNS = [
  ["", "Domain", "wide"],
  ["", "Breaker"],
  ["Ready", "high"],
  ["Ready", "normal"],
  ["Ready", "low"],
  ["Ready", "lately"],
  ["Oldest", "waits"],
  ["", "Delayed"],
  ["", "Unsettled"],
  ["", "Held"],
  ["", "Running"],
  ["", "Stalled"],
  ["", "Workers"],
  ["Handler", "mean"],
];

export function queues(samples) {
  const { at, kanban } = samples.at(-1);
  const often = (name) => text(perSecond(rate(samples, (status) => status.kanban?.counts[name])));
  return [
    title("queues", "Queues by domain", `${often("pulled")} pulled, ${often("done")} done, ${often("retried")} tried again`),
    table(
      "Queues by domain",
      QUEUE_COLUMNS,
      kanban.queues.map((queue) => queueRow(samples, queue, at)),
    ),
  ];
}

function queueRow(samples, queue, at) {
  const [level, word] = BREAKERS[queue.breaker] ?? ["note", words(queue.breaker)];
  const depth = (sample) => ready(sample.kanban?.queues.find((other) => other.domain === queue.domain));
  return {
    key: queue.domain,
    id: `queue-${queue.domain}`,
    cells: [
      h("span", { class: "title-cell" }, queue.domain),
      badge(level, word),
      ...queue.ready.map((items) => (items === null ? [] : count(items))),
      spark(levels(samples, depth), `Items of ${queue.domain} ready`, count),
      queue.oldest === undefined ? [] : span(at - queue.oldest),
      count(queue.delayed),
      count(queue.unsettled),
      count(queue.held),
      count(queue.running),
      queue.stalled > 0 ? badge("watch", count(queue.stalled)) : count(queue.stalled),
      [h("b", null, count(queue.workers)), h("small", null, ` of ${count(queue.target_workers)} wanted`)],
      queue.handler_mean_us === undefined ? [] : figure(micros(queue.handler_mean_us)),
    ],
  };
}

/** What keeps the items, and how it fares. */
export function broker(samples) {
  const { at, kanban } = samples.at(-1);
  const { fault, failover, slots_used: used, slots, counts } = kanban;
  return [
    title("broker", "Broker", state(kanban)),
    fault !== undefined && !failover && h("p", { class: "fault" }, fault),
    failover && standing(failover, at),
    failover &&
      table(
        "The two brokers",
        [
          ["", "Broker", "wide"],
          ["", "State"],
          ["", "Stored"],
          ["", "Failed"],
          ["", "Pulled"],
        ],
        failover.brokers.map(brokerRow),
      ),
    facts([
      ["items", kanban.durable ? "outlive the process" : "end with the process"],
      slots > 0 && ["slots", `${count(used)} of ${count(slots)}`, bar(used / slots, used >= slots ? "watch" : "plain")],
      kanban.draining && ["draining", "yes: it is being emptied"],
      failover && ["moves to the fallback", count(failover.trips)],
      failover && ["moves back", count(failover.fail_backs)],
      !(kanban.dead_letters > 0) && ["dead letters", kanban.dead_letters === 0 ? "none" : "not known"],
    ]),
    h(
      "details",
      null,
      h("summary", null, "All counts since the start"),
      facts(Object.entries(counts).map(([name, total]) => [words(name), count(total)])),
    ),
  ].filter(Boolean);
}

function state({ broker: name, fault, failover }) {
  if (failover?.brokers.some((one) => one.active && one.fault === undefined)) {
    return failover.state === "primary"
      ? badge("good", "publishing to the primary")
      : badge("watch", "publishing to the fallback");
  }
  return fault === undefined ? badge("good", `${name} works`) : badge("bad", `${name} fails`);
}

function standing({ state: now, since, reason, brokers }, at) {
  const active = brokers.find((one) => one.active)?.name ?? "none";
  const where =
    {
      primary: `Published to the primary, ${active}`,
      fallback: `Published to the fallback, ${active}`,
      canary: `Published to the fallback, ${active}; the next item tries the primary`,
    }[now] ?? words(now);
  return h(
    "p",
    { class: "standing" },
    icon(now === "primary" ? "good" : "watch"),
    h("span", null, h("b", null, where), ` since ${clock(since)} (${span(at - since)})${reason === "" ? "" : `: ${reason}`}`),
  );
}

function brokerRow({ role, name, active, fault, stored, failed, pulled }) {
  return {
    key: role,
    cells: [
      [h("span", { class: "title-cell" }, name), h("small", null, `${role}${active ? ", published to" : ""}`)],
      [
        fault === undefined ? badge("good", "works") : badge("bad", "fails"),
        fault !== undefined && h("small", { class: "fault" }, fault),
      ],
      count(stored),
      count(failed),
      count(pulled),
    ],
  };
}

/** Items that gave up, and items that nobody takes. */
export function letters(samples) {
  const { at, kanban } = samples.at(-1);
  const strays = kanban.strays ?? [];
  const oldest = kanban.oldest_dead_letter;
  return [
    title("dead-letters", "Left behind"),
    kanban.dead_letters > 0 &&
      h(
        "p",
        { class: "sum" },
        h("b", null, counted(kanban.dead_letters, "dead letter")),
        oldest !== undefined && `, the oldest of ${clock(oldest)} (${span(at - oldest)} ago)`,
      ),
    kanban.dead_letters > 0 &&
      h("p", { class: "quiet" }, "Look at them with ", h("code", null, "heijunka dlq list"), ", then replay or drop them."),
    strays.length > 0 && h("h3", null, "Nobody seems to consume"),
    strays.length > 0 &&
      h(
        "ul",
        { class: "strays" },
        strays.map(({ domain, priority, items }) =>
          h("li", { key: `${domain} ${priority}` }, h("b", null, counted(items, "item")), ` of ${domain}, ${priority} priority`),
        ),
      ),
  ].filter(Boolean);
}

export const hasLetters = ({ kanban }) => kanban !== undefined && (kanban.dead_letters > 0 || (kanban.strays ?? []).length > 0);
