// graphile-worker against a guarded queue: node graphile.mjs MODULE ACTION
import { connection, notice, observe, offer, optOut, optOutWhileLocked, outcome, pause, pool, query, until, value } from './lib.mjs';

const [, , module, action] = process.argv;
const imported = await import(module);
const graphile = imported.run ? imported : imported.default;

const log = [];
const quiet = new graphile.Logger(() => (level, message) => { if (level === 'error') log.push(message); });
const options = { pgPool: pool, logger: quiet, noHandleSignals: true };

let sent = [];
let failOnce = null;		// the address whose opt-out arrives while its job runs
const tasks = {
	send_email: async (payload) => {
		for (const message of Array.isArray(payload) ? payload : [payload]) {
			if (message.to === failOnce) {
				failOnce = null;
				await optOut(message.to);
				throw new Error('the mail server is down');
			}
			sent.push(message.to.split('@')[0] + (message.text.startsWith('Your order') ? ':notice' : ':offer'));
		}
	},
	thumbnail: async () => { sent.push('thumbnail'); },
	campaign: async (payload, helpers) => { await helpers.addJob('send_email', offer(payload.to)); sent.push('campaign'); },
};

// A worker that runs for as long as BODY does; did it ask for jobs at the pace of
// its polling, or spin?
async function working(body) {
	let asked = 0;
	const from = Date.now();
	const runner = await graphile.run({ ...options, taskList: tasks, concurrency: 1, pollInterval: 100 });
	runner.events.on('worker:getJob:start', () => asked++);
	runner.events.on('worker:fatalError', () => log.push('fatal'));
	await body();
	await runner.stop();
	return asked < 50 + (Date.now() - from) / 20 ? 'now and then' : `${asked} times`;
}
const remaining = () => value('SELECT count(*)::int FROM graphile_worker._private_jobs WHERE is_available AND run_at <= now()');
const drained = () => working(() => until(async () => (await remaining()) === 0 && sent.length >= 0));

const utils = await graphile.makeWorkerUtils(options);
await utils.migrate();
const add = (task, payload, spec) => utils.addJob(task, payload, spec);
await query(`SELECT consent.guard_queue('graphile-worker', queue => 'send_email', recipient => $$payload->>'to'$$, channel => $$'email'$$,
	body => $$payload->>'text'$$, organisation => $$'acme'$$, on_block => $1::text::consent.block_action)`, [action]);

// Adding.
observe('refused offer', await outcome(() => add('send_email', offer('no@example.com'))));
observe('allowed offer', await outcome(() => add('send_email', offer('yes@example.com'))));
observe('notice to the refused', await outcome(() => add('send_email', notice('no@example.com'))));
observe('another task for the refused', await outcome(() => add('thumbnail', offer('no@example.com'))));
const batch = [
	{ identifier: 'send_email', payload: offer('no@example.com') },
	{ identifier: 'send_email', payload: offer('also@example.com') },
	{ identifier: 'thumbnail', payload: {} }];
try {
	const jobs = await utils.addJobs(batch);
	let paired = jobs.length === 3;
	for (const job of jobs)
		paired = paired && JSON.stringify(job.payload) === JSON.stringify(await value('SELECT payload FROM graphile_worker._private_jobs WHERE id = $1', [job.id]));
	observe('batch with one refused', paired ? 'ids' : 'wrong ids');
} catch (error) {
	observe('batch with one refused', error.code);
}
await add('campaign', { to: 'no@example.com' }, { maxAttempts: 2 });
const asked = await drained();
observe('worker sent', sent.sort());
observe('worker asked', asked);
observe('parked', (await query(`SELECT payload->>'to' AS who, count(*), bool_and(last_error LIKE '%no_permission%') AS why FROM graphile_worker._private_jobs
	WHERE attempts = max_attempts AND task_id = (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'send_email') GROUP BY 1`))
	.map((row) => `${row.who}:${row.count}:${row.why}`));
observe('a task that adds a refused job', await value(`SELECT coalesce(max(substring(last_error FOR 50)), 'done') FROM graphile_worker._private_jobs
	WHERE task_id = (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'campaign')`));

if (action === 'divert') {
	// A job that is replaced by its key: parked, and back with somebody who may be sent it.
	sent = [];
	await add('send_email', offer('yes@example.com'), { jobKey: 'k', runAt: new Date(Date.now() + 3600000) });
	await add('send_email', offer('no@example.com'), { jobKey: 'k' });
	await drained();
	observe('replaced by the refused', sent);
	await add('send_email', offer('yes@example.com'), { jobKey: 'k' });
	await drained();
	observe('replaced by the allowed', sent);

	// The person opts out while the job runs, and it fails: no second attempt.
	sent = [];
	failOnce = 'retry@example.com';
	await add('send_email', offer('retry@example.com'));
	await add('send_email', notice('retry@example.com'));
	await drained();
	await query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE attempts < max_attempts');
	await drained();
	observe('retry after an opt-out', sent);
	observe('retry parked', await value(`SELECT count(*)::int FROM graphile_worker._private_jobs WHERE payload->>'to' = 'retry@example.com' AND attempts = max_attempts`));

	// The person opts out between adding and taking, while somebody holds the row.
	for (const queueName of [undefined, 'named']) {
		sent = [];
		await query(`SELECT consent.give('claim@example.com', '{email}', 'acme', method => 'ticked_box', wording => 'Yes')`);
		await add('send_email', offer('claim@example.com'), { queueName });
		await add('send_email', offer('yes@example.com'), { queueName });
		await optOutWhileLocked('claim@example.com', `SELECT FROM graphile_worker._private_jobs WHERE payload->>'to' = 'claim@example.com'`);
		observe(`${queueName ?? 'no'} queue: left to the claim guard`, await remaining());
		await working(async () => { await until(() => sent.length > 0); await pause(300); });
		observe(`${queueName ?? 'no'} queue: opt-out before taking`, sent);
		observe(`${queueName ?? 'no'} queue: nothing waits`, await remaining());
		await query(`DELETE FROM graphile_worker._private_jobs WHERE payload->>'to' = 'claim@example.com'`);
	}

	// An opt-out that finds the row free parks it at once.
	await query(`SELECT consent.give('claim@example.com', '{email}', 'acme', method => 'ticked_box', wording => 'Yes')`);
	await add('send_email', offer('claim@example.com'));
	await add('send_email', notice('claim@example.com'));
	await optOut('claim@example.com');
	observe('waiting after an opt-out', await remaining());
}
observe('health of the guards', (await query('SELECT DISTINCT health FROM consent.guards')).map((row) => row.health));
observe('worker errors', log.filter((message) => !message.includes('mail server') && !message.includes('not permitted')).length);
await utils.release();
await pool.end();
