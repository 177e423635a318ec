// What the clients' runs have in common: the people, the messages, and a way to
// tell the Perl test what was seen.  An observation is a line "name<TAB>value";
// the test knows what each must be.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const pg = require('pg');

// The environment says where: a socket of the test's own server.
const { PGHOST: host, PGPORT: port, PGUSER: user, PGDATABASE: database } = process.env;
export const connection = { host, port: Number(port), user, database };
export const pool = new pg.Pool({ ...connection, max: 4 });

pool.on('error', () => {});

export const promotion = 'Get 20% off all boilers this weekend only! Order now.';
export const service = 'Your order 4411 is out for delivery today.';

// What a job carries, and how a guard reads it.
export const offer = (to) => ({ to, text: promotion });
export const notice = (to) => ({ to, text: service });

export async function query(text, values) {
	return (await pool.query(text, values)).rows;
}

export async function value(text, values) {
	const rows = await query(text, values);
	return rows.length > 0 ? Object.values(rows[0])[0] : undefined;
}

export function observe(name, seen) {
	console.log(`${name}\t${Array.isArray(seen) ? seen.join(' ') : seen}`);
}

export const optOut = (to) => query('SELECT consent.withdraw($1::text::consent.contact)', [to]);

// An opt-out that finds the row in somebody's hands: the sweep leaves it to the
// claim guard.
export async function optOutWhileLocked(to, rows) {
	const other = await pool.connect();
	try {
		await other.query('BEGIN');
		await other.query(`${rows} FOR UPDATE`);
		await optOut(to);
		await other.query('COMMIT');
	} finally {
		other.release();
	}
}

// The outcome of a call that may be refused: what a client can read off the error.
export async function outcome(call) {
	try {
		const result = await call();
		return result === null ? 'null' : 'stored';
	} catch (error) {
		const detail = error.detail ? JSON.parse(error.detail).reason : 'no detail';
		return `${error.code} ${error.constraint} ${detail}`;
	}
}

// Until it is so, or ten seconds are over.
export async function until(condition) {
	for (let i = 0; i < 200; i++) {
		if (await condition()) return true;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return false;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A client that leaves a promise behind would end the process of its user.
process.on('unhandledRejection', (error) => {
	console.log(`unhandled rejection\t${error.message}`);
	process.exitCode = 3;
});
