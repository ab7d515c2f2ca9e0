# shellcheck shell=sh
#
# ./dev share: what nginx serves beside the API, made of docs/, into
# build/share/.


# each of these makes its own part of build/share; what cannot be made is left
# out, and the rest is of use without it
share() {
    packages share
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

    # in place as a whole, also while nginx serves it
    rm -rf "$page.new"
    mkdir -p "$page.new"
    cp "$root/docs/site/index.html" "$root/docs/site/page.css" \
        "$root/docs/site/page.js" "$root/docs/site/icon.svg" \
        "$ui/swagger-ui.css" "$ui/swagger-ui-bundle.js" \
        "$ui/swagger-ui-bundle.js.LICENSE.txt" "$page.new"
    cp "$ui/LICENSE" "$page.new/swagger-ui.LICENSE.txt"
    cp "$ui/NOTICE" "$page.new/swagger-ui.NOTICE.txt"
    gzip -9 -n -k "$page.new"/*.js "$page.new"/*.css
    chmod -R a+rX "$page.new"

    if diff -r -q "$page" "$page.new" >/dev/null 2>&1; then
        rm -rf "$page.new"
    else
        rm -rf "$page"
        mv "$page.new" "$page"
    fi
}
