// The peer of the webhook benchmark: a Probot app that stores each delivery before it answers. Probot checks the
// signature and answers when the handler is done. PGHOST, PGUSER and PGDATABASE say where; see wiz-bench's peer.rs.
import pg from "pg";
import { run } from "probot";

// As many connections as wiz has, and statements that are prepared once, as wiz's are.
const pool = new pg.Pool({ max: 20 });
const STORE = {
  name: "store",
  text: "insert into delivery (id, event, payload) values ($1, $2, $3) on conflict (id) do nothing",
};

await run((app) => {
  app.onAny(async ({ id, name, payload }) => {
    await pool.query({ ...STORE, values: [id, name, JSON.stringify(payload)] });
  });
});
