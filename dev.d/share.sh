# shellcheck shell=sh
#
# ./dev share: what nginx serves beside the API, made of docs/, into
# build/share/.


# each of these makes its own part of build/share; what cannot be made is left
# out, and the rest is of use without it
share() {
    packages build
    share_openapi
    share_page
}


# openapi.json, openapi-3.0.json: docs/openapi.yaml for programs
share_openapi() {
    mkdir -p "$build/share"
    "$root/dev.d/openapi" "$root/docs/openapi.yaml" "$build/share" \
        || die "docs/openapi.yaml cannot be turned into JSON"
}


# docs/: the reference page of the API, with all that it needs
share_page() {
    page=$build/share/docs

    if ! (packages npm) || ! npm_install docs/site; then
        say "the reference page of the API, /docs/, is left out"
        return
    fi

    ui=$build/npm/site/node_modules/swagger-ui-dist

    # made aside, so that what is there is whole
    rm -rf "$page.new"
    mkdir -p "$page.new"
    cp "$root/docs/site/index.html" "$root/docs/site/page.css" \
        "$root/docs/site/page.js" "$root/docs/site/icon.svg" \
        "$root/docs/postman_collection.json" \
        "$ui/swagger-ui.css" "$ui/swagger-ui-bundle.js" \
        "$ui/swagger-ui-bundle.js.LICENSE.txt" "$page.new"
    cp "$ui/LICENSE" "$page.new/swagger-ui.LICENSE.txt"
    cp "$ui/NOTICE" "$page.new/swagger-ui.NOTICE.txt"
    gzip -9 -n -k "$page.new"/*.js "$page.new"/*.css "$page.new"/*.json
    chmod -R a+rX "$page.new"

    if diff -r -q "$page" "$page.new" >/dev/null 2>&1; then
        rm -rf "$page.new"
    else
        rm -rf "$page"
        mv "$page.new" "$page"
    fi
}


# ./dev postman: docs/postman_collection.json, of docs/openapi.yaml
postman() {
    packages build npm
    share_openapi

    node "$root/dev.d/postman/generate.js" "$build/share/openapi.json" \
        >"$build/postman_collection.json" || die "there is no collection"

    mv "$build/postman_collection.json" "$root/docs/postman_collection.json"
}
