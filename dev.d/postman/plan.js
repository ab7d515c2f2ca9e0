// What the Postman collection asks, in the order in which it can be run as a
// whole: what is made first is used by what follows, and what ends things
// comes last.  Each call of the API is there; some are there twice.
//
//     call    operationId of the document
//     id      when it is there twice
//     name    instead of the document's summary
//     body    what differs from the document's example; {{name}} is a variable
//     path    variable of a parameter in the path, if not the usual one
//     auth    variable with the token, if not "token"
//     save    { variable: expression of the answer's body, "body" }
//     needs   variables without which the call is left out
//     before  lines of a script that runs before the request
//     until   an expression of "body"; the request is repeated until it holds

'use strict';

const uniqueEmail = (variable, name) => [
    `pm.collectionVariables.set('${variable}',`,
    `    '${name}-' + Date.now() + '@example.com');`
];


exports.variables = {
    base_url: ['http://127.0.0.1:8080', 'where the API is'],
    email: ['', 'of your account; when it is empty, "Register" makes one'],
    password: ['correct horse', 'of that account'],
    webhook_url: ['https://example.com/hook', 'a receiver of yours'],
    admin_email: ['', 'of an admin, for the calls about all users'],
    admin_password: ['', ''],
    verification_token: ['', 'out of a mail, for "Verify an e-mail address"'],
    reset_token: ['', 'out of a mail, for "Set a new password"'],
    follow: ['', 'set it to have the stream, which does not end, in a run, too']
};


// Usual variables of parameters in paths: the longest prefix counts.
exports.paths = {
    '/v1/tasks/{id}': 'task_id',
    '/v1/comments/{id}': 'comment_id',
    '/v1/projects/{id}': 'project_id',
    '/v1/users/{id}': 'colleague_id',
    '/v1/sessions/{id}': 'session_id',
    '/v1/notifications/{id}': 'notification_id',
    '/v1/webhooks/{id}': 'webhook_id',
    '{user_id}': 'colleague_id',
    '{delivery_id}': 'delivery_id'
};


exports.folders = [
    {
        name: 'Begin',
        description: 'Makes an account, if none is named, and logs in. The ' +
            'token of the answer goes into the variable `token`, which all ' +
            'other calls use.',
        calls: [
            {
                call: 'register', id: 'register.colleague',
                name: 'Register a colleague',
                before: uniqueEmail('colleague_email', 'grace'),
                body: {
                    email: '{{colleague_email}}', password: '{{password}}',
                    name: 'Grace'
                },
                save: { colleague_id: 'body.user.id' }
            },
            {
                call: 'register', name: 'Register',
                before: [
                    '// not for an account that you have named',
                    "const made = pm.collectionVariables.get('made');",
                    '',
                    "if ((pm.variables.get('email') || made) !== made) {",
                    '    pm.execution.skipRequest();',
                    '}',
                    '',
                    ...uniqueEmail('email', 'ada'),
                    "pm.collectionVariables.set('made',",
                    "    pm.collectionVariables.get('email'));"
                ],
                body: { email: '{{email}}', password: '{{password}}' },
                save: { token: 'body.access_token' }
            },
            {
                call: 'login', name: 'Log in',
                body: { email: '{{email}}', password: '{{password}}' },
                save: {
                    token: 'body.access_token',
                    refresh_token: 'body.refresh_token'
                }
            }
        ]
    },
    {
        tag: 'Tasks',
        calls: [
            { call: 'createTask', save: { task_id: 'body.id' } },
            { call: 'listTasks' },
            { call: 'getTask' },
            { call: 'replaceTask' },
            { call: 'changeTask' },
            { call: 'completeTask' },
            { call: 'reopenTask' },
            { call: 'createTasks', save: { other_task_id: '(body.data[0] || {}).id' } },
            { call: 'changeTasks', body: { ids: ['{{other_task_id}}'] } },
            { call: 'deleteTask', path: { id: 'other_task_id' } }
        ]
    },
    {
        tag: 'Comments',
        calls: [
            { call: 'createComment', save: { comment_id: 'body.id' } },
            { call: 'listComments' },
            { call: 'getComment' },
            { call: 'changeComment' },
            { call: 'deleteComment' }
        ]
    },
    {
        tag: 'Projects',
        calls: [
            { call: 'createProject', save: { project_id: 'body.id' } },
            { call: 'listProjects' },
            { call: 'getProject' },
            { call: 'replaceProject', body: { archived: false } },
            { call: 'changeProject', body: { archived: false } },
            { call: 'listProjectTasks' },
            { call: 'addMember', body: { email: '{{colleague_email}}' } },
            { call: 'listMembers' },
            { call: 'changeMember' },
            { call: 'removeMember' },
            { call: 'deleteProject' }
        ]
    },
    {
        tag: 'Notifications',
        calls: [
            {
                call: 'listNotifications',
                until: 'body.data.length',
                save: { notification_id: '(body.data[0] || {}).id' }
            },
            { call: 'getNotification' },
            { call: 'readNotification' },
            { call: 'readAllNotifications' },
            { call: 'deleteNotification' },
            { call: 'getNotificationSettings' },
            { call: 'changeNotificationSettings', body: { own_actions: true } },
            { call: 'streamNotifications', needs: ['follow'] }
        ]
    },
    {
        tag: 'Webhooks',
        calls: [
            {
                call: 'createWebhook',
                body: { url: '{{webhook_url}}' },
                save: { webhook_id: 'body.id' }
            },
            { call: 'listWebhooks' },
            { call: 'getWebhook' },
            { call: 'replaceWebhook', body: { url: '{{webhook_url}}' } },
            { call: 'changeWebhook' },
            { call: 'rotateWebhookSecret' },
            { call: 'testWebhook' },
            {
                call: 'listDeliveries',
                until: 'body.data.some((one) => one.attempts)',
                save: { delivery_id: '(body.data[0] || {}).id' }
            },
            { call: 'retryDelivery' },
            { call: 'deleteWebhook' }
        ]
    },
    {
        tag: 'Operations',
        calls: [{ call: 'live' }, { call: 'ready' }, { call: 'getKeys' }]
    },
    {
        tag: 'Users',
        calls: [
            {
                call: 'login', id: 'login.admin', name: 'Log in as an admin',
                needs: ['admin_email', 'admin_password'],
                body: {
                    email: '{{admin_email}}', password: '{{admin_password}}'
                },
                save: { admin_token: 'body.access_token' }
            },
            { call: 'listUsers', auth: 'admin_token', needs: ['admin_token'] },
            { call: 'getUser', auth: 'admin_token', needs: ['admin_token'] },
            { call: 'changeUser', auth: 'admin_token', needs: ['admin_token'] }
        ]
    },
    {
        tag: 'Accounts',
        calls: [
            { call: 'getMe' },
            { call: 'changeMe' },
            {
                call: 'listSessions',
                save: {
                    session_id:
                        '(body.data.find((one) => !one.current) || {}).id'
                }
            },
            { call: 'endSession', needs: ['session_id'] },
            {
                call: 'refresh',
                body: { refresh_token: '{{refresh_token}}' },
                save: {
                    token: 'body.access_token',
                    refresh_token: 'body.refresh_token'
                }
            },
            { call: 'resendVerification' },
            {
                call: 'verifyEmail',
                needs: ['verification_token'],
                body: { token: '{{verification_token}}' }
            },
            { call: 'requestPasswordReset', body: { email: '{{email}}' } },
            {
                call: 'confirmPasswordReset',
                needs: ['reset_token'],
                body: {
                    token: '{{reset_token}}', new_password: '{{password}}'
                }
            },
            {
                call: 'changePassword',
                body: {
                    current_password: '{{password}}',
                    new_password: '{{password}}'
                }
            },
            { call: 'logout' },
            {
                call: 'login', id: 'login.again', name: 'Log in again',
                body: { email: '{{email}}', password: '{{password}}' },
                save: {
                    token: 'body.access_token',
                    refresh_token: 'body.refresh_token'
                }
            },
            {
                call: 'deleteMe',
                before: [
                    '// only an account that this collection has made',
                    "if (pm.variables.get('email')",
                    "    !== pm.collectionVariables.get('made')) {",
                    '    pm.execution.skipRequest();',
                    '}'
                ],
                body: { password: '{{password}}' }
            }
        ]
    }
];
