
/*
 * Why a caller is not let in, and the challenge that goes with it.
 */


#include "ngx_auth_module.h"


const ngx_api_problem_t  ngx_auth_token_invalid = {
    401, ngx_string("token_invalid"), ngx_string("Access token refused"),
    ngx_string("The access token is not one of ours. Log in again."), 0
};

const ngx_api_problem_t  ngx_auth_token_expired = {
    401, ngx_string("token_expired"), ngx_string("Access token expired"),
    ngx_string("The access token is too old. Refresh it or log in again."), 0
};

const ngx_api_problem_t  ngx_auth_token_revoked = {
    401, ngx_string("token_revoked"), ngx_string("Access token revoked"),
    ngx_string("The session of this access token has ended. Log in again."), 0
};

const ngx_api_problem_t  ngx_auth_forbidden = {
    403, ngx_string("forbidden"), ngx_string("Forbidden"),
    ngx_string("The access token does not give the right to this."), 0
};

const ngx_api_problem_t  ngx_auth_invalid_credentials = {
    401, ngx_string("invalid_credentials"), ngx_string("Not logged in"),
    ngx_string("There is no account with this e-mail and password."), 0
};

const ngx_api_problem_t  ngx_auth_email_taken = {
    409, ngx_string("email_taken"), ngx_string("E-mail address taken"),
    ngx_string("There is an account with this e-mail address already."), 0
};

const ngx_api_problem_t  ngx_auth_refresh_token_invalid = {
    401, ngx_string("refresh_token_invalid"),
    ngx_string("Refresh token refused"),
    ngx_string("The refresh token is not good, or not any more. Log in "
               "again."), 0
};

const ngx_api_problem_t  ngx_auth_refresh_token_reused = {
    401, ngx_string("refresh_token_reused"),
    ngx_string("Refresh token used twice"),
    ngx_string("The refresh token was used before. Its session has been ended: "
               "log in again."), 0
};

const ngx_api_problem_t  ngx_auth_last_owner = {
    409, ngx_string("last_owner"), ngx_string("Last owner of a project"),
    ngx_string("Others use a project that has no owner but you. Make one of "
               "them an owner, or delete it."), 0
};

const ngx_api_problem_t  ngx_auth_server_busy = {
    503, ngx_string("server_busy"), ngx_string("Server busy"),
    ngx_string("Too many people are logging in. Try again in a second."), 1
};


ngx_int_t
ngx_auth_challenge(ngx_http_request_t *r, const ngx_api_problem_t *problem)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    /* RFC 6750, 3.1: without a token there is no error to tell of */

    if (problem == &ngx_auth_token_invalid) {
        ngx_str_set(&value, "Bearer realm=\"skep\", "
                            "error=\"invalid_token\", "
                            "error_description=\"The access token is not "
                            "valid\"");

    } else if (problem == &ngx_auth_token_expired) {
        ngx_str_set(&value, "Bearer realm=\"skep\", "
                            "error=\"invalid_token\", "
                            "error_description=\"The access token "
                            "expired\"");

    } else if (problem == &ngx_auth_token_revoked) {
        ngx_str_set(&value, "Bearer realm=\"skep\", "
                            "error=\"invalid_token\", "
                            "error_description=\"The access token was "
                            "revoked\"");
    } else if (problem == &ngx_auth_forbidden) {
        ngx_str_set(&value, "Bearer realm=\"skep\", "
                            "error=\"insufficient_scope\", "
                            "error_description=\"The access token does not "
                            "give the right to this\"");

    } else {
        ngx_str_set(&value, "Bearer realm=\"skep\"");
    }

    h = ngx_api_header_push(r, "WWW-Authenticate", &value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    r->headers_out.www_authenticate = h;

    return ngx_api_problem(r, problem, NULL);
}
