// The pools: who works, how much, how fast.

import { h } from "./dom.js";
import { count, micros, perSecond, share, span, text } from "./format.js";
import { failed, levels, poolNamed, rate, rates, sum } from "./history.js";
import { badge, chip, figure, spark, table, title } from "./parts.js";

const HEALTH = { healthy: "good", degraded: "watch", critical: "bad" };

const POOL_COLUMNS = [
  ["", "Pool", "wide"],
  ["", "Workers"],
  ["", "Utilisation"],
  ["", "Jobs finished"],
  ["", "Queued"],
  ["Queue delay", "p50"],
  ["Queue delay", "p99"],
  ["Latency", "p50"],
  ["Latency", "p90"],
  ["Latency", "p99"],
  ["Latency", "p99.9"],
];

export function pools(samples) {
  const status = samples.at(-1);
  const workers = status.pools.reduce((total, pool) => total + pool.workers, 0);
  const window = Math.max(0, ...status.pools.map((pool) => pool.latency.window_ms));
  return [
    title("pools", "Pools", `${count(workers)} workers; delays and latencies of the last ${span(window)}`),
    table(
      "Pools",
      POOL_COLUMNS,
      status.pools.map((pool) => poolRow(samples, pool)),
    ),
  ];
}

function poolRow(samples, pool) {
  const jobs = (status) => sum(poolNamed(status, pool.name)?.jobs);
  const failing = rate(samples, (status) => failed(poolNamed(status, pool.name)));
  const often = (value) => text(perSecond(value));
  const { queue, total } = pool.latency;
  const took = ({ count: some }, value) => (some > 0 ? figure(micros(value)) : []);
  return {
    key: pool.name,
    id: `pool-${pool.name}`,
    cells: [
      [
        h("span", { class: "title-cell" }, pool.name),
        badge(HEALTH[pool.health] ?? "note", pool.health),
        pool.domain !== pool.name && h("small", null, `of ${pool.domain}`),
      ],
      [h("b", null, count(pool.workers)), h("small", null, ` of ${pool.min_workers} to ${pool.max_workers}`), crew(pool)],
      [
        figure(share(pool.utilisation)),
        spark(
          levels(samples, (sample) => poolNamed(sample, pool.name)?.utilisation),
          `Utilisation of ${pool.name}`,
          (value) => text(share(value)),
        ),
      ],
      [
        h(
          "span",
          null,
          figure(perSecond(rate(samples, jobs))),
          failing > 0 && h("small", { class: "failing" }, ` ${often(failing)} fail`),
        ),
        spark(rates(samples, jobs), `Jobs of ${pool.name} finished a second`, often),
      ],
      count(pool.queued),
      took(queue, queue.p50_us),
      took(queue, queue.p99_us),
      took(total, total.p50_us),
      took(total, total.p90_us),
      took(total, total.p99_us),
      took(total, total.p999_us),
    ],
  };
}

function crew(pool) {
  return h(
    "span",
    { class: "chips" },
    pool.surge_workers > 0 && chip(`${count(pool.surge_workers)} surge`, "of these, lent for a burst"),
    pool.lost_workers > 0 && chip(`${count(pool.lost_workers)} lost`, "beside these: given up, as their job does not end"),
    pool.by_hand && chip("by hand", "the number of workers was set by hand"),
  );
}
