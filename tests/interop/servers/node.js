// The origin of every test: known content, echoes, delays, large fields and trailers.
//
//   node node.js (http1 | https1 | h2c | h2 | both) PORT DOCUMENTS [KEY CERTIFICATE]
//
// As `http1` it also stands behind the servers that proxy; `both` is `h2` with HTTP/1.1 beside it.
// SIGUSR2 closes idle connections and sends GOAWAY on every session, and goes on listening; SIGTERM
// also stops listening.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const net = require('net');
const path = require('path');
const { Readable, pipeline } = require('stream');
const zlib = require('zlib');

const [mode, port, documents, key, certificate] = process.argv.slice(2);

// What /live/limited takes, in octets.
const LIMIT = 1000000;
// RFC 6455 §1.3.
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

// What is pushed with a document.
const pushed = {
  '/push/page.txt': ['/static/hello.txt', '/static/lines.txt'],
  '/push/large.txt': ['/static/large.bin'],
};

// Steps that were asked for and not taken, and who waits to take one.
let steps = 0;
let stepper = null;

function takeStep() {
  if (steps === 0 || stepper === null) return;
  steps -= 1;
  const resolve = stepper;
  stepper = null;
  resolve();
}

function nextStep() {
  return new Promise((resolve) => {
    stepper = resolve;
    takeStep();
  });
}

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

  // As digest, up to a limit: above it the answer comes before the request is over.
  '/live/limited': (request, response) => {
    if (Number(request.headers['content-length']) > LIMIT) return tooLarge(request, response);
    let octets = 0;
    const count = (chunk) => {
      octets += chunk.length;
      if (octets <= LIMIT) return;
      request.off('data', count);
      tooLarge(request, response);
    };
    request.on('data', count);
    return live['/live/digest'](request, response);
  },

  '/live/trailers': (request, response) => {
    request.resume();
    request.on('end', () => response.end(request.trailers['x-checksum']));
  },

  '/live/target': (request, response) => response.end(request.url),

  '/live/hints': (request, response) => {
    response.writeEarlyHints({
      link: ['</style.css>; rel=preload; as=style', '</script.js>; rel=preload; as=script'],
    });
    response.end('hinted');
  },

  // lines.txt over and over, each time with its number, encoded on the way.
  '/live/lines': (request, response, query) => {
    const block = fs.readFileSync(path.join(documents, 'static/lines.txt'));
    const blocks = Number(query.get('blocks'));
    let n = 0;
    const source = new Readable({
      read() {
        if (n === blocks) return this.push(null);
        block.write(String(n).padStart(16, '0'));
        n += 1;
        return this.push(Buffer.from(block));
      },
    });
    response.setHeader('content-encoding', 'gzip');
    pipeline(source, zlib.createGzip({ level: 1 }), response, () => {});
  },

  // A promise, the head, a promise amid the body, the end; the promises are kept in the opposite
  // order. Before each of the four steps it waits for a request for /live/step.
  '/live/push': async (request, response) => {
    const push = (path) => new Promise((resolve, reject) => {
      const made = (error, stream) => (error ? reject(error) : resolve(stream));
      response.stream.pushStream({ ':path': path }, made);
    });
    const early = await push('/pushed/early');
    await nextStep();
    response.write('one ');
    await nextStep();
    const late = await push('/pushed/late');
    await nextStep();
    response.end('two');
    await nextStep();
    for (const [stream, text] of [[late, 'late'], [early, 'early']]) {
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      stream.end(text);
    }
  },

  '/live/step': (request, response) => {
    steps += 1;
    takeStep();
    response.end();
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

function tooLarge(request, response) {
  if (response.headersSent) return;
  response.statusCode = 413;
  // What is left of the request is not waited for; but proxies make a 502 of that.
  const isProxied = request.headers['x-forwarded-for'] !== undefined;
  if (request.httpVersionMajor === 1 && !isProxied) response.setHeader('connection', 'close');
  request.resume();
  response.end('too large');
}

function serveFile(request, response, name) {
  const file = path.join(documents, path.normalize(name));
  const { size, mtime } = fs.statSync(file);
  response.setHeader('last-modified', mtime.toUTCString());
  if (request.headers['if-modified-since'] === mtime.toUTCString()) {
    response.statusCode = 304;
    return response.end();
  }
  if (name.endsWith('/lines.txt')) {
    response.setHeader('content-type', 'text/plain');
    if (/gzip/.test(request.headers['accept-encoding'])) {
      response.setHeader('content-encoding', 'gzip');
      return response.end(request.method === 'HEAD' ? '' : zlib.gzipSync(fs.readFileSync(file)));
    }
  }
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

// Promises what belongs to the document, before its head. On HTTP/1.1 it says what could be pushed.
function push(response, paths) {
  if (!response.stream) {
    return response.setHeader('link', paths.map((name) => `<${name}>; rel=preload`));
  }
  if (!response.stream.pushAllowed) return undefined;
  for (const name of paths) {
    response.stream.pushStream({ ':path': name }, (error, stream) => {
      if (error) return;
      // A client that refuses it, or cancels it. Not respondWithFile: some versions crash when the
      // stream is reset amid the file.
      stream.on('error', () => {});
      stream.respond({ ':status': 200 });
      const file = fs.createReadStream(path.join(documents, name));
      stream.on('close', () => file.destroy());
      file.pipe(stream);
    });
  }
  return undefined;
}

function handle(request, response) {
  const url = new URL(request.url, 'http://localhost');
  request.on('error', () => {});
  response.on('error', () => {});
  if (request.httpVersionMajor === 1) {
    if (isRetiring) sayGoodbye(response);
    unanswered.add(response);
    response.on('close', () => unanswered.delete(response));
  }
  if (pushed[url.pathname]) push(response, pushed[url.pathname]);
  if (live[url.pathname]) return live[url.pathname](request, response, url.searchParams);
  try {
    return serveFile(request, response, url.pathname);
  } catch {
    response.statusCode = 404;
    return response.end('no such thing');
  }
}

// Echoes, as whatever protocol was asked for.
function upgrade(request, socket, head) {
  socket.on('error', () => {});
  if (request.headers.upgrade !== 'websocket') {
    return socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  }
  const key = request.headers['sec-websocket-key'] + WEBSOCKET_GUID;
  const accept = crypto.createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n'
    + `sec-websocket-accept: ${accept}\r\n\r\n`);
  socket.unshift(head);
  return socket.pipe(socket);
}

// A proxy's CONNECT; on HTTP/2 an extended one too, which is for the server itself.
function connect(request, target, head) {
  const isStream = target.stream !== undefined;
  const near = isStream ? target.stream : target;
  near.on('error', () => {});
  if (isStream && request.headers[':protocol'] !== undefined) {
    near.respond({ ':status': 200 });
    return near.pipe(near);
  }
  const [, host, port] = /^(.*):(\d+)$/.exec(isStream ? request.authority : request.url);
  const far = net.connect({ host, port, allowHalfOpen: true }, () => {
    if (isStream) near.respond({ ':status': 200 });
    else near.write('HTTP/1.1 200 OK\r\n\r\n');
    if (head) near.unshift(head);
    near.pipe(far).pipe(near);
  });
  return far.on('error', () => near.destroy());
}

function checkContinue(request, response) {
  const isRefused = request.url === '/live/limited'
    && Number(request.headers['content-length']) > LIMIT;
  if (!isRefused) response.writeContinue();
  handle(request, response);
}

function sayGoodbye(response) {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

let isRetiring = false;
// On HTTP/1.1.
const unanswered = new Set();
const sessions = new Set();

function create() {
  const large = 128 * 1024;
  const http1 = { maxHeaderSize: large, keepAliveTimeout: 30000 };
  const settings = {
    maxConcurrentStreams: 1024, maxHeaderListSize: large, enableConnectProtocol: true,
  };
  const http2Options = { settings, maxSessionMemory: 256, maxSendHeaderBlockLength: large };
  const secret = () => ({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) });
  switch (mode) {
    case 'http1': return http.createServer(http1);
    case 'https1': return https.createServer({ ...http1, ...secret() });
    case 'h2c': return http2.createServer(http2Options);
    case 'h2': return http2.createSecureServer({ ...http2Options, ...secret() });
    default:
      return http2.createSecureServer(
        { ...http1, ...http2Options, ...secret(), allowHTTP1: true });
  }
}

const server = create();
server.requestTimeout = 0;
server.on('request', handle);
server.on('checkContinue', checkContinue);
server.on('upgrade', upgrade);
server.on('connect', connect);
server.on('session', (session) => {
  sessions.add(session);
  session.on('close', () => sessions.delete(session));
  session.on('error', () => {});
});
// The backlog: a thousand connections may come at once.
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

const retire = () => {
  for (const session of sessions) session.close();
  if (server.closeIdleConnections) server.closeIdleConnections();
};
process.on('SIGUSR2', retire);
process.on('SIGTERM', () => {
  isRetiring = true;
  for (const response of unanswered) sayGoodbye(response);
  server.close(() => process.exit(0));
  retire();
});
