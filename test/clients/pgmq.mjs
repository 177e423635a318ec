// pgmq-js against a guarded queue: node pgmq.mjs MODULE ACTION.  The client is
// real; what it calls is in pgmq.sql.
import { readFileSync } from 'node:fs';
import { connection, notice, observe, offer, optOut, optOutWhileLocked, outcome, pool, query, value } from './lib.mjs';

const [, , module, action] = process.argv;
const { Pgmq } = await import(module);

await query(readFileSync(new URL('pgmq.sql', import.meta.url), 'utf8'));
const pgmq = await Pgmq.new({ ...connection, ssl: false }, { skipExtensionCreation: true });
await pgmq.queue.create('mail');
await query(`SELECT consent.guard_queue('pgmq', queue => 'mail', recipient => $$message->>'to'$$, channel => $$'email'$$,
	body => $$message->>'text'$$, organisation => $$'acme'$$, on_block => $1::text::consent.block_action)`, [action]);

const short = (message) => message.to.split('@')[0] + (message.text.startsWith('Your order') ? ':notice' : ':offer');
// A worker: reads until nothing is visible, and archives what it has sent.
async function work() {
	const sent = [];
	for (let message; (message = await pgmq.msg.read('mail', 30)) !== undefined;) {
		sent.push(short(message.message));
		await pgmq.msg.archive('mail', message.msgId);
	}
	return sent.sort();
}

// Sending.
observe('refused offer', await outcome(() => pgmq.msg.send('mail', offer('no@example.com'))));
observe('allowed offer', await outcome(() => pgmq.msg.send('mail', offer('yes@example.com'))));
observe('notice to the refused', await outcome(() => pgmq.msg.send('mail', notice('no@example.com'))));
try {
	const ids = await pgmq.msg.sendBatch('mail', [offer('no@example.com'), offer('also@example.com')]);
	const paired = await query(`SELECT message->>'to' AS who FROM pgmq.q_mail WHERE msg_id = ANY ($1) ORDER BY array_position($1, msg_id)`, [ids]);
	observe('batch with one refused', paired.map((row) => row.who.split('@')[0]));
} catch (error) {
	observe('batch with one refused', error.code);
}
observe('worker sent', await work());
observe('parked', await value(`SELECT count(*)::int FROM pgmq.q_mail WHERE vt = 'infinity'`));

if (action === 'divert') {
	// A message in a worker's hands whose person opts out: delivered to nobody again.
	await pgmq.msg.send('mail', offer('retry@example.com'));
	await pgmq.msg.send('mail', notice('retry@example.com'));
	observe('read', short((await pgmq.msg.read('mail', 0)).message));
	await optOut('retry@example.com');
	observe('read after an opt-out', await work());

	// The person opts out between sending and reading, while somebody holds the row.
	await pgmq.msg.send('mail', offer('claim@example.com'));
	await pgmq.msg.send('mail', offer('yes@example.com'));
	await optOutWhileLocked('claim@example.com', `SELECT FROM pgmq.q_mail WHERE message->>'to' = 'claim@example.com'`);
	observe('left to the claim guard', await value(`SELECT count(*)::int FROM pgmq.q_mail WHERE vt < 'infinity'`));
	observe('first read', short((await pgmq.msg.read('mail', 0) ?? { message: { to: 'nothing', text: '' } }).message));
	observe('opt-out before reading', await work());

	// Nobody brings a parked one back, and pop() does not see it.
	const parked = await value('SELECT min(msg_id) FROM pgmq.q_mail');
	await pgmq.msg.setVt('mail', Number(parked), 0);
	observe('brought back', await pgmq.msg.pop('mail') ?? 'nothing');
}
observe('health of the guards', (await query('SELECT DISTINCT health FROM consent.guards')).map((row) => row.health));
await pgmq.close();
await pool.end();
