// What several sections are made of: badges, bars, sparklines, tables.

import { h, unseen } from "./dom.js";
import { NONE } from "./format.js";

const SHAPES = {
  good: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.7 5.3-4.4 5a.9.9 0 0 1-1.3 0L4.2 9.5l1.2-1.2 1.2 1.2 3.8-4.3Z",
  watch: "M8 1.3 15.4 14H.6ZM7.1 6v4h1.8V6Zm0 5v1.7h1.8V11Z",
  bad: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1Zm2 3v5h1.8V4Zm0 6.2V12h1.8v-1.8Z",
  note: "M2 2h12v12H2Zm5.1 2v1.8h1.8V4Zm0 3v5h1.8V7Z",
  lost: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2.2A4.8 4.8 0 1 1 8 12.800 4.800 4.800 0 0 1 8 3.200Z",
};

/** A shape of its own for each level, for no state is told by colour alone. */
export function icon(level) {
  return h(
    "svg",
    { class: `icon ${level}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    h("path", { d: SHAPES[level], "fill-rule": "evenodd" }),
  );
}

export function badge(level, word) {
  return h("span", { class: `badge ${level}` }, icon(level), word);
}

export function chip(text, title) {
  return h("span", { class: "chip", title }, text);
}

/** A number with its unit behind it, smaller. */
export function figure([number, unit]) {
  return unit === "" || unit === undefined ? [number] : [number, h("span", { class: "unit" }, `\u00a0${unit}`)];
}

/** How full something is, 0 to 1. What it says has to stand beside it in words. */
export function bar(part, level = "plain") {
  const width = `${Math.round(Math.min(1, Math.max(0, part || 0)) * 1000) / 10}%`;
  return h(
    "svg",
    { class: `bar ${level}`, "aria-hidden": "true" },
    h("rect", { class: "track", width: "100%", height: "100%" }),
    h("rect", { class: "fill", width, height: "100%" }),
  );
}

const [WIDTH, HEIGHT] = [180, 40];

/** How something went in the last three minutes. `say` puts a figure in words. `least` keeps small things from looking large. */
export function spark(points, name, say, least = 1) {
  const known = points.filter(({ y }) => Number.isFinite(y));
  if (known.length < 2)
    return h("svg", {
      class: "spark",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-label": `${name}: not enough known yet`,
    });
  const values = known.map(({ y }) => y);
  const top = Math.max(least, ...values);
  const at = ({ x, y }) => `${round(x * WIDTH)} ${round(HEIGHT - 1 - (y / top) * (HEIGHT - 4))}`;
  const line = `M${known.map(at).join("L")}`;
  const label = `${name}, the last three minutes: now ${say(values.at(-1))}, lowest ${say(Math.min(...values))}, highest ${say(Math.max(...values))}`;
  return h(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    h("path", { class: "area", d: `${line}V${HEIGHT}H${round(known[0].x * WIDTH)}Z` }),
    h("path", { class: "line", d: line, "vector-effect": "non-scaling-stroke" }),
    h("path", { class: "tip", d: `M${at(known.at(-1))}h0`, "vector-effect": "non-scaling-stroke" }),
  );
}

const round = (value) => Math.round(value * 10) / 10;

/** The title of a section, with what else is to be said in its line. */
export function title(id, name, ...aside) {
  return h("header", { class: "title" }, h("h2", { id: `${id}-title` }, name), h("p", { class: "aside" }, aside));
}

/** Terms and what they are. A pair that is false is left out. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([term, ...told]) => h("div", { key: term }, h("dt", null, term), h("dd", null, told))),
  );
}

/**
 * A table that becomes a list of cards where there is no room, which the roles outlive. Columns are `[group, name]`; the first cell of a
 * row is its heading.
 */
export function table(name, columns, rows) {
  const head = columns.map(([group, column, kind]) =>
    h(
      "th",
      { key: `${group} ${column}`, role: "columnheader", scope: "col", class: kind },
      group && h("span", { class: "group" }, `${group} `),
      column,
    ),
  );
  return h(
    "table",
    { role: "table", "aria-label": name },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h(
      "tbody",
      { role: "rowgroup" },
      rows.map(({ key, id, cells }) =>
        h(
          "tr",
          { key, id, role: "row", tabindex: id && "-1" },
          cells.map((cell, at) => tableCell(columns[at], cell, at)),
        ),
      ),
    ),
  );
}

function tableCell([group, column, kind], cell, at) {
  const inside = [cell].flat().length === 0 ? [h("span", { "aria-hidden": "true" }, NONE), unseen("none")] : cell;
  if (at === 0) return h("th", { role: "rowheader", scope: "row", class: kind }, inside);
  return h("td", { role: "cell", class: kind, "data-label": [group, column].filter(Boolean).join(" ") }, h("span", null, inside));
}
