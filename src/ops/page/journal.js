// What was decided, the newest first: who, about what, and on demand by which rule and figures.

import { h } from "./dom.js";
import { clock, count, span, words } from "./format.js";
import { title } from "./parts.js";

/** Entries that are shown before somebody asks for all. */
const FEW = 12;

/** `told` is when it came, in milliseconds; `all` whether everything is wanted. */
export function journal({ entries }, told, all, toggle) {
  const newest = [...entries].reverse();
  const shown = all ? newest : newest.slice(0, FEW);
  return [
    title("journal", "Journal", `the latest ${count(entries.length)} decisions, newest first`),
    h(
      "ol",
      { class: "journal" },
      shown.map((entry) => entryLine(entry, told)),
    ),
    newest.length > FEW &&
      h(
        "button",
        { type: "button", onclick: toggle, "aria-expanded": String(all) },
        all ? "Show fewer" : `Show all ${count(newest.length)}`,
      ),
  ].filter(Boolean);
}

function entryLine({ number, ago_ms: ago, author, subject, rule, decision, inputs }, told) {
  const at = told - ago;
  const denied = decision.startsWith("denied");
  return h(
    "li",
    { key: number, class: denied ? "denied" : "" },
    h("time", { datetime: new Date(at).toISOString() }, clock(at), h("small", null, ` ${span(Date.now() - at)} ago`)),
    h("span", { class: "who" }, h("b", null, words(author)), subject !== undefined && ` ${subject}`),
    h("details", null, h("summary", null, decision), h("p", null, "rule: ", words(rule), inputs !== "" && h("br"), inputs)),
  );
}
