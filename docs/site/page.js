// The reference page: Swagger UI over the document that this server has.

'use strict';

(function () {
    // relative: the page may be below a prefix, together with the API
    const root = new URL('..', document.baseURI);

    const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch'];

    const also = 'The same for programs: [openapi.json](../openapi.json), ' +
        '[openapi-3.0.json](../openapi-3.0.json), and ' +
        '[a collection for Postman](postman_collection.json).';

    // Swagger UI fills each field of a call with its example and would send
    // all of them: filters that find nothing, an ETag of another object, an
    // Idempotency-Key for the second time.  What may be left out starts empty,
    // and its example becomes text.
    function blank(parameter) {
        if (!parameter.schema || parameter.required) {
            return parameter;
        }

        const { example, examples, ...rest } = parameter;
        const first = Object.values(examples || {})[0];
        const value = example !== undefined ? example : first && first.value;
        const { default: preset, example: _, examples: __, ...schema } =
            rest.schema;
        const texts = [rest.description];

        if (value !== undefined) {
            texts.push('Example: `' + value + '`');
        }

        if (preset !== undefined) {
            texts.push('Default: `' + preset + '`');
        }

        return {
            ...rest,
            schema: schema,
            description: texts.filter(Boolean).join('\n\n')
        };
    }

    function withParameters(object) {
        return object.parameters
            ? { ...object, parameters: object.parameters.map(blank) }
            : object;
    }

    // an answer that does not end is nothing that Swagger UI could show
    function noted(operation) {
        const streams = Object.values(operation.responses || {}).some(
            (response) => (response.content || {})['text/event-stream']);

        return streams
            ? {
                ...operation,
                description: (operation.description || '') +
                    '\n\n"Execute" shows nothing until the stream ends: ' +
                    'follow it by `curl -N`.'
            }
            : operation;
    }

    function mapped(object, change) {
        return Object.fromEntries(Object.entries(object || {}).map(
            ([name, value]) => [name, change(value, name)]));
    }

    // The document as the page shows it.  What "try it" talks to is the server
    // that the page came from, whatever others the document names.
    function shown(spec) {
        const components = spec.components || {};
        const info = spec.info || {};

        return {
            ...spec,
            info: {
                ...info,
                description: [info.description, also].filter(Boolean)
                    .join('\n\n')
            },
            servers: [{
                url: root.href.replace(/\/$/, ''),
                description: 'this server'
            }],
            components: {
                ...components,
                parameters: mapped(components.parameters, blank)
            },
            paths: mapped(spec.paths, (item) => mapped(
                withParameters(item),
                (value, name) => methods.includes(name)
                    ? noted(withParameters(value)) : value))
        };
    }

    function plugin() {
        return {
            statePlugins: {
                spec: {
                    wrapActions: {
                        updateJsonSpec: (update) => (spec) => update(shown(spec))
                    }
                }
            }
        };
    }

    // the style sheet has dark colours for this class
    function colours() {
        const dark = window.matchMedia('(prefers-color-scheme: dark)');

        function set() {
            document.documentElement.classList.toggle('dark-mode', dark.matches);
        }

        dark.addEventListener('change', set);
        set();
    }

    colours();

    window.addEventListener('load', function () {
        window.SwaggerUIBundle({
            url: new URL('openapi.json', root).href,
            dom_id: '#page',
            plugins: [plugin],
            deepLinking: true,
            docExpansion: 'list',
            defaultModelsExpandDepth: 0,
            displayRequestDuration: true,
            filter: true,
            tryItOutEnabled: true,
            // no badge of a service elsewhere
            validatorUrl: null,
            // the token lives as long as the page, and is written nowhere
            persistAuthorization: false
        });
    });
}());
