// The least a Node.js server can do: the same JSON, no routing, no authorisation, no isolation.
const body = JSON.stringify({ hello: 'world' });
require('node:http')
  .createServer((request, response) => {
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(body);
  })
  .listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
