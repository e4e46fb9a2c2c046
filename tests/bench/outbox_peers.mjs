// SPDX-License-Identifier: Apache-2.0
// What other people's queues do on the same PostgreSQL: jobs fetched and completed per
// second, printed as the last line.
//
//   node outbox_peers.mjs FOLDER SOCKET graphile-worker|pg-boss BATCH JOBS
//
// FOLDER is where npm has installed them, or installs them now.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, socket, peer, batchText, jobsText] = process.argv.slice(2);
const batch = Number(batchText), jobs = Number(jobsText);
const payload = { note: "x".repeat(240) };

function load(name) {
    const home = resolve(folder);
    if (!existsSync(`${home}/node_modules/${name}`)) {
        mkdirSync(home, { recursive: true });
        writeFileSync(`${home}/package.json`, '{"private": true}');
        execFileSync("npm", ["install", "--no-audit", "--no-fund", "graphile-worker@0.17",
                             "pg-boss@10", "pg@8"], { cwd: home, stdio: "ignore" });
    }
    return createRequire(`${home}/`)(name);
}

const { Pool } = load("pg");
const pool = new Pool({ host: socket, user: "farmiq", database: "postgres", max: 30 });
pool.on("error", (error) => { throw error; });
pool.on("connect", (client) => client.on("error", (error) => { throw error; }));

// Its fastest setting: jobs pulled in blocks of `batch`, completions written in blocks.
async function graphileWorker() {
    const { runMigrations, run, Logger } = load("graphile-worker");
    const logger = new Logger(() => () => {});
    await pool.query("DROP SCHEMA IF EXISTS graphile_worker CASCADE");
    await runMigrations({ pgPool: pool, logger });
    await pool.query(
        "SELECT graphile_worker.add_job('noop', $2::json) FROM generate_series(1, $1)",
        [jobs, payload]);
    await pool.query("ANALYZE");
    let done = 0, start;
    const ended = new Promise((resolve) => {
        start = process.hrtime.bigint();
        run({
            pgPool: pool, logger, noHandleSignals: true,
            preset: { worker: { concurrentJobs: 24, localQueue: { size: batch },
                                completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
            taskList: { noop: async () => { if (++done === jobs) resolve(); } },
        }).then(async (runner) => {
            await ended;
            await runner.stop();
        });
    });
    await ended;
    for (;;) {
        const { rows } = await pool.query("SELECT count(*)::int AS n FROM graphile_worker.jobs");
        if (rows[0].n === 0) break;
    }
    return start;
}

async function pgBoss() {
    const PgBoss = load("pg-boss");
    await pool.query("DROP SCHEMA IF EXISTS pgboss CASCADE");
    const boss = new PgBoss({ host: socket, user: "farmiq", database: "postgres",
                              supervise: false, schedule: false });
    boss.on("error", (error) => { throw error; });
    await boss.start();
    await boss.createQueue("noop");
    for (let n = 0; n < jobs; n += 1000)
        await boss.insert(Array.from({ length: 1000 }, () => ({ name: "noop", data: payload })));
    await pool.query("ANALYZE");
    const start = process.hrtime.bigint();
    for (let done = 0; done < jobs;) {
        const found = await boss.fetch("noop", { batchSize: batch });
        await boss.complete("noop", found.map((job) => job.id));
        done += found.length;
    }
    return start;
}

const start = await (peer === "pg-boss" ? pgBoss() : graphileWorker());
console.log(Math.round(jobs / (Number(process.hrtime.bigint() - start) / 1e9)));
process.exit(0);
