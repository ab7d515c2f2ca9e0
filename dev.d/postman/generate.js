// The Postman collection of the API.
//
//     node generate.js OPENAPI.json >COLLECTION.json
//
// Of the document come addresses, parameters, examples, what each call answers
// and its schemas; the order and what calls hand to each other, of plan.js.
// The same document gives the same text.

'use strict';

const fs = require('fs');
const path = require('path');
const plan = require('./plan.js');

const doc = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const methods = ['get', 'put', 'post', 'delete', 'patch'];


// What a $ref refers to.
function resolved(thing) {
    while (thing && thing.$ref) {
        thing = thing.$ref.slice(2).split('/').reduce(
            (at, name) => at[name.replace(/~1/g, '/').replace(/~0/g, '~')],
            doc);
    }

    return thing;
}


// operationId => { method, path, operation, parameters }
function operations() {
    const all = {};

    for (const [url, item] of Object.entries(doc.paths)) {
        for (const method of methods.filter((name) => item[name])) {
            const operation = item[method];

            all[operation.operationId] = {
                method: method.toUpperCase(),
                path: url,
                operation: operation,
                parameters: [
                    ...item.parameters || [], ...operation.parameters || []
                ].map(resolved)
            };
        }
    }

    return all;
}


// The first example of a media type, a parameter or a schema.
function example(thing) {
    const schema = resolved(thing.schema) || {};
    const named = Object.values(thing.examples || {})[0];

    return [
        thing.example, named && resolved(named).value, (schema.examples || [])[0],
        schema.default
    ].find((value) => value !== undefined);
}


// The answer of a call that is as it should be: [status, response].
function success(operation) {
    const [status, response] = Object.entries(operation.responses).find(
        ([code]) => code.startsWith('2'));

    return [Number(status), resolved(response)];
}


// Schemas, for the validator of Postman, which knows draft 7 of JSON Schema:
// no description, no example; references to its "definitions"; and a reference
// alone, since what stands beside one would not count.
function draft7(schema) {
    if (Array.isArray(schema)) {
        return schema.map(draft7);
    }

    if (schema === null || typeof schema !== 'object') {
        return schema;
    }

    const { $ref: ref, description, examples, example: _, ...rest } = schema;
    const out = {};

    for (const [name, value] of Object.entries(rest)) {
        // names of properties are no keywords
        out[name] = name === 'properties'
            ? Object.fromEntries(Object.entries(value).map(
                ([key, inner]) => [key, draft7(inner)]))
            : draft7(value);
    }

    if (!ref) {
        return out;
    }

    const link = { $ref: ref.replace('#/components/schemas/', '#/definitions/') };

    return Object.keys(out).length ? { allOf: [link, out] } : link;
}


function script(listen, lines) {
    return lines.length
        ? [{ listen: listen, script: { type: 'text/javascript', exec: lines } }]
        : [];
}


function before(entry) {
    const lines = [...entry.before || []];

    for (const name of entry.needs || []) {
        lines.push(
            `// does without "${name}"`,
            `if (!pm.variables.get('${name}')) {`,
            '    pm.execution.skipRequest();',
            '}');
    }

    return script('prerequest', lines);
}


// The tests of a call: its status, the schema of its answer, and what the
// calls after it need.
function after(entry, operation) {
    const [status, response] = success(operation);
    const media = (response.content || {})['application/json'];
    const lines = [
        `pm.test('status ${status}', function () {`,
        `    pm.response.to.have.status(${status});`,
        '});'
    ];

    if (media) {
        lines.push(
            '',
            'const schema = Object.assign({',
            "    definitions: JSON.parse(pm.collectionVariables.get('schemas'))",
            `}, ${JSON.stringify(draft7(media.schema))});`,
            '',
            "pm.test('as the document says', function () {",
            '    pm.response.to.have.jsonSchema(schema, ' +
                "{ unknownFormats: 'ignore' });",
            '});');
    } else if (!response.content) {
        lines.push(
            '',
            "pm.test('no body', function () {",
            "    pm.expect(pm.response.text()).to.equal('');",
            '});');
    }

    return script('test', [...lines, ...saved(entry)]);
}


function saved(entry) {
    const names = Object.entries(entry.save || {});

    if (!names.length) {
        return [];
    }

    const lines = names.map(([name, value]) =>
        `pm.collectionVariables.set('${name}', ${value});`);

    if (!entry.until) {
        return [
            '',
            'if (pm.response.code < 300) {',
            '    const body = pm.response.json();',
            '',
            ...lines.map((line) => '    ' + line),
            '}'
        ];
    }

    // the worker takes a moment
    return [
        '',
        'const body = pm.response.json();',
        "const tries = Number(pm.collectionVariables.get('tries')) + 1;",
        '',
        `if (pm.response.code === 200 && !(${entry.until}) && tries < 100) {`,
        "    pm.collectionVariables.set('tries', tries);",
        '    pm.execution.setNextRequest(pm.info.requestId);',
        '    setTimeout(function () {}, 100);',
        '} else {',
        "    pm.collectionVariables.set('tries', 0);",
        ...lines.map((line) => '    ' + line),
        '',
        "    pm.test('there is one', function () {",
        `        pm.expect(${names[0][1]}).to.be.a('string');`,
        '    });',
        '}'
    ];
}


function variableOf(call, name, entry) {
    if (entry.path && entry.path[name]) {
        return entry.path[name];
    }

    const prefix = `{${name}}`;
    const [, variable] = Object.entries(plan.paths).find(
        ([start]) => name === 'id' ? call.path.startsWith(start)
                                   : start === prefix);

    return variable;
}


function text(value) {
    return Array.isArray(value) ? value.join(',') : String(value ?? '');
}


function url(call, entry) {
    const pieces = call.path.slice(1).split('/').map(
        (piece) => piece.replace(/^\{(.*)\}$/, ':$1'));
    const query = call.parameters.filter((one) => one.in === 'query').map(
        (one) => ({
            key: one.name,
            value: text(example(one)),
            description: one.description,
            disabled: !one.required
        }));
    const variable = call.parameters.filter((one) => one.in === 'path').map(
        (one) => ({
            key: one.name,
            value: `{{${variableOf(call, one.name, entry)}}}`
        }));

    return {
        raw: '{{base_url}}/' + pieces.join('/'),
        host: ['{{base_url}}'],
        path: pieces,
        ...query.length && { query: query },
        ...variable.length && { variable: variable }
    };
}


// A key is new for every request; the other headers are there to be chosen.
function headers(call) {
    return call.parameters.filter((one) => one.in === 'header').map((one) => {
        const key = one.name === 'Idempotency-Key';

        return {
            key: one.name,
            value: key ? '{{$guid}}' : text(example(one)),
            description: one.description,
            disabled: !key
        };
    });
}


function body(call, entry) {
    const content = (resolved(call.operation.requestBody) || {}).content;

    if (!content) {
        return {};
    }

    const [type, media] = Object.entries(content)[0];
    const value = { ...example(media), ...entry.body };

    return {
        header: [{ key: 'Content-Type', value: type }],
        body: {
            mode: 'raw',
            raw: JSON.stringify(value, null, 4),
            options: { raw: { language: 'json' } }
        }
    };
}


function auth(call, entry) {
    if (call.operation.security && !call.operation.security.length) {
        return { auth: { type: 'noauth' } };
    }

    return entry.auth ? { auth: bearer(entry.auth) } : {};
}


function bearer(variable) {
    return {
        type: 'bearer',
        bearer: [{ key: 'token', value: `{{${variable}}}`, type: 'string' }]
    };
}


// What it answers, of the document's example.
function answers(call, request) {
    const [status, response] = success(call.operation);
    const [type, media] = Object.entries(response.content || {})[0] || [];
    const value = media && example(media);

    if (value === undefined) {
        return [];
    }

    return [{
        name: String(status),
        originalRequest: request,
        code: status,
        status: { 200: 'OK', 201: 'Created', 202: 'Accepted' }[status],
        header: [{ key: 'Content-Type', value: type }],
        body: typeof value === 'string' ? value
                                        : JSON.stringify(value, null, 4)
    }];
}


function item(entry, all) {
    const call = all[entry.call];

    if (!call) {
        throw new Error('the document has no "' + entry.call + '"');
    }

    const content = body(call, entry);
    const request = {
        method: call.method,
        header: [...content.header || [], ...headers(call)],
        ...auth(call, entry),
        ...content.body && { body: content.body },
        url: url(call, entry),
        ...call.operation.description && {
            description: call.operation.description
        }
    };

    return {
        id: entry.id || entry.call,
        name: entry.name || call.operation.summary,
        request: request,
        response: answers(call, request),
        event: [...before(entry), ...after(entry, call.operation)]
    };
}


function description(folder) {
    const tag = doc.tags.find((one) => one.name === folder.tag) || {};

    return folder.description || tag.description || '';
}


function variables() {
    const given = Object.entries(plan.variables).map(
        ([key, [value, words]]) => ({
            key: key, value: value, ...words && { description: words }
        }));

    return [
        ...given,
        { key: 'tries', value: '0' },
        { key: 'made', value: '' },
        {
            key: 'schemas',
            value: JSON.stringify(Object.fromEntries(
                Object.entries(doc.components.schemas).map(
                    ([name, schema]) => [name, draft7(schema)]))),
            description: 'of the document, for the tests of the answers'
        }
    ];
}


function collection() {
    const all = operations();
    const used = new Set(plan.folders.flatMap(
        (folder) => folder.calls.map((entry) => entry.call)));
    const missing = Object.keys(all).filter((name) => !used.has(name));

    if (missing.length) {
        throw new Error(path.join(__dirname, 'plan.js') + ' lacks ' + missing);
    }

    return {
        info: {
            name: doc.info.title,
            description: doc.info.description,
            version: doc.info.version,
            schema: 'https://schema.getpostman.com/json/collection/v2.1.0/' +
                'collection.json'
        },
        auth: bearer('token'),
        event: script('test', [
            "pm.test('what every answer has', function () {",
            "    pm.response.to.have.header('X-Request-ID');",
            "    pm.expect(pm.response.headers.get('X-Content-Type-Options'))",
            "        .to.equal('nosniff');",
            '});'
        ]),
        variable: variables(),
        item: plan.folders.map((folder) => ({
            name: folder.name || folder.tag,
            description: description(folder),
            item: folder.calls.map((entry) => item(entry, all))
        }))
    };
}


process.stdout.write(JSON.stringify(collection(), null, 2) + '\n');
