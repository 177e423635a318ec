// pg-boss against guarded queues: node pgboss.mjs MODULE ACTION
import { connection, notice, observe, offer, optOut, optOutWhileLocked, outcome, pause, pool, query, until, value } from './lib.mjs';

const [, , module, action] = process.argv;
const imported = await import(module);
const PgBoss = imported.PgBoss ?? imported.default;
const major = Number(module.match(/\d+$/)[0]);

const errors = [];
const boss = new PgBoss({ ...connection, schedule: false, supervise: false });
boss.on('error', (error) => errors.push(error.message));
await boss.start();

// A queue that exists before its guard, one made after it, and one of another kind.
const guard = (queue) => query(`SELECT consent.guard_queue('pg-boss', queue => $1, recipient => $$data->>'to'$$, channel => $$'email'$$,
	body => $$data->>'text'$$, organisation => $$'acme'$$, on_block => $2::text::consent.block_action)`, [queue, action]);
await boss.createQueue('email', { retryLimit: 2, retryDelay: 0 });
await guard('email');
await guard('later');
await boss.createQueue('later', major >= 11 ? { partition: true } : {});
await boss.createQueue('thumbnail');

const insert = (queue, jobs) => major >= 11 ? boss.insert(queue, jobs) : boss.insert(jobs.map((job) => ({ ...job, name: queue })));
const states = async (to) => (await query(`SELECT state::text FROM pgboss.job WHERE data->>'to' = $1 ORDER BY created_on, state`, [to])).map((row) => row.state);
const short = (data) => data.to.split('@')[0] + (data.text?.startsWith('Your order') ? ':notice' : ':offer');

let sent = [];
let fetches = 0;
// A worker of QUEUE for as long as BODY runs.
async function working(queue, handler, body) {
	await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async ([job]) => handler(job));
	await body();
	await boss.offWork(queue, { wait: true });
}
const send = async (job) => { sent.push(short(job.data)); };
const waiting = (queue) => value(`SELECT count(*)::int FROM pgboss.job WHERE name = $1 AND state < 'active'`, [queue]);
const drained = (queue, handler = send) => working(queue, handler, () => until(async () => (await value(
	`SELECT count(*)::int FROM pgboss.job WHERE name = $1 AND state <= 'active'`, [queue])) === 0));

// Sending.
observe('refused offer', await outcome(() => boss.send('email', offer('no@example.com'))));
observe('allowed offer', await outcome(() => boss.send('email', offer('yes@example.com'))));
observe('notice to the refused', await outcome(() => boss.send('email', notice('no@example.com'))));
observe('another queue for the refused', await outcome(() => boss.send('thumbnail', offer('no@example.com'))));
observe('refused offer in a queue made later', await outcome(() => boss.send('later', offer('no@example.com'))));
observe('batch with one refused', await outcome(() => insert('email', [{ data: offer('no@example.com') }, { data: offer('also@example.com') }])));
await drained('email');
await drained('later');
observe('worker sent', sent.sort());
observe('states of the refused', await states('no@example.com'));
observe('state of the batch\'s other', await states('also@example.com'));
observe('reason kept', await value(`SELECT coalesce(bool_and(output::text LIKE '%no_permission%'), true) FROM pgboss.job WHERE name IN ('email', 'later') AND data->>'to' = 'no@example.com' AND state = 'cancelled'`));

if (action === 'divert') {
	// The person opts out while the job runs, and it fails: no second attempt.
	sent = [];
	await boss.send('email', offer('retry@example.com'));
	let attempts = 0;
	await drained('email', async (job) => {
		attempts++;
		await optOut(job.data.to);
		throw new Error('the mail server is down');
	});
	observe('attempts around an opt-out', attempts);
	observe('state after them', await states('retry@example.com'));
	// An innocent job that fails is tried again.
	attempts = 0;
	await boss.send('email', offer('yes@example.com'));
	await drained('email', async () => { if (attempts++ === 0) throw new Error('the mail server is down'); });
	observe('attempts of an allowed job', attempts);

	// The person opts out between sending and fetching, while somebody holds the row.
	sent = [];
	await boss.send('email', offer('claim@example.com'));
	await boss.send('email', offer('yes@example.com'));
	await optOutWhileLocked('claim@example.com', `SELECT FROM pgboss.job WHERE data->>'to' = 'claim@example.com'`);
	observe('left to the claim guard', await waiting('email'));
	for (let i = 0; i < 4 && sent.length === 0; i++) {
		fetches++;
		for (const job of await boss.fetch('email') ?? []) {
			await send(job);
			await boss.complete('email', job.id);
		}
	}
	observe('opt-out before fetching', sent);
	observe('fetches needed', fetches);
	observe('its state', await states('claim@example.com'));
	observe('nothing waits', await waiting('email'));

	// An opt-out that finds the row free parks it at once.
	await boss.send('email', offer('also@example.com'));
	await boss.send('email', notice('also@example.com'));
	await optOut('also@example.com');
	observe('waiting after an opt-out', await waiting('email'));
}
observe('health of the guards', (await query('SELECT DISTINCT health FROM consent.guards')).map((row) => row.health));
observe('worker errors', errors.filter((message) => !message.includes('mail server')).length);
await boss.stop({ graceful: true, timeout: 5000 });
await pool.end();
