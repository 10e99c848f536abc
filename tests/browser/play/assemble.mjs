// Puts the page together as the service does, so that a change of it is seen without building the service.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const read = (name) => readFileSync(new URL(`../../../src/ops/page/${name}`, import.meta.url), "utf8");

/** The modules in the order in which the service has them. */
const modules = () => [...read("mod.rs").matchAll(/include_str!\("(\w+\.js)"\)/g)].map(([, name]) => read(name));

/** What is left of a module: no indentation, no comments, no imports, no exports. */
function inlined(module) {
  const lines = module.split("\n").map((line) => line.trimStart());
  const left = lines.filter((line) => line !== "" && !/^(import |\/\/|\/\*\*|\* |\*\/)/.test(line));
  return left.map((line) => `${line.replace(/^export /, "")}\n`).join("");
}

export function assemble() {
  const [style, script] = [read("page.css"), modules().map(inlined).join("")];
  return {
    html: read("page.html")
      .replace("{style}", () => style)
      .replace("{script}", () => script),
    style,
    script,
  };
}

export const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;

export function policy({ style, script }) {
  return `default-src 'none'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; script-src '${hash(script)}'; style-src '${hash(style)}'`;
}
