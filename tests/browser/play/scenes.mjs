// Statuses as a service would tell them, by the second: what is hard to bring about with a real one, and what the page looks like then.

const BEGUN = Date.now() - 180_000;
const UP = 7_420_000;

/** A number between 0 and 1 that is always the same for the same second. */
const noise = (second, seed = 0) => {
  const value = Math.sin(second * 12.9898 + seed * 78.233) * 43758.5453;
  return value - Math.floor(value);
};

/** What a counter has come to that grows by `often(second)` a second. */
const grown = (second, often, start = 0) => {
  let total = start;
  for (let at = 0; at <= second; at += 1) total += often(at);
  return Math.round(total);
};

const percentiles = (median, count = 900) => ({
  count,
  p50_us: median,
  p90_us: median * 2.1,
  p99_us: median * 4.7,
  p999_us: median * 9.3,
  max_us: median * 14,
});

function pool(second, name, { often = 100, utilisation = 0.4, queued = 0, workers = 4, median = 800, failing = 0, ...rest }) {
  const each = (at) => often * (0.85 + 0.3 * noise(at, name.length));
  return {
    name,
    domain: name,
    workers,
    min_workers: 2,
    max_workers: 8,
    surge_workers: 0,
    lost_workers: 0,
    by_hand: false,
    utilisation: Math.min(1, utilisation * (0.9 + 0.2 * noise(second, name.length + 1))),
    queued,
    in_flight: queued + Math.round(workers * utilisation),
    health: "healthy",
    jobs: {
      abandoned: 0,
      cancelled: 0,
      completed: grown(second, (at) => each(at) * (1 - failing), 412_000),
      expired: 0,
      failed: grown(second, (at) => each(at) * failing),
      panicked: 0,
    },
    latency: {
      window_ms: 7000 + (second % 5) * 1000,
      queue: percentiles(queued > 0 ? queued * 400 : 21 + 9 * noise(second, 3)),
      service: percentiles(median),
      total: percentiles(median + queued * 400 + 40 * noise(second)),
    },
    ...rest,
  };
}

const queue = (domain, rest) => ({
  domain,
  breaker: "closed",
  ready: [0, 0, 0],
  delayed: 0,
  unsettled: 2,
  workers: 4,
  target_workers: 4,
  handler_mean_us: 3850,
  held: 1,
  running: 1,
  stalled: 0,
  ...rest,
});

const COUNTS = [
  "published",
  "published_twice",
  "invalid",
  "not_stored",
  "unknown",
  "pulled",
  "done",
  "failed",
  "acked",
  "retried",
  "released",
  "dead_lettered",
  "dropped",
  "duplicates",
  "concurrent",
  "gone",
  "unsettled",
  "stalled",
];

function kanban(second, rest = {}) {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, 0]));
  const often = grown(second, (at) => 40 + 8 * noise(at, 5), 90_000);
  return {
    broker: "file",
    durable: true,
    slots_used: 14,
    slots: 1024,
    draining: false,
    dead_letters: 0,
    strays: [],
    queues: [queue("mail", { ready: [0, 3, 1], oldest: BEGUN + second * 1000 - 700 }), queue("report", { ready: [0, 0, 0] })],
    ...rest,
    counts: { ...counts, published: often, pulled: often, done: often, acked: often, ...rest.counts },
  };
}

function status(second, { refused = {}, admission = {}, burst = {}, pools, ...rest } = {}) {
  const told = pools ?? [
    pool(second, "checkout", { often: 1240, utilisation: 0.62, workers: 6, median: 640 }),
    pool(second, "mail", { often: 46, median: 3900, utilisation: 0.44 }),
    pool(second, "report", { often: 3.2, utilisation: 0.51, median: 84_000, workers: 2 }),
  ];
  return {
    version: "0.1.0",
    pid: 4711,
    at: BEGUN + second * 1000,
    state: "running",
    uptime_ms: UP + second * 1000,
    readiness: { ok: true },
    admission: {
      in_flight: Math.round(180 + 60 * noise(second, 9)),
      priority_in_flight: 12,
      soft: 1000,
      effective: 960,
      hard: 1200,
      refused: {
        closed: 0,
        critical: 0,
        hard_limit: 0,
        lane_full: 0,
        no_pool: 0,
        reserve: 0,
        soft_limit: 0,
        sub_limit: 0,
        too_large: 0,
        ...refused,
      },
      sub_limits: [{ name: "background", in_flight: 31, limit: 500 }],
      ...admission,
    },
    balance: 0.86 + 0.06 * noise(second, 2),
    burst: {
      enabled: true,
      phase: "watching",
      baseline: 1270,
      current: 1230 + 120 * noise(second, 4),
      ratio: 1.02,
      threshold: 10,
      extra_workers: 0,
      surges: 0,
      renewals: 0,
      granted_seconds: 0,
      busy_seconds: 0,
      denied_seconds: 0,
      cost_seconds: 0,
      jobs: 0,
      ...burst,
    },
    pools: told,
    kanban: kanban(second),
    ...rest,
  };
}

const WIDE = { often: 9400, utilisation: 0.97, workers: 8, median: 1900, queued: 212 };

export const scenes = {
  calm: (second) => status(second),
  single: (second) => {
    const { kanban: none, ...rest } = status(second, {
      pools: [pool(second, "work", { often: 0.4 })],
      admission: { sub_limits: [] },
    });
    return rest;
  },
  loaded: (second) =>
    status(second, {
      pools: [
        pool(second, "checkout", WIDE),
        pool(second, "mail", { often: 46, median: 3900, utilisation: 0.88, by_hand: true }),
        pool(second, "report", { often: 12, utilisation: 0.93, median: 84_000, workers: 2, lost_workers: 1 }),
      ],
      refused: {
        soft_limit: grown(second, (at) => (at > 120 ? 340 * noise(at, 6) : 0)),
        hard_limit: grown(second, (at) => (at > 150 ? 80 : 0), 12),
      },
      admission: { in_flight: 1198, priority_in_flight: 230 },
      balance: 0.61,
    }),
  burst: (second) =>
    status(second, {
      burst: {
        phase: second > 140 ? "surging" : "watching",
        current: second > 138 ? 15_200 + 900 * noise(second) : 1250,
        ratio: second > 140 ? 12.1 : 1,
        extra_workers: second > 140 ? 2 : 0,
        lease_left_ms: second > 140 ? 300_000 - (second - 140) * 1000 : undefined,
        surges: 3,
        renewals: 1,
        granted_seconds: 1840,
        busy_seconds: 1392.5,
        denied_seconds: 12,
        cost_seconds: 3680,
        jobs: 91_204,
      },
      pools: [
        pool(second, "checkout", { ...WIDE, workers: 10, max_workers: 10, surge_workers: 2, queued: 31 }),
        pool(second, "mail", { often: 46, median: 3900 }),
      ],
    }),
  breaker: (second) =>
    status(second, {
      pools: [
        pool(second, "checkout", { often: 1240, utilisation: 0.62, workers: 6, median: 640 }),
        pool(second, "mail", { often: 46, failing: 0.31, health: "degraded", median: 61_000 }),
      ],
      kanban: kanban(second, {
        queues: [
          queue("mail", {
            breaker: "open",
            ready: [12, 1180 + second, 40],
            oldest: BEGUN - 64_000,
            held: 0,
            running: 0,
            target_workers: 20,
            workers: 8,
          }),
          queue("report", {}),
        ],
        dead_letters: 17,
        oldest_dead_letter: BEGUN - 10_900_000,
        counts: { dead_lettered: grown(second, (at) => (at % 9 === 0 ? 1 : 0)), retried: grown(second, () => 3) },
      }),
    }),
  failover: (second) =>
    status(second, {
      kanban: kanban(second, {
        broker: "failover",
        fault: "nats: no connection to nats://10.0.0.1:4222: connection refused",
        failover: {
          state: "fallback",
          since: BEGUN + 42_000,
          reason: "3 publishes in a row failed",
          trips: 2,
          fail_backs: 1,
          brokers: [
            {
              role: "primary",
              name: "nats",
              active: false,
              fault: "no connection to nats://10.0.0.1:4222: connection refused",
              stored: 182_331,
              failed: 3,
              pulled: 181_900,
            },
            { role: "fallback", name: "amqp", active: true, stored: 1240 + second * 40, failed: 0, pulled: 1204 + second * 40 },
          ],
        },
        strays: [{ domain: "newsletter", priority: "low", items: 1204 }],
        dead_letters: 3,
        oldest_dead_letter: BEGUN - 180_000_000,
      }),
    }),
  critical: (second) =>
    status(second, {
      readiness: { ok: false, reasons: ["2 of 3 pools are critical"] },
      pools: ["checkout", "mail", "a-pool-with-a-name-as-long-as-names-may-be-which-is-64-letters-x"].map((name, at) =>
        pool(second, name, {
          failing: at < 2 ? 0.7 : 0,
          health: at < 2 ? "critical" : "healthy",
          queued: at < 2 ? 256 : 0,
          lost_workers: at,
        }),
      ),
      refused: { critical: grown(second, () => 210), lane_full: grown(second, () => 33) },
    }),
  ending: (second) =>
    status(second, {
      state: "ending",
      readiness: { ok: false, reasons: ["draining or stopped"] },
      kanban: kanban(second, { draining: true }),
    }),
};

const ENTRIES = [
  ["kanban", "mail", "breaker", "mail: closed -> open for 30s", "state open"],
  ["scaling", "mail", "asked", "2 -> 5 workers", "2 to 5 workers: 5 are asked for"],
  ["scaling", "report", "wish_denied", "denied: it stays at 2 workers", "2 workers: utilisation 0.00, yet 2 are asked for"],
  ["burst", undefined, "load", "2 surge workers for each pool", "load 15200/s, usually 1250/s: 12.1 times"],
  ["balance", "checkout", "uneven", "1 worker goes from report to checkout", "coefficient 0.61 is below 0.80"],
  ["health", "mail", "failing", "healthy -> degraded", "31 % of 46 jobs failed"],
  ["control", undefined, "told", "the configuration was changed: scaling.up", ""],
];

export function journal() {
  const entries = Array.from({ length: 40 }, (_, at) => {
    const [author, subject, rule, decision, inputs] = ENTRIES[at % ENTRIES.length];
    return { number: at, ago_ms: (40 - at) * 7_300, author, ...(subject && { subject }), rule, decision, inputs };
  });
  return { entries };
}
