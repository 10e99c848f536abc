// Admission: who is in, and who was turned away.

import { h } from "./dom.js";
import { count, perSecond, text, words } from "./format.js";
import { arriving, rate, refused } from "./history.js";
import { bar, facts, title } from "./parts.js";

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
