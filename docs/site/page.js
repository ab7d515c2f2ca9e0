// The reference page: Swagger UI over the document that this server has.

'use strict';

(function () {
    // relative: the page may be served below a prefix, together with the API
    const root = new URL('..', document.baseURI);

    // what "try it" talks to is the server that the page came from, whatever
    // others the document names
    function here(spec) {
        const url = root.href.replace(/\/$/, '');

        return Object.assign({}, spec, {
            servers: [{ url: url, description: 'this server' }]
        });
    }

    // A plugin of Swagger UI: it may change the document that was read.
    function servers(system) {
        return {
            statePlugins: {
                spec: {
                    wrapActions: {
                        updateJsonSpec: (update) => (spec) => update(here(spec))
                    }
                }
            }
        };
    }

    window.addEventListener('load', function () {
        window.SwaggerUIBundle({
            url: new URL('openapi.json', root).href,
            dom_id: '#page',
            plugins: [servers],
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
