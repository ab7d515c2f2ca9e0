// The task API on Fastify and pg: one process per core, each with a pool.

import cluster from 'node:cluster';
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

import fastify from 'fastify';
import { createVerifier } from 'fast-jwt';
import pg from 'pg';

const {
    BENCH_PORT, BENCH_WORKERS, BENCH_KEY, BENCH_SQL, BENCH_POOL = '10',
} = process.env;

const LIMIT = 20;


const nullable = (type) => ({ type: [type, 'null'] });

const task = {
    type: 'object',
    properties: {
        id: { type: 'string' },
        project_id: { type: 'string' },
        title: { type: 'string' },
        description: { type: 'string' },
        status: { type: 'string' },
        priority: { type: 'string' },
        labels: { type: 'array', items: { type: 'string' } },
        due_at: nullable('string'),
        assignee_id: nullable('string'),
        created_by: { type: 'string' },
        completed_at: nullable('string'),
        created_at: { type: 'string' },
        updated_at: { type: 'string' },
        version: { type: 'integer' },
    },
};

const page = {
    type: 'object',
    properties: {
        data: { type: 'array', items: task },
        next_cursor: nullable('string'),
    },
};

const input = {
    type: 'object',
    required: ['title'],
    additionalProperties: false,
    properties: {
        title: { type: 'string', minLength: 1, maxLength: 500 },
        description: { type: 'string', maxLength: 20000, default: '' },
    },
};


// RFC 3339, as the others write it, without a detour by way of Date

function time(text) {
    return text.slice(0, 10) + 'T' + text.slice(11).replace('+00', 'Z');
}


pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, time);


// UUIDv7, RFC 9562

const noise = Buffer.alloc(4096);
let used = noise.length;

function uuid7() {
    if (used === noise.length) {
        randomFillSync(noise);
        used = 0;
    }

    noise.writeUIntBE(Date.now(), used, 6);
    noise[used + 6] = 0x70 | (noise[used + 6] & 0x0f);
    noise[used + 8] = 0x80 | (noise[used + 8] & 0x3f);

    const hex = noise.toString('hex', used, used += 16);

    return hex.slice(0, 8) + '-' + hex.slice(8, 12) + '-' + hex.slice(12, 16)
        + '-' + hex.slice(16, 20) + '-' + hex.slice(20);
}


function serve() {
    const sql = JSON.parse(readFileSync(BENCH_SQL, 'utf8'));
    const pool = new pg.Pool({ max: Number(BENCH_POOL) });
    const app = fastify({ logger: false });

    const verify = createVerifier({
        key: readFileSync(BENCH_KEY, 'utf8').replace(/\n$/, ''),
        algorithms: ['HS256'],
        allowedIss: 'skep',
        allowedAud: 'skep',
        cache: true,
    });

    app.decorateRequest('user', '');

    app.addHook('onRequest', (request, reply, done) => {
        const header = request.headers.authorization;

        if (header === undefined || !header.startsWith('Bearer ')) {
            reply.code(401).send({ code: 'token_missing' });
            return;
        }

        try {
            request.user = verify(header.slice(7)).sub;
        } catch {
            reply.code(401).send({ code: 'token_invalid' });
            return;
        }

        done();
    });

    app.get('/v1/tasks/:id', {
        schema: { response: { 200: task } },
    }, async (request, reply) => {
        const { rows } = await pool.query({
            name: 'get', text: sql.get, values: [request.user, request.params.id],
        });

        if (rows.length === 0) {
            return reply.code(404).send({ code: 'not_found' });
        }

        reply.header('ETag', `"${rows[0].version}"`);
        return rows[0];
    });

    app.get('/v1/tasks', {
        schema: { response: { 200: page } },
    }, async (request) => {
        const { rows } = await pool.query({
            name: 'list', text: sql.list, values: [request.user, LIMIT + 1, null, null],
        });

        let cursor = null;

        if (rows.length > LIMIT) {
            rows.pop();
            cursor = Buffer.from(rows[LIMIT - 1].id).toString('base64url');
        }

        return { data: rows, next_cursor: cursor };
    });

    app.post('/v1/tasks', {
        schema: { body: input, response: { 201: task } },
    }, async (request, reply) => {
        const { title, description } = request.body;
        const { rows } = await pool.query({
            name: 'create', text: sql.create,
            values: [request.user, uuid7(), new Date(), null, title,
                description, 'todo', 'none', [], null, null],
        });

        if (rows[0]._outcome !== 'ok') {
            return reply.code(422).send({ code: rows[0]._outcome });
        }

        reply.code(201).header('ETag', `"${rows[0].version}"`)
            .header('Location', '/v1/tasks/' + rows[0].id);
        return rows[0];
    });

    app.listen({ host: '127.0.0.1', port: Number(BENCH_PORT) });
}


if (cluster.isPrimary) {
    for (let n = 0; n < Number(BENCH_WORKERS); n++) {
        cluster.fork();
    }

    cluster.on('exit', () => process.exit(1));

} else {
    serve();
}
