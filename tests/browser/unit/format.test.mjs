import assert from "node:assert/strict";
import { test } from "node:test";

import { clock, counted, micros, perSecond, share, span, text, workTime } from "../../../src/ops/page/format.js";

const plain = (told) => told.replaceAll("\u00a0", " ");

test("durations have the unit that fits, and three digits", () => {
  const told = [
    0, 0.5, 21.55, 643.2, 999.4, 999.6, 3_850, 84_000, 999_400, 999_600, 4_712_000, 59_900_000, 60_000_000, 7_500_000_000,
  ].map((value) => plain(text(micros(value))));
  assert.deepEqual(told, [
    "0 µs",
    "0.5 µs",
    "21.6 µs",
    "643 µs",
    "999 µs",
    "1 ms",
    "3.85 ms",
    "84 ms",
    "999 ms",
    "1 s",
    "4.71 s",
    "59.9 s",
    "1 min",
    "2 h 5 min",
  ]);
});

test("what goes on for long is told in its two largest units", () => {
  const told = [-5, 700, 12_000, 60_000, 252_000, 11_100_000, 86_400_000, 187_200_000, 90_061_000_000].map((value) =>
    plain(span(value)),
  );
  assert.deepEqual(told, ["under 1 s", "under 1 s", "12 s", "1 min", "4 min 12 s", "3 h 5 min", "1 d", "2 d 4 h", "1042 d 8 h"]);
});

test("rates keep a digit behind the point only while they are small", () => {
  const told = [0, 0.04, 0.44, 3.25, 9.96, 46.4, 1269.3, 9999, 10_400, 5_300_000].map((value) => plain(text(perSecond(value))));
  assert.deepEqual(told, ["0 /s", "0 /s", "0.4 /s", "3.3 /s", "10 /s", "46 /s", "1,269 /s", "9,999 /s", "10.4 k/s", "5.3 M/s"]);
});

test("what is not known is a dash", () => {
  for (const unknown of [null, undefined, NaN, Infinity]) {
    assert.deepEqual(
      [micros, perSecond, share].map((say) => text(say(unknown))),
      ["–", "–", "–"],
    );
    assert.deepEqual([span(unknown), workTime(unknown)], ["–", "–"]);
  }
});

test("shares are whole, and what is more than nothing is not told as nothing", () => {
  assert.deepEqual(
    [0, 0.002, 0.43, 1, 1.2].map((value) => plain(text(share(value)))),
    ["0 %", "< 1 %", "43 %", "100 %", "120 %"],
  );
});

test("one is not many", () => {
  assert.deepEqual([counted(0, "item"), counted(1, "item"), counted(1204, "item")], ["0 items", "1 item", "1,204 items"]);
});

test("another day is named", () => {
  const now = new Date(2026, 10, 22, 3, 0, 0).getTime();
  assert.equal(clock(now - 60_000, now), "02:59:00");
  assert.equal(clock(now - 86_400_000, now), "21 Nov 03:00:00");
});
