// What is to be seen, as a tree of plain objects, and the least that makes the document so. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const IN_SVG = new Set(["svg", "rect", "line", "path", "text", "circle", "g"]);

/** A node of the tree. `key`, among the attributes, tells it apart from its siblings. */
export function h(tag, attributes, ...children) {
  const { key, ...rest } = attributes ?? {};
  return {
    tag,
    key,
    attributes: rest,
    children: children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  };
}

/** Text that only a screen reader says. */
export function unseen(text) {
  return h("span", { class: "unseen" }, text);
}

/** Makes the children of `parent` be these. What is there is used again, so that focus and what was unfolded stay. */
export function patch(parent, children) {
  const old = [...parent.childNodes];
  const keyed = new Map(old.filter((node) => node.key !== undefined).map((node) => [node.key, node]));
  const loose = old.filter((node) => node.key === undefined);
  const kept = children.map((child) => fit(child, child.key === undefined ? loose.shift() : keyed.get(child.key)));
  const stays = new Set(kept);
  old.filter((node) => !stays.has(node)).forEach((node) => node.remove());
  kept.forEach((node, at) => {
    if (parent.childNodes[at] !== node) parent.insertBefore(node, parent.childNodes[at] ?? null);
  });
}

function fit(child, node) {
  return typeof child === "object" ? fitElement(child, node) : fitText(String(child), node);
}

function fitText(text, node) {
  if (node?.nodeType !== Node.TEXT_NODE) return document.createTextNode(text);
  if (node.data !== text) node.data = text;
  return node;
}

function fitElement(child, node) {
  const element = node?.localName === child.tag ? node : create(child);
  const before = element.given ?? {};
  for (const name of Object.keys(before)) {
    if (!(name in child.attributes)) set(element, name, null);
  }
  for (const [name, value] of Object.entries(child.attributes)) {
    if (before[name] !== value) set(element, name, value);
  }
  // Only what was given is taken back: what the browser sets itself, such as `open`, stays.
  element.given = child.attributes;
  patch(element, child.children);
  return element;
}

function set(element, name, value) {
  if (name.startsWith("on")) element[name] = value;
  else if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

function create({ tag, key }) {
  const element = IN_SVG.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  if (key !== undefined) element.key = key;
  return element;
}
