//! The same work done by apalis, a job queue over SQLite.
//!
//! Tuned for it, not against it:
//! - The file is set up by apalis itself: WAL, and `synchronous = OFF`, under which a commit survives the end of the process
//!   but not the loss of power. That is what `SyncConfig::Process` promises.
//! - One connection. `PRAGMA`s hold for the connection they ran on, so a second one would sync, and SQLite has one writer anyway.
//! - All is pushed by one call, in one transaction, before the worker starts, so neither waits for the other's transaction.
//! - Tasks are fetched by the hundred, and their results written together. They are not marked as running in between: that would
//!   be a third write, and being fetched already reserves them to their worker.
//! - The index of tasks by worker is dropped. With it, SQLite writes the results of a batch by looking at every task the worker
//!   ever had, for each of them at the whole batch: milliseconds per item, and more the longer it runs. Only the search for the
//!   tasks of dead workers misses it. `ANALYZE` does not change that plan.
//! - What is done stays in the table, as is apalis' way; removing it is not counted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use apalis::prelude::{TaskSink, WorkerBuilder, WorkerContext};
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use heijunka_compare::clock;
use sqlx::ConnectOptions;
use tokio::runtime;

/// Tasks fetched, and their results written, together.
const FETCH: usize = 1024;

/// Nanoseconds per item, from the push until the last result is written.
pub(crate) fn cycle(path: &Path, payload: &str, items: u32) -> f64 {
    // SQLite works in a thread of its own: with this one, two cores are in use.
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let options =
            SqliteConnectOptions::new().filename(path).create_if_missing(true).disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .expect("a database opens");
        SqliteStorage::setup(&pool).await.expect("its tables are made");
        sqlx::query("DROP INDEX LIdx").execute(&pool).await.expect("there is such an index");
        // Each of another name, or the second would be taken for the first, that still lives.
        run(&pool, "warm", payload, items / 10).await;
        let nanos = run(&pool, "measured", payload, items).await;
        let done: u32 = sqlx::query_scalar("SELECT COUNT(*) FROM Jobs WHERE status = 'Done'")
            .fetch_one(&pool)
            .await
            .expect("it tells");
        assert_eq!(done, items / 10 + items, "every item is settled");
        // Closes the log as well, which would be left beside the file.
        pool.close().await;
        nanos
    })
}

async fn run(pool: &SqlitePool, worker: &str, payload: &str, items: u32) -> f64 {
    let config = Config::default().queue("mail").batch_size(FETCH).lock_tasks(false);
    let mut storage = SqliteStorage::new(pool).with_config(config);
    let payloads = vec![payload.to_owned(); items as usize];
    let left = Arc::new(AtomicU32::new(items));
    let handler = move |_: String, worker: WorkerContext| {
        // Relaxed: all of it happens on one thread.
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            worker.stop().expect("it runs");
        }
        std::future::ready(())
    };
    let start = clock::raw();
    storage.push_bulk(payloads).await.expect("every item is stored");
    // Stopping writes the results that are still to be written. The handler never waits, so items run one after the other.
    WorkerBuilder::new(worker).backend(storage).build(handler).run().await.expect("it stops in order");
    clock::nanos_between(start, clock::raw()) as f64 / f64::from(items)
}
