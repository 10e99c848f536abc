// The upper part of the page: the masthead, the verdict, the few large figures, admission and bursts.

import { h, unseen } from "./dom.js";
import { count, micros, perSecond, share, span, text, words, workTime } from "./format.js";
import { arriving, ended, levels, rate, rates, ready, refused, slowest } from "./history.js";
import { badge, bar, facts, figure, icon, spark, title } from "./parts.js";
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

/** Who is in, against three limits, and who was turned away. */
export function admission(samples) {
  const status = samples.at(-1);
  const {
    in_flight: inside,
    priority_in_flight: priority,
    soft,
    effective,
    hard,
    sub_limits: subLimits,
    refused: reasons,
  } = status.admission;
  const turnedAway = Object.entries(reasons)
    .filter(([, total]) => total > 0)
    .sort((one, other) => other[1] - one[1]);
  return [
    title(
      "admission",
      "Admission",
      `arriving ${text(perSecond(arriving(samples)))}, refused ${text(perSecond(rate(samples, refused)))}`,
    ),
    h(
      "p",
      { class: "sum" },
      h("b", null, count(inside)),
      " in flight of ",
      h("b", null, count(hard)),
      priority > 0 && `, ${count(priority)} of priority domains`,
    ),
    gauge(inside, { soft, effective, hard }),
    facts([
      ["soft", count(soft), h("small", null, "low priority is refused from here on")],
      ["effective", count(effective), h("small", null, "so is all but priority domains")],
      ["hard", count(hard), h("small", null, "so is everything")],
    ]),
    subLimits.length > 0 && h("h3", null, "Caps on classes of work"),
    subLimits.length > 0 &&
      h(
        "ul",
        { class: "caps" },
        subLimits.map((cap) =>
          h(
            "li",
            { key: cap.name },
            h("span", null, cap.name),
            bar(cap.in_flight / cap.limit, cap.in_flight >= cap.limit ? "watch" : "plain"),
            h("span", { class: "count" }, `${count(cap.in_flight)} of ${count(cap.limit)}`),
          ),
        ),
      ),
    h("h3", null, "Refused"),
    turnedAway.length === 0
      ? h("p", { class: "quiet" }, "Nothing was refused since the start.")
      : facts(
          turnedAway.map(([reason, total]) => [
            words(reason),
            text(perSecond(rate(samples, (sample) => sample.admission.refused[reason]))),
            h("small", null, `${count(total)} since the start`),
          ]),
        ),
  ].filter(Boolean);
}

/** One bar, three marks. Their names take turns above and below it, so that they never meet. */
function gauge(inside, { soft, effective, hard }) {
  const at = (value) => `${Math.round((value / hard) * 1000) / 10}%`;
  const level = inside >= effective ? "bad" : inside >= soft ? "watch" : "plain";
  const mark = (name, value, y) => [
    h("line", { class: "mark", x1: at(value), x2: at(value), y1: y < 30 ? 16 : 22, y2: y < 30 ? 44 : 50 }),
    h("text", { x: at(value), y, "text-anchor": value / hard > 0.3 ? "end" : "start" }, name),
  ];
  return h(
    "svg",
    {
      class: `gauge ${level}`,
      height: 64,
      role: "img",
      "aria-label": `${count(inside)} in flight; soft limit ${count(soft)}, effective ${count(effective)}, hard ${count(hard)}`,
    },
    h("rect", { class: "track", y: 22, width: at(hard), height: 22, rx: 3 }),
    h("rect", { class: "fill", y: 22, width: at(Math.min(inside, hard)), height: 22, rx: 3 }),
    mark("soft", soft, 12),
    mark("effective", effective, 62),
    h("line", { class: "mark hard", x1: at(hard), x2: at(hard), y1: 16, y2: 50 }),
  );
}

const PHASES = {
  learning: ["note", "learning what is usual"],
  watching: ["good", "watching"],
  surging: ["note", "surging: workers are lent"],
  returning: ["note", "returning: workers go back"],
  cooling: ["note", "cooling: nothing is lent yet"],
  off: ["note", "off: bursts are seen and not answered"],
};

/** What load is unusual, and what was lent for it. */
export function burst(samples) {
  const { burst: now } = samples.at(-1);
  const [level, phase] = PHASES[now.phase] ?? ["note", words(now.phase)];
  const load = (value) => (value > 0 ? text(perSecond(value)) : "not known yet");
  return [
    title("burst", "Burst", badge(level, phase)),
    h(
      "p",
      { class: "sum" },
      h("b", null, now.ratio > 0 ? `${now.ratio.toFixed(1)} times` : "Not known how often"),
      " the usual load; a burst from ",
      h("b", null, `${now.threshold.toFixed(1)} times`),
      " on",
    ),
    bar(now.ratio / now.threshold, now.ratio >= now.threshold ? "watch" : "plain"),
    spark(
      levels(samples, (sample) => sample.burst.current),
      "Arrivals a second",
      load,
    ),
    facts([
      ["present load", load(now.current)],
      ["usual load", load(now.baseline)],
      now.extra_workers > 0 && ["lent to each pool", `${count(now.extra_workers)} workers`],
      now.lease_left_ms !== undefined && ["lease ends in", span(now.lease_left_ms)],
      now.cooldown_left_ms !== undefined && ["next surge possible in", span(now.cooldown_left_ms)],
      ["surges so far", count(now.surges), now.renewals > 0 && h("small", null, `${count(now.renewals)} prolonged`)],
    ]),
    now.surges > 0 && h("h3", null, "Ledger of surge workers"),
    now.surges > 0 &&
      facts([
        ["granted", workTime(now.granted_seconds)],
        [
          "busy",
          workTime(now.busy_seconds),
          h("small", null, text(share(now.granted_seconds > 0 ? now.busy_seconds / now.granted_seconds : 0))),
        ],
        ["denied", workTime(now.denied_seconds)],
        ["cost", workTime(now.cost_seconds), h("small", null, "of an ordinary worker")],
        ["jobs", count(now.jobs)],
      ]),
  ].filter(Boolean);
}
