// A Probot app that stores each delivery in Postgres before it answers, as wiz does.
import { createServer } from "node:http";
import pg from "pg";
import { createNodeMiddleware, Probot } from "probot";

const { PORT, PGHOST, PGUSER, PGDATABASE, APP_ID, PRIVATE_KEY, WEBHOOK_SECRET } = process.env;
const pool = new pg.Pool({ host: PGHOST, user: PGUSER, database: PGDATABASE, max: 32 });
await pool.query(
  "create table if not exists probot_delivery (id uuid primary key, event text not null, body jsonb not null)",
);

const app = (probot) => {
  probot.onAny(({ id, name, payload }) =>
    pool.query("insert into probot_delivery (id, event, body) values ($1, $2, $3)", [id, name, payload]),
  );
};
const probot = new Probot({ appId: APP_ID, privateKey: PRIVATE_KEY, secret: WEBHOOK_SECRET, logLevel: "error" });
const middleware = await createNodeMiddleware(app, { probot, webhooksPath: "/webhooks/github" });
createServer((request, response) => {
  middleware(request, response, () => response.writeHead(404).end());
}).listen(Number(PORT), "127.0.0.1");
