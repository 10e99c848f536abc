// Bursts: what load is usual, what is unusual, and what that costs.

import { h } from "./dom.js";
import { count, perSecond, share, span, text, words, workTime } from "./format.js";
import { levels } from "./history.js";
import { badge, bar, facts, spark, title } from "./parts.js";

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
