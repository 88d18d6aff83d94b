// The origin of every test: known content, echoes, delays, large fields and trailers.
//
//   node node.js (http1 | h2c | h2) PORT DOCUMENTS [KEY CERTIFICATE]
//
// As `http1` it stands behind the servers that proxy; as `h2c` and `h2` it is a server under test.
// SIGUSR2 sends GOAWAY on every session and goes on listening; SIGTERM also stops listening.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const path = require('path');

const [mode, port, documents, key, certificate] = process.argv.slice(2);

// Requests that wait until `count` of them are there.
let waiting = [];

const live = {
  // Back only when all of it is there: most proxies cannot send and receive at the same time.
  '/live/echo': (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => response.end(Buffer.concat(chunks)));
  },

  '/live/duplex': (request, response) => request.pipe(response),

  '/live/digest': (request, response) => {
    const hash = crypto.createHash('sha256');
    let octets = 0;
    request.on('data', (chunk) => {
      hash.update(chunk);
      octets += chunk.length;
    });
    request.on('end', () => response.end(`${octets} ${hash.digest('hex')}`));
  },

  '/live/no-content': (request, response) => {
    response.statusCode = 204;
    response.end();
  },

  '/live/barrier': (request, response, query) => {
    waiting.push(response);
    if (waiting.length < Number(query.get('count'))) return;
    const released = waiting;
    waiting = [];
    for (const each of released) each.end('released');
  },

  '/live/delay': (request, response, query) => {
    setTimeout(() => response.end('delayed'), Number(query.get('ms')));
  },

  // What came of the request's x-large-N fields, in order.
  '/live/request-fields': (request, response) => {
    const hash = crypto.createHash('sha256');
    let octets = 0;
    for (let n = 0; request.headers[`x-large-${n}`] !== undefined; n += 1) {
      hash.update(request.headers[`x-large-${n}`]);
      octets += request.headers[`x-large-${n}`].length;
    }
    response.end(`${octets} ${hash.digest('hex')}`);
  },

  // Fields of 1000 octets each, and their digest in the body.
  '/live/response-fields': (request, response, query) => {
    const hash = crypto.createHash('sha256');
    const count = Number(query.get('count'));
    for (let n = 0; n < count; n += 1) {
      const value = crypto.randomBytes(500).toString('hex');
      hash.update(value);
      response.setHeader(`x-large-${n}`, value);
    }
    response.end(`${count * 1000} ${hash.digest('hex')}`);
  },
};

function serveFile(request, response, name) {
  const file = path.join(documents, path.normalize(name));
  const { size } = fs.statSync(file);
  const trailers = name.endsWith('/trailers.txt');
  if (trailers) response.setHeader('trailer', 'x-checksum');
  else response.setHeader('content-length', size);
  if (request.method === 'HEAD') return response.end();
  const stream = fs.createReadStream(file);
  // A client that cancels destroys the response; the file must not stay open.
  response.on('close', () => stream.destroy());
  if (!trailers) return stream.pipe(response);
  stream.on('data', (chunk) => response.write(chunk));
  return stream.on('end', () => {
    response.addTrailers({ 'x-checksum': 'whole' });
    response.end();
  });
}

function handle(request, response) {
  const url = new URL(request.url, 'http://localhost');
  request.on('error', () => {});
  response.on('error', () => {});
  if (live[url.pathname]) return live[url.pathname](request, response, url.searchParams);
  try {
    return serveFile(request, response, url.pathname);
  } catch {
    response.statusCode = 404;
    return response.end('no such thing');
  }
}

const sessions = new Set();

function create() {
  const large = 128 * 1024;
  if (mode === 'http1') {
    const server = http.createServer({ maxHeaderSize: large, keepAliveTimeout: 30000 }, handle);
    server.requestTimeout = 0;
    return server;
  }
  const settings = { maxConcurrentStreams: 1024, maxHeaderListSize: large };
  const options = { settings, maxSessionMemory: 256, maxSendHeaderBlockLength: large };
  const server = mode === 'h2'
    ? http2.createSecureServer(
      { ...options, key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, handle)
    : http2.createServer(options, handle);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  return server;
}

const server = create();
// The backlog: a thousand connections may come at once.
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

const retire = () => { for (const session of sessions) session.close(); };
process.on('SIGUSR2', retire);
process.on('SIGTERM', () => { server.close(() => process.exit(0)); retire(); });
