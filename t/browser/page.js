// The reference page in a browser, as docs_page.t asks for it.
//
//     node page.js URL TOKEN DIRECTORY
//
// Reports, as JSON, what was asked of the network, what the browser complained
// of, what the page shows, and what "try it" did.  Screenshots go into the
// directory.

'use strict';

const fs = require('fs');
const net = require('net');
const path = require('path');
const { chromium } = require('playwright-core');

const [url, token, directory] = process.argv.slice(2);

const report = { requests: [], outside: [], complaints: [], csp: [] };


// What a browser asks its maker for, page or no page: the time, updates, hints.
// That a page asks for nothing there is seen by its own requests.
const makers =
    /^[A-Z]+ (http:\/\/)?[a-z0-9.-]+\.(google|googleapis|gvt1|gstatic)\.com[:/]/;


// All that is not for the host of the page goes to this proxy, which tells of
// it and passes nothing on.
function proxy() {
    return new Promise((resolve) => {
        const server = net.createServer((socket) => {
            socket.on('error', () => {});
            socket.once('data', (data) => {
                const line = data.toString('latin1').split('\r\n')[0];

                if (!makers.test(line)) {
                    report.outside.push(line);
                }

                socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
            });
        });

        server.listen(0, '127.0.0.1', () => resolve(server));
    });
}


function watch(page) {
    page.on('request', (request) => report.requests.push(request.url()));
    page.on('pageerror', (error) => report.complaints.push(String(error)));
    page.on('requestfailed', (request) =>
        report.complaints.push('failed: ' + request.url()));
    page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') {
            report.complaints.push(message.type() + ': ' + message.text());
        }
    });
    page.on('response', (response) => {
        if (response.url() === url) {
            report.csp.push(response.headers()['content-security-policy']);
        }
    });
}


async function shot(page, name) {
    await page.screenshot({ path: path.join(directory, name + '.png') });
}


// What a reader sees first, and what is behind every call.
async function read(page) {
    await page.goto(url);
    await page.waitForSelector('.opblock');
    await shot(page, 'page');

    report.title = await page.locator('.info .title').first().innerText();
    report.calls = await page.locator('.opblock').evaluateAll(
        (blocks) => blocks.map((block) => [
            block.querySelector('.opblock-summary-method').textContent,
            block.querySelector('.opblock-summary-path').dataset.path
        ].join(' ')));
    report.errors = await page.locator('.errors-wrapper').count();
}


// As somebody does it: the token into the dialogue, a call, its answer.
async function attempt(page) {
    await page.click('button.authorize');
    await page.fill('.auth-container input', token);
    await shot(page, 'authorize');
    await page.click('.auth-btn-wrapper button.authorize');
    await page.click('.auth-btn-wrapper button.btn-done');

    const call = page.locator('#operations-Tasks-listTasks');

    await call.locator('.opblock-summary-control').click();
    await call.locator('button.execute').click();
    await call.locator('.live-responses-table .response-col_status')
        .first().waitFor();
    await call.locator('.live-responses-table').scrollIntoViewIfNeeded();
    await shot(page, 'tasks');

    report.status = await call.locator(
        '.live-responses-table tbody .response-col_status').innerText();
    report.body = await call.locator(
        '.live-responses-table .highlight-code code, ' +
        '.live-responses-table pre.microlight').first().innerText();
    report.curl = await call.locator('.curl-command pre').innerText();
}


// A link with another document in it shows this one all the same.
async function mislead(page) {
    await page.goto(url + '?url=http://docs.example/openapi.json' +
        '&configUrl=http://docs.example/config.json');
    await page.waitForSelector('.opblock');
    report.misled = await page.locator('.info .title').first().innerText();
}


async function main() {
    const server = await proxy();
    const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        // root has no sandbox
        args: ['--no-sandbox'],
        proxy: {
            server: 'http://127.0.0.1:' + server.address().port,
            bypass: '127.0.0.1'
        }
    });

    try {
        const page = await browser.newPage({
            viewport: { width: 1280, height: 900 }
        });

        watch(page);
        await read(page);
        await attempt(page);
        report.storage = await page.evaluate(() =>
            JSON.stringify([localStorage, sessionStorage, document.cookie]));
        await mislead(page);

    } finally {
        await browser.close();
        server.close();
    }
}


main().then(
    () => fs.writeSync(1, JSON.stringify(report) + '\n'),
    (error) => {
        fs.writeSync(2, JSON.stringify(report) + '\n' + error.stack + '\n');
        process.exit(1);
    });
